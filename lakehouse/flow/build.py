"""Build: silver becomes gold, as far as it changed since the last build of each table.

What an upstream table's changes touch are windows (an hour of a shop, a basket, a subject); those
are built anew whole, from all rows they hold now, and put in place of the old ones in one commit.
silver that has no feed is built here too, before gold. A table with a `reach` is built from rows
around its windows: a changed row touches every window in whose reach it is.
"""

import contextlib
import functools
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import gold, ledger, silver, tables, verdicts
from lakehouse.delta import Once
from lakehouse.errors import GateFailed
from lakehouse.flow import alarms, gate
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch
from lakehouse.tables import Table
from lakehouse.verdicts import Stand

STAGE = "build"

OF_VERDICTS = tuple(
    table for table in tables.GOLD if any(name.startswith("ops.") for name in table.upstream)
)
_OF_SILVER = tuple(table for table in tables.GOLD if table not in OF_VERDICTS)

_AT_ONCE = 2  # tables in work: each waits for the storage for a part of its time
_FUNCTIONS: dict[str, Callable[..., DataFrame]] = {**silver.BUILD, **gold.BUILD}


def everything(place: Place, among: Iterable[Table] = tables.BUILT) -> list[Batch]:
    """Judge what changed, then build every table whose upstream tables changed and passed, each
    after those it stands on, and judge those; none is begun once the place is closing. What was
    found is told of, also where building fails.

    Raises GateFailed where a table did not pass, after all that could be built was.
    """
    wanted = tuple(among)
    stands = gate.judge(place, tables.SILVER)
    done: list[Batch] = []
    try:
        # What is made of the gate's verdicts comes after them.
        for part in (tables.DERIVED, _OF_SILVER, OF_VERDICTS):
            if turn := [one for one in wanted if one in part]:
                done += _built(place, stands, turn)
                stands |= judged(place, turn)
    except Exception:
        if place.lost is None:
            with contextlib.suppress(Exception):  # what broke is said, not what follows from it
                alarms.ring(place, stands)
        raise
    alarms.ring(place, stands)
    if said := verdicts.sentences(stands):
        raise GateFailed(*said)
    return done


def quick(place: Place) -> list[Batch]:
    """All but what is built from whole days."""
    return everything(place, tables.QUICK)


def _built(place: Place, stands: Mapping[str, Stand], wanted: Iterable[Table]) -> list[Batch]:
    held = verdicts.held_back(stands)
    versions = {name: stand.version for name, stand in stands.items() if name.startswith("silver.")}
    building: dict[str, Future[Batch | None]] = {}

    def after_upstream(declared: Table) -> Batch | None:
        for name in declared.upstream:
            if name in building:
                building[name].result()
        if declared.name in held or place.closing.is_set():
            return None
        return table(place, declared, versions)

    # In declared order, in which none comes before what it stands on: who waits is waited for.
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        for declared in wanted:
            building[declared.name] = workers.submit(after_upstream, declared)
    return [batch for one in building.values() if (batch := one.result())]


def table(
    place: Place,
    declared: Table,
    versions: Mapping[str, int] | None = None,
    *,
    in_full: bool = False,
) -> Batch | None:
    """Build one table; None where nothing it is built from has changed.

    Takes   versions  of upstream tables, as they passed the gate; the newest of those not named
    """
    before = place.lake.version(declared)  # first: what is worked out is of no older versions
    now = {
        name: (versions or {}).get(name, place.lake.version(tables.by_name(name)))
        for name in declared.upstream
    }
    seen = built_from(place, declared)
    changed = [name for name in declared.upstream if now[name] != seen.get(name, -1)]
    if not changed and not in_full:
        return None
    named = "-".join(str(version) for version in now.values())
    batch = ledger.started(
        STAGE,
        declared.name,
        f"{STAGE}-{declared.short_name}-{named}-{before}",
        upstream=now,
        version_before=before,
    )
    by_windows = {*declared.windows, *declared.by_subject}
    is_known = seen.keys() >= set(now)  # not where another version of the project declared fewer
    is_partial = is_known and set(changed) <= by_windows and not in_full
    touched = _touched(place, declared, changed, seen, now) if is_partial else None
    rows = frame(place, declared, now, touched)
    write(place, declared, rows.withColumn("batch_id", F.lit(batch.batch_id)), touched, batch)
    done = place.ledger.committed(ledger.timed(batch))
    place.ledger.record([done])
    return done


def judged(place: Place, wanted: Iterable[Table]) -> dict[str, Stand]:
    """How tables stand at the gate, those that are built beside the versions they were built from."""
    some = tuple(wanted)
    return gate.judge(place, some, {one.name: built_from(place, one) for one in some})


