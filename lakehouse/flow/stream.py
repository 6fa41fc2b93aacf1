"""All stages for ever in one process: catch up, then a trigger every few seconds."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyspark.errors import StreamingQueryException
from pyspark.sql.streaming.query import StreamingQuery

from lakehouse import landing, tables
from lakehouse.errors import BadSetting, BatchFailed
from lakehouse.flow import build, ingest, once, refine
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch

STREAMS = {ingest.STAGE: ingest.stream, refine.STAGE: refine.stream, build.STAGE: build.stream}
LOOK_SECONDS = 0.5  # how long a death or a signal may go unseen
# Spark reports an idle stream every 10 s; only one long batch, or a stream that hangs, is so quiet.
SILENT_SECONDS = 600.0


@dataclass
class _Watched:
    """One stage's query, and when it last showed a sign of life."""

    query: StreamingQuery
    seen_at: float = field(default_factory=time.monotonic)
    sign: str = ""
    is_silent: bool = False


def seconds(every: str) -> float:
    """`500ms`, `5s` or `1m` in seconds.

    Raises BadSetting for anything else.
    """
    found = re.fullmatch(r"(\d+) ?(ms|s|m)", every.strip())
    if found is None or int(found[1]) == 0:
        raise BadSetting(f"--every {every!r}: a number with ms, s or m, such as 500ms, 5s, 1m")
    return int(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0}[found[2]]


def for_ever(place: Place, every: str, says: Callable[[str], object]) -> None:
    """Run every stage until `place.closing` is set or a stage dies; then bring all to rest.

    Takes   every  how often each stage looks for work
            says   is called with a sentence for whatever a person should know

    Raises BatchFailed where a stage died; the others have finished their batch by then.
    """
    period = f"{seconds(every) * 1000:.0f} milliseconds"
    catch_up(place)
    if place.closing.is_set():
        return
    watched = {
        stage: _Watched(stream(place).trigger(processingTime=period).start())
        for stage, stream in STREAMS.items()
    }
    says("caught up; streaming")
    try:
        while not place.closing.wait(LOOK_SECONDS):
            for stage, one in watched.items():
                if not one.query.isActive:
                    raise once.died(stage, place.faults.get(stage) or _exception(one.query))
                _watch(stage, one, says)
    finally:
        _rest(place, {stage: one.query for stage, one in watched.items()})


def catch_up(place: Place) -> None:
    """Take out what a crash left and do all there is to do, as far as `closing` lets it."""
    for stage in STREAMS:
        with once.in_one_sentence(place, stage):
            place.recover(stage)
    with once.in_one_sentence(place, ingest.STAGE), _unless_closing(place):
        ingest.everything(place)
    with once.in_one_sentence(place, refine.STAGE):
        while not place.closing.is_set() and refine.step(place):
            pass
    with once.in_one_sentence(place, build.STAGE):
        for declared in tables.GOLD:
            if not place.closing.is_set():
                build.table(place, declared)


def lag_s(place: Place, batch: Batch, now: float) -> float | None:
    """Seconds since the newest message of a batch arrived; None where it read no message."""
    if batch.stage == ingest.STAGE:
        objects = batch.objects
    else:
        after, until = batch.source_from, batch.source_to
        if after is None or until is None:
            return None
        objects = [
            name
            for earlier in place.ledger.of(ingest.STAGE)
            if earlier.version_after is not None and after < earlier.version_after <= until
            for name in earlier.objects
        ]
    arrived = [at for at in map(landing.arrived_at, objects) if at]
    return now - max(arrived).timestamp() if arrived else None


@contextmanager
def _unless_closing(place: Place) -> Iterator[None]:
    """Let pass what ends a stream because `closing` was set: no batch was lost by it."""
    try:
        yield
    except StreamingQueryException:
        if not place.closing.is_set() or place.faults:
            raise


def _exception(query: StreamingQuery) -> Exception:
    return query.exception() or BatchFailed("it ended without a reason")


def _watch(stage: str, one: _Watched, says: Callable[[str], object]) -> None:
    """Say it when a stage's trigger goes on for long without a batch being done."""
    now = time.monotonic()
    status = one.query.status
    last = one.query.lastProgress
    sign = f"{status['message']} {last['batchId'] if last else ''}"
    if not status["isTriggerActive"] or sign != one.sign:
        one.sign, one.seen_at, one.is_silent = sign, now, False
    elif now - one.seen_at > SILENT_SECONDS and not one.is_silent:
        one.is_silent = True
        says(f"{stage} has been silent for {SILENT_SECONDS / 60:.0f} minutes: {status['message']}")


def _rest(place: Place, queries: dict[str, StreamingQuery]) -> None:
    """Let the batches under way finish and no further one begin, then stop the queries."""
    place.closing.set()
    for stage, query in queries.items():
        with place.busy[stage]:
            pass
        query.stop()
