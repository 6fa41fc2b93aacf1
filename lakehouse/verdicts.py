"""ops.quality_results: what the gate found of each version of each table, read and written without
Spark.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from lakehouse import tables
from lakehouse.lake import Lake

RESULTS = tables.by_name("ops.quality_results")

PASSED, FAILED, COUNTED = "passed", "failed", "counted"


@dataclass(frozen=True)
class Verdict:
    """One row of ops.quality_results; the columns are explained there."""

    table_name: str
    version: int
    expectation_id: str
    severity: str
    dimension: str
    verdict: str
    sentence: str
    observed: float | None
    checked: int | None
    unexpected: int | None
    duration_ms: int
    arrived_at: datetime | None
    run_id: str
    judged_at: datetime
    rules_version: str
    code_version: str

    @property
    def told(self) -> str:
        """What does not hold, with the number that says so."""
        number = self.observed if self.unexpected is None else float(self.unexpected)
        found = "" if number is None else f", found {number:,.6g}"
        return f'not "{self.sentence}" ({self.expectation_id}{found})'

    @property
    def holds_back(self) -> bool:
        """Whether nothing may be built from the version because of it."""
        return self.verdict == FAILED and self.severity == "fail"


@dataclass(frozen=True)
class Stand:
    """How a table stands at the gate, by the newest verdict of each of its rules.

    version  the newest version judged; -1 where none was
    failed   verdicts of rules that do not hold, those that hold gold back first
    since    the first of the versions at which each of them has not held, by its id
    """

    table_name: str
    version: int
    rules_version: str
    failed: tuple[Verdict, ...]
    since: dict[str, int]

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """Those because of which nothing may be built from the table."""
        return tuple(one for one in self.failed if one.holds_back)


class Verdicts:
    """The verdicts of one lakehouse; read once, then kept up with what is recorded.

    newest_arrival  what the newest of them could know of
    """

    def __init__(self, lake: Lake) -> None:
        """Read ops.quality_results, oldest first."""
        self.lake = lake
        self._lock = threading.Lock()
        self.newest_arrival: datetime | None = None
        self._newest: dict[str, dict[str, Verdict]] = {}
        self._since: dict[tuple[str, str], int] = {}
        self._seen: dict[str, dict[int, datetime | None]] = {}
        self._broken: dict[tuple[str, int], set[str]] = {}
        self._take(_read(lake))

    def stand(self, table_name: str) -> Stand:
        """How a table stands."""
        with self._lock:
            # A rule that its file has no longer is judged no longer.
            mine = list(self._newest.get(table_name, {}).values())
            last = max(mine, key=lambda one: (one.judged_at, one.version), default=None)
            rules = last.rules_version if last else ""
            failed = [one for one in mine if one.verdict == FAILED and one.rules_version == rules]
            failed.sort(key=lambda one: (not one.holds_back, one.expectation_id))
            since = {
                one.expectation_id: self._since[table_name, one.expectation_id] for one in failed
            }
            version = max((one.version for one in mine), default=-1)
        return Stand(table_name, version, rules, tuple(failed), since)

    def newest(self, table_name: str) -> dict[str, Verdict]:
        """The newest verdict of each rule of a table, by its id."""
        with self._lock:
            return dict(self._newest.get(table_name, {}))

    def good(self, table_name: str) -> dict[int, datetime]:
        """The versions of a table that passed, each with the newest arrival that it can know of."""
        with self._lock:
            return {
                version: arrived_at
                for version, arrived_at in self._seen.get(table_name, {}).items()
                if arrived_at and not self._broken.get((table_name, version))
            }

    def record(self, verdicts: list[Verdict]) -> None:
        """Append verdicts, in one commit."""
        if verdicts:
            self.lake.add(RESULTS, [asdict(one) for one in verdicts])
            self._take(verdicts)

    def _take(self, verdicts: Iterable[Verdict]) -> None:
        with self._lock:
            for one in verdicts:
                self._newest.setdefault(one.table_name, {})[one.expectation_id] = one
                key = one.table_name, one.expectation_id
                self.newest_arrival = _later(self.newest_arrival, one.arrived_at)
                self._seen.setdefault(one.table_name, {})[one.version] = one.arrived_at
                if one.verdict == FAILED:
                    self._since.setdefault(key, one.version)
                else:
                    self._since.pop(key, None)
                broken = self._broken.setdefault((one.table_name, one.version), set())
                if one.holds_back:
                    broken.add(one.expectation_id)
                else:
                    broken.discard(one.expectation_id)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def held_back(stands: Mapping[str, Stand]) -> dict[str, list[str]]:
    """The tables that are not built, each with the tables because of which it is not."""
    held: dict[str, list[str]] = {}
    for table in tables.BUILT:  # in declared order, in which none comes before what it stands on
        because: list[str] = []
        for name in table.upstream:
            because += held.get(name, [])
            if name in stands and stands[name].broken and not name.startswith("gold."):
                because.append(name)
        if because:
            held[table.name] = sorted(set(because))
    return held


def sentences(stands: Mapping[str, Stand]) -> list[str]:
    """A sentence for each table that did not pass: since when, what breaks, what that holds back."""
    held = held_back(stands)
    found = []
    for name, stand in stands.items():
        if not stand.broken:
            continue
        first = stand.broken[0]
        more = f" and {len(stand.broken) - 1} more" if len(stand.broken) > 1 else ""
        kept = [built for built, because in held.items() if name in because]
        ends = f"{', '.join(kept)} stay as they are" if kept else "nothing should be built on it"
        found.append(
            f"{name} has not passed the gate since version {stand.since[first.expectation_id]}: "
            f"{first.told}{more}; {ends}; `lakehouse gate {name}` shows more"
        )
    return found


def all_of(lake: Lake) -> list[Verdict]:
    """Every verdict that was recorded, oldest first."""
    return _read(lake)


def _read(lake: Lake) -> list[Verdict]:
    if not lake.exists(RESULTS):
        return []
    rows = lake.read(RESULTS).to_pylist()
    found = [Verdict(**row) for row in rows]
    return sorted(found, key=lambda one: (one.judged_at, one.version))
