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
from dataclasses import dataclass, field

from pyspark.errors import StreamingQueryException
from pyspark.sql.streaming.query import StreamingQuery

from lakehouse import landing
from lakehouse.errors import BadSetting, BatchFailed, GateFailed
from lakehouse.flow import build, ingest, once, refine
from lakehouse.flow.place import Place
from lakehouse.flow.refine import Groups
from lakehouse.ledger import Batch

COLD_SECONDS = 15.0  # silver tables with few messages
GOLD_SECONDS = 60.0
SLOW_SECONDS = 600.0  # what is built from whole days
CATCH_UP = "catch up"
LOOK_SECONDS = 0.5  # how long a death or a signal may go unseen
_NEWS_SECONDS = 0.1  # and a batch that another stage waits for
# Spark reports an idle stream every 10 s; only one long batch, or a stream that hangs, is so quiet.
SILENT_SECONDS = 600.0


@dataclass
class _Sign:
    """When something last showed a sign of life."""

    seen_at: float = field(default_factory=time.monotonic)
    sign: object = None
    is_silent: bool = False


class _Loop(threading.Thread):
    """Work on some tables that is done again and again until the place is closing."""

    def __init__(
        self,
        place: Place,
        stage: str,
        of: Groups,
        work: Callable[[], object],
        every_s: float,
        *,
        follows: str | None = None,
    ) -> None:
        """Take what to do, and how often, and a stage after whose batches it is due at once."""
        super().__init__(name=stage, daemon=True)
        self.place = place
        self.stage = stage
        self.names = {table.name for group in of for table in group}
        self.work = work
        self.every_s = every_s
        self.follows = follows
        self.followed: str | None = None
        self.turns = 0
        self.is_busy = False
        self.fault: Exception | None = None
        self.seen = _Sign()

    def run(self) -> None:
        began = time.monotonic()
        while not self._rests(began):
            began, self.followed = time.monotonic(), self._newest_followed()
            self.is_busy = True
            try:
                self.work()
            except Exception as fault:  # it is raised by who watches
                self.fault = fault
                return
            self.is_busy = False
            self.turns += 1

    def _rests(self, since: float) -> bool:
        """Wait until work is due; True where the place is closing."""
        while time.monotonic() < since + self.every_s and self._newest_followed() == self.followed:
            if self.place.closing.wait(min(self.every_s, _NEWS_SECONDS)):
                return True
        return self.place.closing.is_set()

    def _newest_followed(self) -> str | None:
        if self.follows is None:
            return None
        batches = reversed(self.place.ledger.batches)
        return next((batch.batch_id for batch in batches if batch.stage == self.follows), None)

    @property
    def sign(self) -> object:
        """What changes while it is at work, with each turn and batch; None while it is at rest."""
        if not self.is_busy:
            return None
        newest = (batch for batch in reversed(self.place.ledger.batches) if self._did(batch))
        return self.turns, next((batch.batch_id for batch in newest), None)

    def _did(self, batch: Batch) -> bool:
        return batch.stage == self.stage and batch.table_name in self.names


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
    seen = _Sign()
    try:
        while not place.closing.wait(LOOK_SECONDS):
            raise_fault(place, loops)
            if not query.isActive and not place.closing.is_set():
                raise once.died(ingest.STAGE, _exception(query))
            _watch(ingest.STAGE, seen, _sign(query), says)
            for loop in loops:
                _watch(loop.stage, loop.seen, loop.sign, says)
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


def _loops(place: Place, every_s: float, at_gate: AtGate) -> list[_Loop]:
    small = place.interpreting()

    def refining(groups: Groups, seconds: float, follows: str | None = None) -> _Loop:
        def work() -> object:
            return refine.everything(small, groups)

        return _Loop(place, refine.STAGE, groups, work, max(every_s, seconds), follows=follows)

    def building(some: Groups, seconds: float) -> _Loop:
        def work() -> None:
            with at_gate.passing(some[0][0].name):
                build.everything(place, *some)

        return _Loop(place, build.STAGE, some, work, max(every_s, seconds))

    return [
        refining((refine.HISTORY, refine.HOT), every_s, follows=ingest.STAGE),
        refining((refine.COLD,), COLD_SECONDS),
        building((build.QUICK,), GOLD_SECONDS),
        building((build.SLOW,), SLOW_SECONDS),
    ]


def raise_fault(place: Place, loops: Sequence[_Loop]) -> None:
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


def _sign(query: StreamingQuery) -> object:
    """What changes while a query is at work; None while it is at rest."""
    if not query.status["isTriggerActive"]:
        return None
    last = query.lastProgress
    return query.status["message"], last["batchId"] if last else None


def _watch(stage: str, seen: _Sign, sign: object, says: Callable[[str], object]) -> None:
    """Say it when a stage is at the same work for long; a `sign` of None is one at rest."""
    now = time.monotonic()
    if sign is None or sign != seen.sign:
        seen.sign, seen.seen_at, seen.is_silent = sign, now, False
    elif now - seen.seen_at > SILENT_SECONDS and not seen.is_silent:
        seen.is_silent = True
        says(f"{stage} has been silent for {SILENT_SECONDS / 60:.0f} minutes")


def _rest(place: Place, query: StreamingQuery, loops: list[_Loop]) -> None:
    """Let the batches under way finish and no further one begin, then stop the query.

    Who is cut off from the storage does not wait for them: each of their requests is tried for
    minutes.
    """
    place.closing.set()
    while place.busy[ingest.STAGE].locked() or any(map(_Loop.is_alive, loops)):
        if place.lost:
            return
        time.sleep(_NEWS_SECONDS)
    if not place.lost:
        query.stop()