def built_from(place: Place, declared: Table) -> dict[str, int]:
    """The versions of its upstream tables that a table was last built from."""
    batches = place.ledger.of(STAGE, declared.name)
    return batches[-1].upstream if batches else {}


def frame(
    place: Place, declared: Table, versions: dict[str, int], touched: DataFrame | None = None
) -> DataFrame:
    """The rows of a built table, of the touched windows or all, from versions of its upstream."""
    read = touched if touched is None or declared.reach is None else _around(touched)
    upstream = []
    for name in declared.upstream:
        rows = place.store.read(tables.by_name(name), versions[name])
        if read is not None and name in declared.windows:
            rows = _within(rows, read, declared.windows[name])
        upstream.append(rows)
    built = _FUNCTIONS[declared.name](*upstream)
    if touched is None or declared.reach is None:
        return built
    return _within(built, touched, touched.columns)


def _within(rows: DataFrame, windows: DataFrame, by: Iterable[str]) -> DataFrame:
    """The rows that are in one of the windows, by expressions over them in order of its columns."""
    pairs = zip(windows.columns, by, strict=True)
    same = [F.expr(one).eqNullSafe(F.col(f"_{column}")) for column, one in pairs]
    renamed = windows.toDF(*(f"_{column}" for column in windows.columns))
    return rows.join(renamed, on=same, how="left_semi")


def _around(windows: DataFrame) -> DataFrame:
    """The windows, and those of the day before and the day after each."""
    *others, day = windows.columns
    days = F.explode(F.array(*(F.date_add(day, by) for by in (-1, 0, 1))))
    return windows.select(*others, days.alias(day)).distinct()


def _touched(
    place: Place,
    declared: Table,
    changed: list[str],
    seen: dict[str, int],
    now: dict[str, int],
) -> DataFrame:
    """The windows of the changed rows, named as the first columns of the table's key."""
    found: list[DataFrame] = []
    for name in changed:
        rows = place.store.changes(tables.by_name(name), seen[name], now[name])
        parts = {name: rows}
        if name in declared.by_subject:
            subjects = rows.select(F.expr(declared.by_subject[name]).alias("subject")).dropna()
            parts = _of_subjects(place, declared, subjects, now)
        for of, part in parts.items():
            windows = [
                F.expr(by).alias(column)
                for by, column in zip(declared.windows[of], declared.key, strict=False)
            ]
            every_move = _moved(part, tables.by_name(of).happened, declared.reach)
            found += [moved.select(*windows) for moved in every_move]
    return functools.reduce(DataFrame.union, found).distinct().persist()


def _of_subjects(
    place: Place, declared: Table, subjects: DataFrame, now: dict[str, int]
) -> dict[str, DataFrame]:
    """All rows of the subjects in each of the tables that give windows."""
    read = {name: place.store.read(tables.by_name(name), now[name]) for name in declared.windows}
    return {name: _within(rows, subjects, ["subject"]) for name, rows in read.items()}


def _moved(rows: DataFrame, at: str | None, reach: timedelta | None) -> list[DataFrame]:
    """The rows, and as if they had happened earlier and later by the reach: they touch what is in
    it. (By more than half a day, what is moved may pass over the day itself.)
    """
    if at is None or reach is None:
        return [rows]
    moved = (rows.withColumn(at, F.col(at) + F.lit(by)) for by in (-reach, reach))
    return [rows, *moved]


def write(
    place: Place, declared: Table, rows: DataFrame, touched: DataFrame | None, batch: Batch
) -> None:
    """Put the rows in place of those of their windows, in one commit; all where none is named."""
    # (A transaction makes a commit of no rows too: what is still empty would look changed each time.)
    if not place.ledger.of(batch.stage, declared.name):
        once = Once(batch.stage, place.lake.transaction(declared, batch.stage) + 1)
        if not place.lake.rows(declared):  # asked after the turn: who comes between takes it
            place.store.append(declared, rows, ledger.timed(batch).note(), once)
            place.ledger.taken(batch)
            return
    rows = rows.persist()
    old = place.store.read(declared)
    if touched is not None:
        old = old.join(touched, on=list(touched.columns), how="left_semi")
    keys = list(declared.key)
    gone = old.select(*keys).join(rows.select(*keys), on=keys, how="left_anti")
    place.store.merge(declared, rows, gone, ledger.timed(batch).note(), since=batch.version_before)
    rows.unpersist()
    if touched is not None:
        touched.unpersist()
