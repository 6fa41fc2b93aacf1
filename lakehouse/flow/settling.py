"""What a batch of refine does to one table: build, judge, settle, set aside, keep."""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import judging, ledger, rows, rules, silver, tables
from lakehouse.delta import Once
from lakehouse.flow.place import Place
from lakehouse.judging import POSITION
from lakehouse.ledger import Batch
from lakehouse.tables import Table

STAGE = "refine"
_EVENTS = tables.by_name("bronze.events")
_QUARANTINE = tables.by_name("ops.quarantine")
_REPEATS = tables.by_name("ops.repeats")

_merging = threading.Lock()  # two MERGEs of one table at once: one of them would be refused

_SMALL = 100_000  # messages of all feeds; tables are worked on side by side


@dataclass(frozen=True)
class Range:
    """The bronze versions of one batch: those after `after`, up to and with `until`.

    versions  of every reference table, looked up once for the batch (see `references_now`)
    """

    place: Place
    batch_id: str
    after: int
    until: int
    versions: dict[str, int]

    def holds(self, version: int | None) -> bool:
        """Whether a bronze version is in the range."""
        return version is not None and self.after < version <= self.until

    @property
    def ingested(self) -> list[Batch]:
        """The batches of ingest in the range; those that were taken back are not."""
        batches = self.place.ledger.of("ingest")
        return [batch for batch in batches if self.holds(batch.version_after)]

    def messages(self, table: Table) -> int:
        """How many messages of the table's feed the range holds, by the ledger."""
        return sum(batch.feeds.get(table.feed or "", 0) for batch in self.ingested)

    @property
    def is_small(self) -> bool:
        """Whether one task reads the range sooner than several are begun."""
        return sum(sum(batch.feeds.values()) for batch in self.ingested) <= _SMALL

    def read(self, *wanted: Table) -> DataFrame:
        """The messages of the tables' feeds in the range."""
        events = self.place.store.read(_EVENTS, self.until)
        if self.after >= 0:  # files of other batches are skipped by their statistics
            ids = [batch.batch_id for batch in self.ingested]
            events = events.where(F.col("batch_id").isin(ids))
        events = events.where(F.col("feed").isin([table.feed for table in wanted]))
        return (events.coalesce(1) if self.is_small else events).drop("batch_id")

    def references(self, table: Table) -> dict[str, int]:
        """The versions of the reference tables that the table is refined with."""
        return {name: self.versions[name] for name in table.refers}

    def known(self, table: Table) -> list[DataFrame]:
        """The rows of those reference tables, at those versions however often they are read: a
        MERGE that comes in between changes nothing.
        """
        store = self.place.store
        return [
            store.read(tables.by_name(name), self.versions[name]) for name in table.upstream[1:]
        ]

    def earlier(self, table: Table) -> DataFrame:
        """The messages of the table's feed before the range."""
        events = self.place.store.read(_EVENTS, self.after)
        return events.where(F.col("feed") == F.lit(table.feed)).drop("batch_id")


@dataclass(frozen=True)
class Settled:
    """The outcome for one table, worked out and kept in memory, not yet written.

    rows     those to keep
    settled  as judging.settle gives it
    bad      as judging.faulty gives it
    again  POSITION of the earlier messages that were judged once more; None where there are none
    is_first  the table is empty
    held   frames in memory
    """

    table: Table
    batch: Batch
    events: DataFrame
    rows: DataFrame
    settled: DataFrame
    bad: DataFrame
    again: DataFrame | None
    has_displaced: bool
    is_first: bool
    held: list[DataFrame]

    @property
    def is_plain(self) -> bool:
        """Nothing that was written before has to change."""
        if self.table.is_history:  # a new version ends the one before it
            return self.is_first
        return self.again is None and not self.has_displaced

    def close(self) -> None:
        """Give the memory back."""
        for frame in self.held:
            frame.unpersist()


def references_now(place: Place) -> dict[str, int]:
    """The newest version of every table that another silver table refers to."""
    names = {name for table in tables.SILVER for name in table.refers}
    return {name: place.lake.version(tables.by_name(name)) for name in names}


def is_touched(span: Range, table: Table) -> bool:
    """Whether a reference table has changed since the table's rows were last judged with it."""
    seen = _seen(span.place, table)
    return bool(seen) and span.references(table) != seen


def settle(span: Range, table: Table) -> Settled:
    """Work out what becomes of the range's messages, and of earlier ones that are touched."""
    new, messages = span.read(table), span.messages(table)
    again = _touched(span, table) if is_touched(span, table) else None
    if again is None:
        return _settle(span, table, new, None, messages)
    earlier = span.earlier(table).join(again, on=list(POSITION), how="left_semi")
    return _settle(span, table, new.unionByName(earlier), again, messages)


