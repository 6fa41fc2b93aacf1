"""All stages for ever in one process: catch up, then each at a pace of its own.

Ingest is a query of Structured Streaming. Refine and build look at the ledger, in a thread each:
the hot tables as often as ingest, the others and gold less often, as a batch costs what its tables
cost and not what its rows do (docs/decisions/batches.md).
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pyspark.errors import StreamingQueryException
from pyspark.sql.streaming.query import StreamingQuery

from lakehouse import tables
from lakehouse.errors import BadSetting, BatchFailed, GateFailed
from lakehouse.flow import build, ingest, once, refine
from lakehouse.flow.loops import NEWS_SECONDS, Loop, Sign, watch
from lakehouse.flow.place import Place
from lakehouse.flow.refine import Groups
from lakehouse.landing.lines import arrived_at
from lakehouse.ledger import Batch

COLD_SECONDS = 15.0  # silver tables with few messages
GOLD_SECONDS = 60.0
SLOW_SECONDS = 600.0  # what is built from whole days
CATCH_UP = "catch up"
LOOK_SECONDS = 0.5  # how long a death or a signal may go unseen


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

    Takes   every  how often ingest and the hot tables look for work; the others do it after
                   COLD_SECONDS, GOLD_SECONDS and SLOW_SECONDS, or `every` where that is longer
            says   is called with a sentence for whatever a person should know

    Raises BatchFailed where a stage died; the others have finished their batch by then.
    """
    every_s = seconds(every)
    at_gate = AtGate(says)
    catch_up(place, at_gate)
    if place.closing.is_set():
        return
    period = f"{every_s * 1000:.0f} milliseconds"
    query = ingest.stream(place).trigger(processingTime=period).start()
    loops = _loops(place, every_s, at_gate)
    for loop in loops:
        loop.start()
    says("caught up; streaming")
    seen = Sign()
    try:
        while not place.closing.wait(LOOK_SECONDS):
            raise_fault(place, loops)
            if not query.isActive and not place.closing.is_set():
                raise once.died(ingest.STAGE, _exception(query))
            watch(ingest.STAGE, seen, _sign(query), says)
            for loop in loops:
                watch(loop.stage, loop.seen, loop.sign, says)
    finally:
        _rest(place, query, loops)
    raise_fault(place, loops)  # what the last batches died of


class AtGate:
    """Goes on where tables do not pass the gate, and says so once, whichever loop finds it."""

    def __init__(self, says: Callable[[str], object]) -> None:
        """Take what is called with a sentence."""
        self.says = says
        self._found: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def passing(self, who: str) -> Iterator[None]:
        """Say what GateFailed says where that is new, and when all pass again; each of those who
        build looks at some of the tables.
        """
        found: set[str] = set()
        try:
            yield
        except GateFailed as fault:
            found = set(fault.sentences)
        with self._lock:
            known = set().union(*self._found.values())
            if who != CATCH_UP:  # what it found is theirs now
                self._found.pop(CATCH_UP, None)
            self._found[who] = found
            for sentence in sorted(found - known):
                self.says(sentence)
            if known and not any(self._found.values()):
                self.says("all tables pass the gate again")


def _loops(place: Place, every_s: float, at_gate: AtGate) -> list[Loop]:
    small = place.interpreting()

    def refining(groups: Groups, seconds: float, follows: str | None = None) -> Loop:
        def work() -> object:
            return refine.everything(small, groups)

        return Loop(place, refine.STAGE, groups, work, max(every_s, seconds), follows=follows)

    def building(some: Groups, seconds: float) -> Loop:
        def work() -> None:
            with at_gate.passing(some[0][0].name):
                build.everything(place, *some)

        return Loop(place, build.STAGE, some, work, max(every_s, seconds))

    return [
        refining((refine.HISTORY, refine.HOT), every_s, follows=ingest.STAGE),
        refining((refine.COLD,), COLD_SECONDS),
        building((tables.QUICK,), GOLD_SECONDS),
        building((tables.SLOW,), SLOW_SECONDS),
    ]


def raise_fault(place: Place, loops: Sequence[Loop]) -> None:
    """Raise what a stage died of, in one sentence, where one did."""
    faults: list[tuple[str, Exception | None]] = [*place.faults.items()]
    faults += [(loop.stage, loop.fault) for loop in loops]
    for stage, fault in faults:
        if fault is not None:
            raise once.died(stage, fault) from fault


def catch_up(place: Place, at_gate: AtGate) -> None:
    """Take out what a crash left and do all there is to do by now, as far as `closing` lets it."""
    for stage, everything in once.STAGES.items():
        with once.in_one_sentence(place, stage), _unless_closing(place):
            once.recover(place, stage)
            if not place.closing.is_set():
                with at_gate.passing(CATCH_UP):
                    everything(place)


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
    arrived = [at for at in map(arrived_at, objects) if at]
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


def _sign(query: StreamingQuery) -> object:
    """What changes while a query is at work; None while it is at rest."""
    if not query.status["isTriggerActive"]:
        return None
    last = query.lastProgress
    return query.status["message"], last["batchId"] if last else None


def _rest(place: Place, query: StreamingQuery, loops: list[Loop]) -> None:
    """Let the batches under way finish and no further one begin, then stop the query.

    Who is cut off from the storage does not wait for them: each of their requests is tried for
    minutes.
    """
    place.closing.set()
    while place.busy[ingest.STAGE].locked() or any(map(Loop.is_alive, loops)):
        if place.lost:
            return
        time.sleep(NEWS_SECONDS)
    if not place.lost:
        query.stop()
