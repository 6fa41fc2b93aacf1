"""The gate: each version of a table is judged once by its rule file, before gold is built from it.

What a rule looks at is fixed: the version itself, other tables at versions of their own, and the
ledger. A verdict counts when its row is in ops.quality_results; a run that is cut off before that is
done again and comes to the same.
"""

import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse import ledger, tables
from lakehouse.delta import Store
from lakehouse.flow import counted, sight, suites
from lakehouse.flow.figures import Figures
from lakehouse.flow.place import Place
from lakehouse.flow.suites import Gate
from lakehouse.session import interpreting
from lakehouse.tables import Table
from lakehouse.verdicts import COUNTED, FAILED, PASSED, Stand, Verdict

if TYPE_CHECKING:
    from lakehouse.quality.judge import Judgement

_AT_ONCE = 2  # tables judged: what GX does between its queries leaves a core to the other
_FEW = 200_000  # rows that are judged before code for judging them is generated and compiled


@dataclass(frozen=True)
class _Run:
    """One run of the gate over some tables."""

    place: Place
    run_id: str
    figures: Figures

    def verdict(self, gate: Gate, rule_id: str, version: int, **known: Any) -> Verdict:
        """A row of ops.quality_results; what is not known of it is null."""
        rule = gate.rules.get(rule_id)
        row: dict[str, Any] = dict.fromkeys(("observed", "checked", "unexpected"))
        row |= {
            "table_name": gate.table_name,
            "version": version,
            "expectation_id": rule_id,
            "severity": rule.severity if rule else "ledger",
            "dimension": rule.dimension if rule else "",
            "sentence": rule.sentence if rule else "",
            "duration_ms": 0,
            "arrived_at": self.figures.arrived_at(tables.by_name(gate.table_name), version),
            "run_id": self.run_id,
            "judged_at": datetime.now(UTC),
            "rules_version": gate.version,
            "code_version": ledger.code_version(),
        }
        return Verdict(**row | known)


def judge(
    place: Place,
    wanted: Iterable[Table],
    built: Mapping[str, Mapping[str, int]] | None = None,
    *,
    again: bool = False,
) -> dict[str, Stand]:
    """Judge the newest version of each table that was not judged yet, or did not pass; and of the
    others what the ledger alone can tell.

    Takes   built  of gold tables the versions of others that they were built from; what is not in
                   it is looked at as it is now
            again  what passed is judged once more too
    Gives   how each of the tables stands now, by name, at the version that was the newest
    """
    with place.busy.setdefault("gate", threading.Lock()):  # a version is judged once
        return _judge(place, wanted, built or {}, again=again)


def _judge(
    place: Place,
    wanted: Iterable[Table],
    built: Mapping[str, Mapping[str, int]],
    *,
    again: bool,
) -> dict[str, Stand]:
    # Others may write meanwhile: what a table names is looked for in a version as new as it, or newer,
    # and the ledger knows of all of them.
    wanted = tuple(wanted)
    now = {table.name: place.lake.version(table) for table in reversed(tables.TABLES)}
    if any(table.feed for table in wanted):
        place.ledger.fold()
    run = _Run(place, f"gate-{secrets.token_hex(6)}", Figures(place.ledger, place.arrivals))
    found: list[Verdict] = []
    resting: list[tuple[Gate, Stand]] = []
    stands: dict[str, Stand] = {}

    def judged(table: Table, stand: Stand) -> list[Verdict]:
        if place.closing.is_set():
            return []
        return _judged(run, table, stand, now | dict(built.get(table.name, {})))

    waiting: list[tuple[Table, Stand, bool]] = []
    for table in wanted:
        gate, stand = suites.of(table), place.verdicts.stand(table.name)
        stands[table.name] = replace(stand, version=now[table.name])
        if not gate.rules or now[table.name] < 1 or place.closing.is_set():  # 0: just created
            continue
        is_judged = (stand.version, stand.rules_version) == (now[table.name], gate.version)
        if is_judged and not stand.broken and not again:
            resting.append((gate, stand))
        else:
            waiting.append((table, stand, is_judged))
    with ThreadPoolExecutor(_AT_ONCE) as judges:
        judging = [judges.submit(judged, table, stand) for table, stand, _ in waiting]
    for (table, _, is_judged), verdicts in zip(waiting, judging, strict=True):
        if not is_judged or _differs(verdicts.result(), place.verdicts.newest(table.name)):
            found += verdicts.result()
    found += _watched(run, resting)
    place.verdicts.record(found)
    return {
        name: replace(place.verdicts.stand(name), version=stand.version)
        for name, stand in stands.items()
    }


