"""Whether a storage keeps its word on conditional PUTs, on which every commit stands.

Many writers race to create one key: exactly one must be told that it did, and its bytes must be
there. A storage that ignores the condition, or that looks first and writes later, lets several win;
with it two writers of a table would lose commits in silence.
"""

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING

from lakehouse import s3
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "_lakehouse/conditional-put.json"
RACERS = 4
ROUNDS = 10
_AT_ONCE = 10  # races: SeaweedFS lets who loses one wait for seconds
_RACES = "_lakehouse/races/"


@dataclass(frozen=True)
class Verdict:
    """What a probe found.

    fault    what is wrong, in a few words; None where the storage keeps its word
    storage  the endpoint that was probed
    """

    fault: str | None
    storage: str
    rounds: int
    racers: int
    seconds: float
    probed_at: str

    @property
    def is_safe(self) -> bool:
        """Whether several writers may write to it at once."""
        return self.fault is None


def unsafe(where: Settings, endpoint: str | None) -> str | None:
    """Why several writers at once would lose commits, in a sentence; None where they would not.

    Each bucket of tables is asked for the verdict that is kept with it, and probed where there is
    none, or one of another storage.
    """
    storage = s3.client(where, endpoint, RACERS * _AT_ONCE)
    name = _name(where, endpoint)

    def kept_or_new(bucket: str) -> Verdict:
        try:
            kept = Verdict(**json.loads(s3.get(storage, bucket, KEY)))
        except storage.exceptions.NoSuchKey:
            kept = None
        return kept if kept and kept.storage == name else probe(storage, bucket, name)

    faults = [found.fault for found in map(kept_or_new, _buckets(where)) if found.fault]
    if not faults:
        return None
    return (
        f"{storage.meta.endpoint_url} does not keep its word on conditional PUTs ({faults[0]}), so "
        "only one process at a time may write; AWS S3 and SeaweedFS 4.48 keep it"
    )


def probe_all(
    where: Settings, endpoint: str | None, rounds: int, racers: int
) -> dict[str, Verdict]:
    """Probe every bucket of tables; the verdicts by bucket."""
    storage, name = s3.client(where, endpoint, racers * _AT_ONCE), _name(where, endpoint)
    s3.ensure_buckets(storage, _buckets(where))
    return {
        bucket: probe(storage, bucket, name, rounds=rounds, racers=racers)
        for bucket in _buckets(where)
    }


def probe(
    storage: "S3Client", bucket: str, name: str, *, rounds: int = ROUNDS, racers: int = RACERS
) -> Verdict:
    """Let writers race in a bucket, and keep the verdict with it.

    Takes   name  the storage's, the same at every start
    """
    began = time.monotonic()
    fault = next((found for found in _races(storage, bucket, rounds, racers) if found), None)
    seconds = round(time.monotonic() - began, 3)
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    found = Verdict(fault, name, rounds, racers, seconds, now)
    s3.put(storage, bucket, KEY, json.dumps(asdict(found)).encode())
    return found


def _buckets(where: Settings) -> list[str]:
    return [where.buckets.lake, where.buckets.gold, where.buckets.ops]


def _name(where: Settings, endpoint: str | None) -> str:
    return "the project's own" if where.s3.is_ours else endpoint or "the cloud's own"


def _races(storage: "S3Client", bucket: str, rounds: int, racers: int) -> Iterator[str | None]:
    """The fault of each race; None where one won and its bytes are there."""
    run = uuid.uuid4().hex
    keys = (f"{_RACES}{run}-{turn}" for turn in range(rounds))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda key: _race(storage, bucket, key, racers), keys)


def _race(storage: "S3Client", bucket: str, key: str, racers: int) -> str | None:
    start = Barrier(racers)

    def run(racer: int) -> bool:
        start.wait()
        return s3.put_new(storage, bucket, key, str(racer).encode())

    with ThreadPoolExecutor(racers) as pool:
        winners = [str(racer) for racer, won in enumerate(pool.map(run, range(racers))) if won]
    found = s3.get(storage, bucket, key).decode()
    is_kept = not s3.put_new(storage, bucket, key, b"late")
    storage.delete_object(Bucket=bucket, Key=key)
    return _fault(winners, found, racers, is_kept=is_kept)


def _fault(winners: list[str], found: str, racers: int, *, is_kept: bool) -> str | None:
    if not is_kept:
        return "it ignores If-None-Match: a PUT with it replaced an object that was there"
    if len(winners) > 1:
        return f"it looks first and writes later: {len(winners)} of {racers} PUTs at once won"
    # Nobody: the winner's answer was lost, and the client's second try was refused.
    if winners and found != winners[0]:
        return f"it told {winners[0]} that it won and kept the bytes of {found}"
    return None