def settle_again(span: Range, table: Table, events: DataFrame) -> Settled:
    """Work out anew what becomes of messages that were judged before."""
    return _settle(span, table, events, events.select(*POSITION), 0)


def _settle(
    span: Range, table: Table, events: DataFrame, again: DataFrame | None, messages: int
) -> Settled:
    place = span.place
    suite = rules.load(table.name)
    batch = ledger.started(
        STAGE,
        table.name,
        span.batch_id,
        source_from=span.after,
        source_to=span.until,
        upstream=span.references(table),
        rules_version=suite.version,
        version_before=place.lake.version(table),
        messages_in=messages,
    )
    built = silver.BUILD[table.name](events, *span.known(table))
    judged = built.withColumn("broken", suite.broken()).persist()
    past = None
    is_first = not place.lake.rows(table)
    if not is_first:
        kept = place.store.read(table, batch.version_before)
        if again is not None:
            kept = kept.join(again, on=list(POSITION), how="left_anti")
        is_few = span.is_small and again is None
        past = judging.past_winners(kept, judged, table.repeats, is_few=is_few).persist()
    bad = judging.faulty(judged).persist()
    here = judging.rivals(judged, bad, table.repeats).persist()
    settled = judging.settle(judged, bad, here, past, table.repeats).persist()
    counts = _counts(place, table, judged, settled, again, has_past=past is not None)
    has_displaced = counts["displaced"] > 0
    held = [frame for frame in (judged, bad, here, past, settled) if frame is not None]
    staying = judging.kept(judged, settled)
    batch = replace(
        batch,
        kept=counts["kept"],
        quarantined=counts["quarantined"],
        repeated=counts["repeated"],
        late=counts["late"],
    )
    return Settled(
        table, batch, events, staying, settled, bad, again, has_displaced, is_first, held
    )


def _counts(
    place: Place,
    table: Table,
    judged: DataFrame,
    settled: DataFrame,
    again: DataFrame | None,
    *,
    has_past: bool,
) -> dict[str, int]:
    """Messages by outcome, less what the same messages were before."""
    counted = [F.count("*").alias("messages"), F.count_if("is_late").alias("late")]

    def all_of(messages: DataFrame, name: str) -> DataFrame:
        return messages.agg(F.lit(name).alias("outcome"), *counted)

    here = judged.where(judging.is_message(judged)).select(rows.was_late(judged))
    tallies = all_of(here, "all").union(settled.groupBy("outcome").agg(*counted))
    if has_past:
        lost = judging.lost(settled).select("before", F.col("before_is_late").alias("is_late"))
        tallies = tallies.union(all_of(lost.distinct(), "displaced"))
    by_outcome = {row["outcome"]: row for row in tallies.collect()}  # one query: each costs

    def count(outcome: str, what: str = "messages") -> int:
        return int(by_outcome[outcome][what]) if outcome in by_outcome else 0

    displaced = count("displaced")
    gone = count("quarantined") + count("repeated")
    late_gone = count("quarantined", "late") + count("repeated", "late")
    counts = {
        "kept": count("all") - gone - displaced,
        "quarantined": count("quarantined"),
        "repeated": count("repeated") + displaced,
        "late": count("all", "late") - late_gone - count("displaced", "late"),
        "displaced": displaced,
    }
    if again is not None:
        was = _was(place, table, again)
        for outcome in ("kept", "late", "repeated"):
            counts[outcome] -= was[outcome]
        counts["quarantined"] -= was["messages"] - was["kept"] - was["repeated"]
    return counts


def _was(place: Place, table: Table, again: DataFrame) -> dict[str, int]:
    """How many messages are judged again, and what they were so far."""
    silver = place.store.read(table)
    kept = silver.select(*POSITION, F.lit("kept").alias("was"), rows.was_late(silver)).distinct()
    repeated = place.store.read(_REPEATS).where(F.col("table_name") == table.name)
    repeated = repeated.select(
        *POSITION, F.lit("repeated").alias("was"), F.lit(False).alias("is_late")
    )
    told = again.join(kept.unionByName(repeated), on=list(POSITION), how="left")
    [row] = told.agg(
        F.count("*").alias("messages"),
        F.count_if(F.col("was") == "kept").alias("kept"),
        F.count_if(F.col("was") == "repeated").alias("repeated"),
        F.count_if("is_late").alias("late"),
    ).collect()
    return {name: int(count) for name, count in row.asDict().items()}


def _seen(place: Place, table: Table) -> dict[str, int]:
    batches = place.ledger.of(STAGE, table.name)
    return batches[-1].upstream if batches else {}


