"""Promise 6, no customer by name: a byte search for every raw subject that ever landed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse import s3
from lakehouse.flow.promises.evidence import Evidence, listed
from lakehouse.settings import home

_LEAST = 10  # bytes: a shorter subject is not recognisable, "1" is everywhere
_READERS = 2
_WORD = 8  # bytes
_BITS = 22  # of the table's 4 MiB: of 3,000 subjects one place in 1,400 has to be looked at closer
_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, of the golden ratio: Knuth's multiplicative hash


class Needles:
    """The subjects to look for: first for how they begin, then for the whole.

    Every place of the text is looked at as a word of 8 bytes, and a table says whether a subject
    may begin so: as fast for thousands of subjects as for one.
    """

    def __init__(self, subjects: frozenset[bytes]) -> None:
        """Take those that are long enough to be recognised."""
        self.whole = {subject for subject in subjects if len(subject) >= _LEAST}
        self._lengths = sorted({len(subject) for subject in self.whole})
        starts = b"".join(sorted({subject[:_WORD] for subject in self.whole}))
        self._may_begin = np.zeros(1 << _BITS, dtype=np.bool_)
        self._may_begin[_slots(starts, 0)] = True

    def within(self, text: pa.Buffer | bytes) -> set[bytes]:
        """The subjects that stand in some bytes."""
        held = memoryview(text)
        places = (
            place * _WORD + shift
            for shift in range(min(_WORD, len(held)))
            for place in np.flatnonzero(self._may_begin[_slots(held, shift)]).tolist()
        )
        return {
            bytes(held[at : at + length]) for at in places for length in self._lengths
        } & self.whole


def _slots(text: bytes | memoryview, shift: int) -> npt.NDArray[np.uint64]:
    """The slot in the table of every eighth place of the text, from `shift` on."""
    words = np.frombuffer(text, "<u8", (len(text) - shift) // _WORD, shift)
    return (words * _MIX) >> np.uint64(64 - _BITS)


def found(evidence: Evidence) -> Iterator[str]:
    """Sentences about the objects and logs in which a raw subject stands."""
    needles = Needles(frozenset(chain.from_iterable(one.subjects for one in evidence.landed)))
    buckets = evidence.place.settings.buckets
    storage = evidence.place.zone.storage()
    objects = [
        (bucket, one["Key"])
        for bucket in sorted({buckets.lake, buckets.gold, buckets.ops})
        for one in s3.objects(storage, bucket)
    ]

    def search(where: tuple[str, str]) -> set[bytes]:
        return _in_object(needles, s3.get(storage, *where))

    with ThreadPoolExecutor(_READERS) as readers:
        for (bucket, key), subjects in zip(objects, readers.map(search, objects), strict=True):
            if subjects:
                yield f"{bucket}/{key} holds {_told(subjects)}"
    for path in _logs():
        if subjects := needles.within(path.read_bytes()):
            yield f"{path.relative_to(home())} holds {_told(subjects)}"


def _told(subjects: set[bytes]) -> str:
    """How many, and how the first begins: the report itself names no customer."""
    begin = sorted(subject[:_LEAST].decode("utf-8", "replace") + "…" for subject in subjects)
    return f"{len(subjects)} raw subjects ({listed(begin)})"


def _in_object(needles: Needles, body: bytes) -> set[bytes]:
    """The subjects in an object: in its bytes, and in what Parquet has compressed."""
    there = needles.within(body)
    if body[:4] == body[-4:] == b"PAR1":
        for batch in pq.ParquetFile(pa.BufferReader(body)).iter_batches():
            for column in batch.columns:
                for texts in _texts(column):
                    there |= needles.within(texts)
    return there


def _texts(column: pa.Array) -> Iterator[pa.Buffer]:
    """The bytes of every text in a column, however deep: one buffer each, texts end to end."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _texts(column.dictionary)
    elif pa.types.is_struct(kind):
        for at in range(kind.num_fields):
            yield from _texts(column.field(at))
    elif pa.types.is_map(kind):
        yield from _texts(column.keys)
        yield from _texts(column.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _texts(column.values)
    elif kind in (pa.string(), pa.binary(), pa.large_string(), pa.large_binary()):
        yield column.buffers()[2] or pa.py_buffer(b"")


def _logs() -> list[Path]:
    logs = [path for path in (home() / "logs").rglob("*") if path.is_file()]
    return [path for path in (*sorted(logs), home() / "s3.log") if path.exists()]
