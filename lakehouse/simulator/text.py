"""JSON written a column at a time: every function gives one piece of text a row."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

STRING = pa.large_string()
_CLOCK = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)]


def strings(values: Any) -> pa.Array:
    """Any column as plain text; null stays null."""
    if isinstance(values, pd.Series):
        values = pa.Array.from_pandas(values)
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        values = pa.array(values)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values.cast(STRING)


def pick(names: Sequence[str | None], index: npt.ArrayLike) -> pa.Array:
    """names[index], row by row."""
    return pa.array(names, STRING).take(pa.array(np.asarray(index)))


def labels(names: Sequence[str], index: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """names[index] for frames of the truth."""
    return labels_of(pick(names, index))


def is_one_of(column: pd.Series, *words: str) -> npt.NDArray[np.bool_]:
    """Where a column of text is one of the words; null is none of them."""
    return np.asarray(column.fillna("").isin(words), dtype=np.bool_)


def only(values: npt.ArrayLike, where: npt.NDArray[np.bool_]) -> pd.Series:
    """The values as a column of text, null but where asked for."""
    return to_series(pa.array(np.asarray(values), from_pandas=True, mask=~where))


def either(where: npt.NDArray[np.bool_], values: object, others: object) -> pa.Array:
    """The values where asked for, the others elsewhere."""
    return pc.if_else(pa.array(where), strings(values), strings(others))


def labels_of(values: object) -> npt.NDArray[np.object_]:
    """A column of text for frames and numpy."""
    return np.asarray(strings(values).to_numpy(zero_copy_only=False), dtype=np.object_)


def quoted(values: object) -> pa.Array:
    """JSON strings, escaped, or null."""
    encoded = strings(values).dictionary_encode()
    escaped = pa.array([json.dumps(word) for word in encoded.dictionary.to_pylist()], STRING)
    return pc.fill_null(escaped.take(encoded.indices), "null")


def quoted_ids(values: object) -> pa.Array:
    """JSON strings of ids, which need no escaping, or null."""
    return pc.fill_null(joined('"', strings(values), '"'), "null")


def numbers(values: object) -> pa.Array:
    """JSON numbers, or null."""
    return pc.fill_null(strings(values), "null")


def instants(values: object, unit: str = "ms") -> pa.Array:
    """ISO 8601 in UTC with a Z, to the second ("s") or the millisecond ("ms")."""
    since = np.asarray(values).astype("datetime64[ms]").astype(np.int64)
    seconds, millis = np.divmod(since, 1000)
    days, second = np.divmod(seconds, 86_400)
    seen, day = np.unique(days, return_inverse=True)
    dates = np.datetime_as_string(seen.astype("datetime64[D]")).tolist()
    ends = pick([f".{number:03d}Z" for number in range(1000)], millis) if unit == "ms" else "Z"
    return joined(pick(dates, day), "T", pick(_CLOCK, second), ends)


def objects(fields: Mapping[str, object]) -> pa.Array:
    """JSON objects; each field's values are JSON already, or one text for all rows."""
    heads = [f'{"," if place else "{"}"{name}":' for place, name in enumerate(fields)]
    return joined(*chain.from_iterable(zip(heads, fields.values(), strict=True)), "}")


def arrays(items: pa.Array, sizes: npt.ArrayLike) -> pa.Array:
    """JSON arrays of the next `sizes[row]` items each."""
    ends = np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))])
    is_last = np.zeros(len(items), dtype=bool)
    is_last[ends[1:][np.diff(ends) > 0] - 1] = True
    return joined("[", run_together(joined(items, pick([",", ""], is_last.astype(int))), ends), "]")


def run_together(texts: pa.Array, ends: npt.ArrayLike) -> pa.Array:
    """Texts ends[row] .. ends[row + 1] as one text: the same bytes, only with fewer ends."""
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[texts.offset :][np.asarray(ends)]
    return pa.LargeStringArray.from_buffers(len(starts) - 1, pa.py_buffer(starts), data)


def joined(*parts: object) -> pa.Array:
    """The parts beside each other; null where one of them is null."""
    texts = [pa.scalar(part, STRING) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*texts, pa.scalar("", STRING))


def to_series(values: object) -> pd.Series:
    """Text as a column of a frame of messages."""
    return pd.Series(pd.arrays.ArrowExtensionArray(strings(values)))