def _touched(span: Range, table: Table) -> DataFrame | None:
    """POSITION of the earlier messages whose references changed since they were judged."""
    place = span.place
    if span.after < 0:
        return None
    seen, now = _seen(place, table), span.references(table)
    typed = silver.BUILD[table.name](span.earlier(table), *span.known(table))
    found: DataFrame | None = None
    for name, column in table.refers.items():
        if now[name] == seen.get(name, -1):
            continue
        reference = tables.by_name(name)
        changed = place.store.changes(reference, seen.get(name, -1), now[name])
        keys = changed.select(F.col(reference.key[0]).alias(column)).distinct()
        hit = typed.join(F.broadcast(keys), on=column, how="left_semi").select(*POSITION)
        found = hit if found is None else found.union(hit)
    if found is None:
        return None
    # Few rows of a long plan, which is met in every step from here on: cut off from it.
    touched = with_followers(place, table, found.distinct()).localCheckpoint()
    return None if touched.isEmpty() else touched


def with_followers(place: Place, table: Table, touched: DataFrame) -> DataFrame:
    """The touched messages and the repeats that lost against one of them."""
    lost = place.store.read(_REPEATS).where(F.col("table_name") == table.name)
    first = touched.select(
        F.col("source_object").alias("first_object"), F.col("source_line").alias("first_line")
    )
    followers = lost.join(first, on=["first_object", "first_line"], how="left_semi")
    return touched.union(followers.select(*POSITION)).distinct()


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
    wanted = [one for one in settled if _count(one, table) or one.again is not None]
    if not wanted:
        return
    new = rows_of(span, wanted).withColumn("batch_id", F.lit(span.batch_id))
    noted = {"part_of": span.batch_id}
    judged_again = [
        one.again.withColumn("table_name", F.lit(one.table.name))
        for one in wanted
        if one.again is not None
    ]
    if not judged_again:
        span.place.store.append(table, new, noted)
        return
    new = new.localCheckpoint()  # few rows of a long plan, which is met twice from here on
    old = functools.reduce(DataFrame.unionByName, judged_again)
    gone = old.join(new, on=list(table.key), how="left_anti")
    with _merging:
        span.place.store.merge(table, new, gone, noted)


def _count(one: Settled, table: Table) -> int:
    return one.batch.quarantined if table is _QUARANTINE else one.batch.repeated


def _quarantined(span: Range, wanted: list[Settled]) -> DataFrame:
    """The rows of ops.quarantine. Bronze is read once for all tables that judged only the range."""
    plain = [one for one in wanted if one.again is None]
    parts = [_with_reasons(one.events, [one]) for one in wanted if one.again is not None]
    if plain:
        parts.append(_with_reasons(span.read(*(one.table for one in plain)), plain))
    return functools.reduce(DataFrame.unionByName, parts)


def _with_reasons(events: DataFrame, wanted: list[Settled]) -> DataFrame:
    bad = [one.bad.withColumn("table_name", F.lit(one.table.name)) for one in wanted]
    every = functools.reduce(DataFrame.unionByName, bad)
    return events.join(F.broadcast(every), on=list(POSITION), how="inner").select(
        "table_name",
        "reasons",
        "event_id",
        "feed",
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
    parts = []
    for one in wanted:
        found = judging.repeats(one.settled)
        if one.has_displaced:
            found = found.unionByName(judging.displaced(one.settled))
        parts.append(found.withColumn("table_name", F.lit(one.table.name)))
    return functools.reduce(DataFrame.unionByName, parts)


def keep(span: Range, one: Settled) -> Batch:
    """Write the kept rows: the commit that makes the batch count for the table."""
    store = span.place.store
    kept = one.rows.withColumn("batch_id", F.lit(span.batch_id))
    batch = ledger.timed(one.batch)
    # A batch that was taken back is done again: that is another transaction.
    attempt = len(span.place.ledger.undone(one.table.name))
    app = f"{STAGE}-{attempt}" if attempt else STAGE
    once = Once(app, span.until) if span.until > span.after else None
    if one.table.is_history and one.is_first:
        kept = rows.with_valid_to(kept, one.table.key[:-1])
    if one.is_plain:
        store.append(one.table, kept, batch.note(), once)
    else:
        upserts, deletes = _reconciled(span, one, kept)
        store.merge(one.table, upserts, deletes, batch.note(), once)
    return span.place.ledger.committed(ledger.timed(batch))


def _reconciled(span: Range, one: Settled, kept: DataFrame) -> tuple[DataFrame, DataFrame]:
    """The kept rows, and the keys of rows that are to go: judged again or displaced."""
    table = one.table
    old = span.place.store.read(table)
    gone = old.limit(0).select(*POSITION)
    if one.again is not None:
        gone = gone.union(one.again)
    if one.has_displaced:
        gone = gone.union(judging.displaced(one.settled).select(*POSITION))
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
