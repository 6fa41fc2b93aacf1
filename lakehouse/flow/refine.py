"""Refine: bronze.events become the silver tables; what breaks a rule goes to quarantine.

Each table keeps its own progress, the bronze version that it has reached, in the ledger. The
tables that are equally far are refined together; one that was declared later starts at the first
version and catches up.
"""

from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql.streaming import DataStreamWriter

from lakehouse import ledger, tables
from lakehouse.flow import settling
from lakehouse.flow.place import Place
from lakehouse.flow.settling import Range
from lakehouse.ledger import Batch
from lakehouse.tables import Table

STAGE = "refine"
_EVENTS = tables.by_name("bronze.events")
_BATCHES = tables.by_name("ops.batches")


def stream(place: Place) -> DataStreamWriter:
    """A stream of the ledger: each batch of ingest in it has the tables refined as far as it is."""
    batches = place.spark.readStream.format("delta").load(place.store.uri(_BATCHES))

    def refine_if_ingested(new: DataFrame) -> None:
        if not new.where(f"stage = 'ingest' AND table_name = '{_EVENTS.name}'").isEmpty():
            everything(place)

    return place.each_batch(STAGE, batches, refine_if_ingested)


def everything(place: Place) -> list[Batch]:
    """Refine until every silver table has reached the newest bronze version."""
    done: list[Batch] = []
    while batches := step(place):
        done.extend(batches)
    return done


def step(place: Place) -> list[Batch]:
    """Refine one range of versions for the tables that are furthest behind; none when all are up.

    Reference tables go first, so that few rows have to be refined again.
    """
    place.ledger.fold()
    newest = place.lake.version(_EVENTS)
    for group in ([t for t in tables.SILVER if t.is_history], _others()):
        reached = {table: progress(place, table) for table in group}
        behind = min(reached.values())
        if behind < newest:
            level = sorted(set(reached.values()))
            next_level = level[1] if len(level) > 1 else newest
            until = _until(place, behind, next_level)
            chosen = [table for table in group if reached[table] == behind]
            return _refine(place, chosen, behind, until)
    return []


def progress(place: Place, table: Table) -> int:
    """The bronze version that a silver table has reached; -1 before the first."""
    reached = (batch.source_to for batch in place.ledger.of(STAGE, table.name))
    return max((version for version in reached if version is not None), default=-1)


def waiting(place: Place) -> dict[str, int]:
    """Messages in bronze by feed that no silver table is declared for."""
    counts: dict[str, int] = {}
    for batch in place.ledger.of("ingest"):
        for feed, count in batch.feeds.items():
            if not tables.fed_by(feed):
                counts[feed] = counts.get(feed, 0) + count
    return counts


def _others() -> list[Table]:
    return [table for table in tables.SILVER if not table.is_history]


def _until(place: Place, after: int, newest: int) -> int:
    """The last version of a batch: as many messages as the settings allow, at least one commit."""
    total = 0
    until = newest
    for batch in sorted(place.ledger.of("ingest"), key=lambda batch: batch.version_after or 0):
        version = batch.version_after
        if version is not None and after < version <= newest:
            total += batch.kept
            if total > place.settings.refine.batch_messages:
                return until if until < newest else version
            until = version
    return newest


def _refine(place: Place, group: list[Table], after: int, until: int) -> list[Batch]:
    span = Range(place, f"{STAGE}-{after}-{until}", after, until)
    settled = [settling.settle(span, table) for table in group if _has_work(place, table, span)]
    try:
        batches = [result.batch.check() for result in settled]
        settling.set_aside(span, settled)
        batches = [settling.keep(span, result) for result in settled]
    finally:
        for result in settled:
            result.close()
    idle = [
        ledger.started(
            STAGE,
            table.name,
            span.batch_id,
            source_from=after,
            source_to=until,
            upstream=settling.references(place, table),
        )
        for table in group
        if table.name not in {batch.table_name for batch in batches}
    ]
    recorded = [*batches, *(ledger.timed(batch) for batch in idle)]
    place.ledger.record(recorded)
    return recorded


def _has_work(place: Place, table: Table, span: Range) -> bool:
    """Whether the range has messages for the table, or what its rows refer to has changed."""
    messages = sum(
        batch.feeds.get(table.feed or "", 0)
        for batch in place.ledger.of("ingest")
        if span.holds(batch.version_after)
    )
    return messages > 0 or settling.is_touched(place, table)


def again(place: Place, table: Table, events: DataFrame, batch_id: str) -> Batch:
    """Refine some messages once more, from bronze, and put the outcome in place of the old one."""
    span = Range(place, batch_id, progress(place, table), progress(place, table))
    result = settling.settle_again(span, table, events)
    try:
        result.batch.check()
        settling.set_aside(span, [result])
        batch = settling.keep(span, result)
    finally:
        result.close()
    place.ledger.record([replace(batch)])
    return batch
