"""How every table is: without Spark, from the logs of the tables and the ledger."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse import s3, tables
from lakehouse.lake import Lake
from lakehouse.ledger import Batch, Ledger
from lakehouse.tables import Table
from lakehouse.verdicts import Stand, Verdicts, held_back, sentences

_READERS = 8  # each waits for the storage most of its time
_EVENTS = tables.by_name("bronze.events")
_OPS = tables.by_name("ops.quarantine"), tables.by_name("ops.repeats")


@dataclass(frozen=True)
class TableStatus:
    """One table as it is now.

    rows, version  by its log; null where it was not created
    newest_at      the newest event time (of gold: the newest hour or instant it speaks of)
    lag            how far it is behind, in `lag_unit`: landed objects for bronze, bronze versions
                   for silver, changed upstream tables for gold
    behind_since   when the oldest of that came; null where it is not behind
    is_late        it is behind for longer than is promised (`tables.fresh_within`)
    quarantined    messages that wait in ops.quarantine for this table
    repeated       messages in ops.repeats for this table
    waiting        bronze: messages of feeds that no silver table is declared for
    batch_id, finished_at  the last batch that wrote it or passed it by
    gate           the newest version judged, and whether it passed; or the tables that hold it back
    """

    name: str
    rows: int | None
    version: int | None
    newest_at: datetime | None
    lag: int | None
    lag_unit: str
    behind_since: datetime | None
    is_late: bool
    quarantined: int
    repeated: int
    waiting: int
    batch_id: str | None
    started_at: str | None
    gate: str | None


def of(
    lake: Lake, declared: Sequence[Table] = tables.TABLES, judged: Verdicts | None = None
) -> list[TableStatus]:
    """The tables as they are, in declared order; nothing is written.

    Takes   declared  with each of them what it is made from
            judged    the verdicts, where they were read already
    """
    with ThreadPoolExecutor(_READERS) as readers:
        verdicts = readers.submit(lambda: judged or Verdicts(lake))
        ledger = readers.submit(Ledger, lake, is_reader=True)
        landed = readers.submit(lambda: _landed(lake) if _EVENTS in declared else {})
        aside = list(readers.map(lambda table: _by_table(lake, table), _OPS))
        seen = list(readers.map(lambda table: (table, *_seen(lake, table)), declared))
    versions = {table.name: version for table, _, version, _ in seen}
    quarantined, repeated = aside
    stands = {table.name: verdicts.result().stand(table.name) for table in tables.TABLES}
    held = held_back(stands)
    found = []
    for table, rows, version, newest in seen:
        last = _last(ledger.result(), table)
        lag, unit = _lag(table, ledger.result(), versions, landed.result())
        since = _since(lake, table, ledger.result(), landed.result()) if lag else None
        waiting = sum(ledger.result().waiting().values()) if table is _EVENTS else 0
        found.append(
            TableStatus(
                table.name,
                rows,
                version,
                newest,
                lag,
                unit,
                since,
                _is_late(table, since),
                quarantined[table.name],
                repeated[table.name],
                waiting,
                last.batch_id if last else None,
                last.started_at if last else None,
                _gate(stands[table.name], held.get(table.name, [])),
            )
        )
    return found


def _seen(lake: Lake, table: Table) -> tuple[int | None, int | None, datetime | None]:
    if not lake.exists(table):
        return None, None, None
    opened = lake.open(table)
    files = pa.table(opened.get_add_actions(flatten=True))
    highest = f"max.{table.newest_by}"
    newest = None
    if files.num_rows and highest in files.column_names:
        newest = pc.max(files[highest]).as_py()
    return opened.count(), opened.version(), newest


def held_up(lake: Lake) -> list[str]:
    """A sentence for each table that did not pass the gate."""
    verdicts = Verdicts(lake)
    return sentences({table.name: verdicts.stand(table.name) for table in tables.TABLES})


def _gate(stand: Stand, held_by: list[str]) -> str | None:
    if held_by:
        return f"held back by {', '.join(held_by)}"
    if stand.version < 0:
        return None
    said = "failed" if stand.broken else f"{len(stand.failed)} warn" if stand.failed else "passed"
    return f"{stand.version} {said}"


def _by_table(lake: Lake, table: Table) -> Counter[str]:
    if not lake.exists(table):
        return Counter()
    return Counter(lake.read(table, "table_name")["table_name"].to_pylist())


def _landed(lake: Lake) -> dict[str, datetime]:
    """When each object landed, by the clock of the storage."""
    landed = s3.objects(lake.storage, lake.settings.buckets.landing)
    return {one["Key"]: one["LastModified"] for one in landed}


def _last(ledger: Ledger, table: Table) -> Batch | None:
    mine = ledger.batches_of(table.name)
    return max(mine, key=lambda batch: batch.started_at) if mine else None


def _lag(
    table: Table, ledger: Ledger, versions: dict[str, int | None], landed: dict[str, datetime]
) -> tuple[int | None, str]:
    if table is _EVENTS:
        return len(landed.keys() - ledger.ingested()), "objects"
    if table in tables.SILVER:
        bronze = versions.get(_EVENTS.name)
        refined = _reached(table, ledger)[_EVENTS.name]
        return (None if bronze is None else max(bronze - refined, 0)), "versions"
    if table in tables.BUILT:
        there = {name: version for name, version in versions.items() if version is not None}
        reached = _reached(table, ledger)
        return sum(there.get(name, -1) != read for name, read in reached.items()), "tables"
    return None, ""


def _since(
    lake: Lake, table: Table, ledger: Ledger, landed: dict[str, datetime]
) -> datetime | None:
    """When the oldest of what a table is behind of landed or was committed."""
    if table is _EVENTS:
        return min(landed[name] for name in landed.keys() - ledger.ingested())
    waiting = [
        lake.committed_at(upstream, reached + 1)
        for name, reached in _reached(table, ledger).items()
        if reached < lake.version(upstream := tables.by_name(name))
    ]
    return min(waiting, default=None)


def _is_late(table: Table, since: datetime | None) -> bool:
    promised = tables.fresh_within(table)
    if since is None or promised is None:
        return False
    return datetime.now(UTC) - since > promised


def _reached(table: Table, ledger: Ledger) -> dict[str, int]:
    """The versions of its upstream tables that a table was made from; -1 where from none."""
    if table in tables.SILVER:
        done = [batch.source_to for batch in ledger.of("refine", table.name)]
        return {_EVENTS.name: max((one for one in done if one is not None), default=-1)}
    built = ledger.of("build", table.name)
    read = built[-1].upstream if built else {}
    return {name: read.get(name, -1) for name in table.upstream}
