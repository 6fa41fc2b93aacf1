"""What a batch of refine writes: what is set aside of all tables, then each table's rows."""

import functools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import judging, ledger, rows, tables
from lakehouse.delta import Once
from lakehouse.flow.cases import STAGE
from lakehouse.flow.settling import Settled
from lakehouse.flow.span import Range
from lakehouse.judging import POSITION
from lakehouse.ledger import Batch
from lakehouse.tables import Table

_QUARANTINE = tables.by_name("ops.quarantine")
_REPEATS = tables.by_name("ops.repeats")

_merging = threading.Lock()  # two MERGEs of one table at once: one of them would be refused


def set_aside(span: Range, settled: list[Settled]) -> None:
    """Write the quarantined messages and the repeats of all tables, a commit each."""
    with ThreadPoolExecutor(2) as workers:
        quarantined = workers.submit(_set_aside, span, settled, _QUARANTINE, _quarantined)
        repeated = workers.submit(_set_aside, span, settled, _REPEATS, _repeated)
    quarantined.result()
    repeated.result()


def _set_aside(
    span: Range,
    settled: list[Settled],
    table: Table,
    rows_of: Callable[[Range, list[Settled]], DataFrame],
) -> None:
    wanted = [one for one in settled if _count(one, table) or one.case.again is not None]
    if not wanted:
        return
    new = rows_of(span, wanted).withColumn("batch_id", F.lit(span.batch_id))
    noted = {"part_of": span.batch_id}
    judged_again = {
        one.table.name: again for one in wanted if (again := one.case.again) is not None
    }
    if not judged_again:
        span.place.store.append(table, new, noted)
        return
    new = new.localCheckpoint()  # few rows of a long plan, which is met twice from here on
    named = [again.withColumn("table_name", F.lit(name)) for name, again in judged_again.items()]
    old = functools.reduce(DataFrame.unionByName, named)
    gone = old.join(new, on=list(table.key), how="left_anti")
    with _merging:  # what is taken out is put back by Place.recover where the batch is cut off
        span.place.store.merge(table, new, gone, noted | {"judged_again": sorted(judged_again)})


def _count(one: Settled, table: Table) -> int:
    return one.batch.quarantined if table is _QUARANTINE else one.batch.repeated


def _quarantined(span: Range, wanted: list[Settled]) -> DataFrame:
    """The rows of ops.quarantine. Bronze is read once for all tables that judged only the range."""
    plain = [one for one in wanted if one.case.again is None]
    parts = [_with_reasons(one.case.events, [one]) for one in wanted if one.case.again is not None]
    if plain:
        parts.append(_with_reasons(span.read(*(one.table for one in plain)), plain))
    return functools.reduce(DataFrame.unionByName, parts)


def _with_reasons(events: DataFrame, wanted: list[Settled]) -> DataFrame:
    bad = _of(wanted).where("outcome = 'quarantined'").select("table_name", "reasons", *POSITION)
    return events.join(F.broadcast(bad), on=list(POSITION), how="inner").select(
        "table_name",
        "reasons",
        "event_id",
        "feed",
        "schema_version",
        "shop_id",
        "device_id",
        "subject",
        "emitted_at",
        "payload",
        F.lit(None).cast("string").alias("digest"),
        F.lit(None).cast("bigint").alias("length"),
        F.lit(True).alias("is_releasable"),
        *rows.ARRIVAL,
    )


def _repeated(span: Range, wanted: list[Settled]) -> DataFrame:
    """The rows of ops.repeats."""
    del span
    found = judging.repeats(_of(wanted))
    if any(one.has_displaced for one in wanted):
        found = found.unionByName(judging.displaced(_of(wanted)))
    return found


def _of(wanted: Sequence[Settled]) -> DataFrame:
    """What judging.settle says of the messages of some tables of a batch."""
    return wanted[0].settled.where(F.col("table_name").isin([one.table.name for one in wanted]))


def keep(span: Range, one: Settled) -> Batch:
    """Write the kept rows: the commit that makes the batch count for the table."""
    store = span.place.store
    kept = one.rows.withColumn("batch_id", F.lit(span.batch_id))
    batch = ledger.timed(one.batch)
    # A batch that was taken back is done again: that is another transaction.
    attempt = len(span.place.ledger.undone(one.table.name))
    app = f"{STAGE}-{attempt}" if attempt else STAGE
    once = Once(app, span.until) if span.until > span.after else None
    if one.table.is_history and one.case.is_first:
        kept = rows.with_valid_to(kept, one.table.key[:-1])
    if one.is_plain:
        store.append(one.table, kept, batch.note(), once)
    else:
        upserts, deletes = _reconciled(span, one, kept)
        store.merge(
            one.table, upserts, deletes, batch.note(), once=once, since=batch.version_before
        )
    return span.place.ledger.committed(ledger.timed(batch))


def _reconciled(span: Range, one: Settled, kept: DataFrame) -> tuple[DataFrame, DataFrame]:
    """The kept rows, and the keys of rows that are to go: judged again or displaced."""
    table = one.table
    old = span.place.store.read(table)
    gone = old.limit(0).select(*POSITION)
    if one.case.again is not None:
        gone = gone.union(one.case.again)
    if one.has_displaced:
        gone = gone.union(judging.displaced(_of([one])).select(*POSITION))
    deletes = old.join(gone.distinct(), on=list(POSITION), how="left_semi")
    if table.is_history:
        entity = list(table.key[:-1])
        stay = old.join(kept.select(*entity).distinct(), on=entity, how="left_semi")
        stay = stay.join(gone.distinct(), on=list(POSITION), how="left_anti")
        # A displaced version has the key of the one that takes its place.
        stay = stay.join(kept.select(*table.key), on=list(table.key), how="left_anti")
        columns = [name for name in table.column_names if name != "valid_to"]
        versions = stay.select(*columns).unionByName(kept.select(*columns))
        kept = rows.with_valid_to(versions, entity)
    keys = list(table.key)
    return kept, deletes.select(*keys).join(kept.select(*keys), on=keys, how="left_anti")
