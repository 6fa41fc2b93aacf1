"""Refine: bronze.events become the silver tables; what breaks a rule goes to quarantine.

Each table keeps its own progress, the bronze version that it has reached, in the ledger. The
tables that are equally far are refined together; one that was declared later starts at the first
version and catches up.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import DataFrame

from lakehouse import ledger, tables
from lakehouse.flow import cases, keeping, settling
from lakehouse.flow.place import Place
from lakehouse.flow.span import Range, references_now
from lakehouse.ledger import Batch
from lakehouse.tables import Table

STAGE = cases.STAGE
_EVENTS = tables.by_name("bronze.events")

Groups = Sequence[Sequence[Table]]

_AT_ONCE = 3  # tables in work: each waits for the storage for a part of its time

# Which tables share a range of bronze versions, by what they are for (docs/decisions/batches.md).
# Reference tables go first, so that few rows have to be refined again.
HISTORY = tuple(table for table in tables.SILVER if table.is_history)
MEASURED = tuple(table for table in tables.SILVER if not table.is_history)
HOT = tuple(table for table in MEASURED if table.is_hot)
COLD = tuple(table for table in MEASURED if not table.is_hot)


def everything(place: Place, groups: Groups = (HISTORY, MEASURED)) -> list[Batch]:
    """Refine until every silver table, or those of some groups, has reached the version of bronze
    that was the newest at the call, or the place is closing.
    """
    newest = place.lake.version(_EVENTS)
    if HISTORY not in groups:  # no message is judged before the reference sets that came with it
        newest = min(newest, *(progress(place, table) for table in HISTORY))
    done: list[Batch] = []
    while not place.closing.is_set() and (batches := _step(place, groups, newest)):
        done.extend(batches)
    return done


def _step(place: Place, groups: Groups, newest: int) -> list[Batch]:
    """Refine one range of versions for the tables of the first group that are furthest behind;
    when all are up, what has to be judged again.
    """
    if all(progress(place, table) >= newest for group in groups for table in group):
        return _touched(place, groups)
    place.ledger.fold()
    for group in groups:
        reached = {table: progress(place, table) for table in group}
        behind = min(reached.values())
        if behind < newest:
            level = sorted(set(reached.values()))
            next_level = level[1] if len(level) > 1 else newest
            until = _until(place, group, behind, next_level)
            chosen = [table for table in group if reached[table] == behind]
            return _refine(place, chosen, behind, until)
    return []


def _touched(place: Place, groups: Groups) -> list[Batch]:
    """Judge again what a correction or a changed reference row meets, though no message is new."""
    versions = references_now(place)
    for group in groups:
        reached: dict[int, list[Table]] = {}
        for table in group:
            at = progress(place, table)
            if cases.is_touched(Range(place, "", at, at, versions), table):
                reached.setdefault(at, []).append(table)
        for at, chosen in reached.items():
            return _refine(place, chosen, at, at)
    return []


def progress(place: Place, table: Table) -> int:
    """The bronze version that a silver table has reached; -1 before the first."""
    reached = (batch.source_to for batch in place.ledger.of(STAGE, table.name))
    return max((version for version in reached if version is not None), default=-1)


def _until(place: Place, group: Sequence[Table], after: int, newest: int) -> int:
    """The last version of a batch: as many of the tables' messages as the settings allow, at least
    one commit.
    """
    feeds = {table.feed for table in group}
    total = 0
    until = newest
    for batch in sorted(place.ledger.of("ingest"), key=lambda batch: batch.version_after or 0):
        version = batch.version_after
        if version is not None and after < version <= newest:
            total += sum(count for feed, count in batch.feeds.items() if feed in feeds)
            if total > place.settings.refine.batch_messages:
                return until if until < newest else version
            until = version
    return newest


def _refine(place: Place, group: list[Table], after: int, until: int) -> list[Batch]:
    # A range that was taken back is done again under another id.
    attempt = max(len(place.ledger.undone(table.name)) for table in group)
    versions = references_now(place)
    batch_id = f"{STAGE}-{after}-{until}" + (f"-{attempt}" if attempt else "")
    if after == until:  # nothing new but what the messages are judged with
        batch_id += (
            f"-with-{hashlib.sha256(str(sorted(versions.items())).encode()).hexdigest()[:8]}"
        )
    span = Range(place, batch_id, after, until, versions)
    busy = [table for table in group if span.messages(table) or cases.is_touched(span, table)]
    idle = [_idle(span, table) for table in group if table not in busy]
    batches = [*(_work(span, busy) if busy else ()), *idle]
    place.ledger.record(batches)
    return batches


def _work(span: Range, busy: list[Table]) -> list[Batch]:
    busy.sort(key=span.messages, reverse=True)  # the longest work first
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        judged = list(workers.map(lambda table: cases.judge(span, table), busy))
        with settling.settled(span, judged) as settled:
            for one in settled:
                one.batch.check()
            keeping.set_aside(span, settled)
            return list(workers.map(lambda one: keeping.keep(span, one), settled))


def _idle(span: Range, table: Table) -> Batch:
    """The ledger row of a table for which the range held nothing."""
    return ledger.timed(
        ledger.started(
            STAGE,
            table.name,
            span.batch_id,
            source_from=span.after,
            source_to=span.until,
            upstream=span.references(table),
        )
    )


def again(place: Place, table: Table, events: DataFrame, batch_id: str) -> Batch:
    """Refine some messages once more, from bronze, and put the outcome in place of the old one.

    With the references and corrections that the table's other rows were judged with.
    """
    reached = progress(place, table)
    versions = references_now(place) | cases.judged_with(place, table)
    span = Range(place, batch_id, reached, reached, versions)
    with settling.settled(span, [cases.judge_again(span, table, events)]) as [result]:
        result.batch.check()
        keeping.set_aside(span, [result])
        batch = keeping.keep(span, result)
    place.ledger.record([batch])
    return batch
