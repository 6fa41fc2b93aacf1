"""The landing zone: which message lies in which object, and the objects' names and bytes."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from lakehouse.simulator import draws, text

# Most receivers compress what they hand in; level 3 is within 15 % of the size of 6 at half the
# time (worked out on these objects).
PLAIN_SHARE = 0.1
GZIP_LEVEL = 3
# From the close of an object to its arrival, and how late a whole object may come instead.
LAG_MS = (5_000, 60_000)
LATE_MS = (2 * 86_400_000, 5 * 86_400_000)


@dataclass(frozen=True)
class Landing:
    """Everything that lands, in order of time.

    objects   key, receiver, arrived_at, lines, is_late
    lines     the lines of all objects, one after the other, each with its end
    messages  as the lines, with object and line (from 1)
    """

    objects: pd.DataFrame
    lines: pa.Array
    messages: pd.DataFrame


def arrange(sent: pd.DataFrame, lines: pa.Array, late_share: float, seed: int) -> Landing:
    """Give every message its object and line."""
    groups = sent.groupby(["receiver", "window_at"], sort=True)
    number = groups.ngroup().to_numpy()
    objects = groups.agg(
        due_at=("due_at", "max"),
        emitted_at=("emitted_at", "max"),
        lines=("event_id", "size"),
    ).reset_index()
    objects = _named(objects, late_share, seed)

    by_time = np.lexsort((objects["key"].to_numpy(dtype=str), objects["arrived_at"]))
    rank = np.empty(len(objects), dtype=np.int64)
    rank[by_time] = np.arange(len(objects))
    objects = objects.iloc[by_time].reset_index(drop=True)

    order = np.lexsort((sent["queued_at"].to_numpy(), rank[number]))
    place = np.repeat((objects["lines"].cumsum() - objects["lines"]).to_numpy(), objects["lines"])
    messages = sent.iloc[order].reset_index(drop=True)
    messages["object"] = np.repeat(objects["key"].to_numpy(), objects["lines"])
    messages["line"] = np.arange(1, len(messages) + 1) - place
    columns = ["key", "receiver", "arrived_at", "lines", "is_late"]
    return Landing(objects[columns], lines.take(pa.array(order)), messages)


def bodies(landing: Landing) -> Iterator[tuple[str, bytes]]:
    """Key and bytes of each object; those whose key ends in .gz are compressed."""
    ends = np.r_[0, landing.objects["lines"].cumsum().to_numpy()]
    whole = text.run_together(landing.lines, ends)
    _, offsets, data = whole.buffers()
    at = np.frombuffer(offsets, dtype=np.int64)
    content = memoryview(data) if data is not None else memoryview(b"")
    for row, key in enumerate(landing.objects["key"].tolist()):
        body = bytes(content[at[row] : at[row + 1]])
        if key.endswith(".gz"):
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        yield key, body


def _named(objects: pd.DataFrame, late_share: float, seed: int) -> pd.DataFrame:
    """Arrival and key; both follow from the messages and the seed, and no two keys are equal."""
    count = len(objects)
    chance = draws.stream(seed, "landing")
    lag = chance.integers(*LAG_MS, count).astype("timedelta64[ms]")
    is_plain = chance.random(count) < PLAIN_SHARE
    late = chance.integers(*LATE_MS, count).astype("timedelta64[ms]")
    is_reference = objects["receiver"].str.startswith("reference-").to_numpy(dtype=bool)
    is_late = (chance.random(count) < late_share) & ~is_reference

    closed_at = objects[["due_at", "emitted_at"]].max(axis=1)
    arrived_at = closed_at + lag + np.where(is_late, late, np.timedelta64(0, "ms"))
    twins = arrived_at.groupby([objects["receiver"], arrived_at]).cumcount()
    arrived_at = (arrived_at + pd.to_timedelta(twins, unit="ms")).astype("datetime64[ms]")
    keys = [
        key(receiver, at, is_packed=not plain)
        for receiver, at, plain in zip(objects["receiver"], arrived_at, is_plain, strict=True)
    ]
    return objects.assign(arrived_at=arrived_at, key=keys, is_late=is_late)


def key(receiver: str, at: datetime, *, is_packed: bool) -> str:
    """The name of an object that a receiver hands in at an instant."""
    instant = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z"
    return f"{at:%Y-%m-%d}/{receiver}_{instant}.jsonl{'.gz' if is_packed else ''}"