def _differs(verdicts: Sequence[Verdict], before: dict[str, Verdict]) -> bool:
    """Whether a version that was judged already is found otherwise now; else nothing is new."""
    return any(
        one.verdict != COUNTED
        and (one.expectation_id not in before or before[one.expectation_id].verdict != one.verdict)
        for one in verdicts
    )


def _judged(run: _Run, table: Table, stand: Stand, seen: Mapping[str, int]) -> list[Verdict]:
    """Judge one version, and count what its row rules and the ledger say of what is new in it."""
    gate, version = suites.of(table), seen[table.name]
    batches = run.figures.batches(table, stand.version, version)
    rows = [
        run.verdict(gate, rule_id, version, verdict=COUNTED, **known)
        for rule_id, known in counted.rules(run.place, gate, batches)
    ]
    if not gate.raw:
        return rows
    # Views, and what GX calls by a name of its own, are this judgement's alone.
    is_small = run.place.lake.rows(table, version) <= _FEW
    session = interpreting(run.place.spark) if is_small else run.place.spark.newSession()
    store = Store(session, run.place.settings, run.place.lake)
    here = run.figures.arrived_at(table, version)
    sight.name_views(store, gate, seen, sight.reference(run.place, table, version, here))
    sight.name_ledger(session, run.figures)
    from lakehouse.quality import judge as gx  # noqa: PLC0415  it takes seconds to load

    figures = run.figures.sums(run.figures.batches(table, -1, version))
    frame = store.read(table, version)
    judged, seconds = gx.judge(table.name, frame, gate.raw, figures, table.subjects)
    return [*(_said(run, gate, version, one, seconds) for one in judged), *rows]


def _said(run: _Run, gate: Gate, version: int, one: "Judgement", seconds: float) -> Verdict:
    return run.verdict(
        gate,
        one.id.rpartition("/")[2],
        version,
        verdict=PASSED if one.holds else FAILED,
        observed=one.observed,
        checked=one.checked,
        unexpected=one.unexpected,
        duration_ms=round(seconds * 1000),
    )


def _watched(run: _Run, resting: Sequence[tuple[Gate, Stand]]) -> list[Verdict]:
    """What the ledger says of tables that have not changed, such as a feed that has fallen silent;
    only what is otherwise than before.
    """
    asked = [(gate, rule, stand) for gate, stand in resting for rule in gate.of_ledger]
    # What has not arrived since makes no feed silent.
    if not asked or run.figures.newest_arrival() == run.place.verdicts.newest_arrival:
        return []
    from lakehouse.quality import judge as gx  # noqa: PLC0415  it takes seconds to load

    session = run.place.spark.newSession()
    sight.name_ledger(session, run.figures)
    rules = [
        rule | {"meta": rule["meta"] | {"id": f"{gate.table_name}/{rule['meta']['id']}"}}
        for gate, rule, _ in asked
    ]
    judged, seconds = gx.judge("ops.batches", session.range(1).toDF("one"), rules, {})
    found = [
        _said(run, gate, stand.version, one, seconds)
        for (gate, _, stand), one in zip(asked, judged, strict=True)
    ]
    return [one for one in found if _differs([one], run.place.verdicts.newest(one.table_name))]
