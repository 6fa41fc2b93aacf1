"""What becomes of the messages of a batch of refine, all tables together. Nothing is written here;
lakehouse/flow/keeping.py does that.
"""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import judging, rows, tables
from lakehouse.flow.cases import Case
from lakehouse.flow.place import Place
from lakehouse.flow.span import Range
from lakehouse.judging import POSITION
from lakehouse.ledger import Batch
from lakehouse.tables import Table

_QUARANTINE, _REPEATS = tables.by_name("ops.quarantine"), tables.by_name("ops.repeats")

_PAST = (
    "table_name string, key string, "
    "before struct<arrived_at: timestamp, source_object: string, source_line: int>, "
    "before_event_id string, before_is_late boolean"
)
Counts = dict[tuple[str, str], tuple[int, int]]


@dataclass(frozen=True)
class Settled:
    """The outcome for one table, worked out and kept in memory, not yet written.

    batch    with its counts
    settled  as judging.settle gives it, of all tables of the batch
    """

    case: Case
    batch: Batch
    settled: DataFrame
    has_displaced: bool

    @property
    def table(self) -> Table:
        """The table that it is the outcome for."""
        return self.case.table

    @property
    def rows(self) -> DataFrame:
        """Those to keep."""
        mine = self.settled.where(F.col("table_name") == self.table.name)
        return judging.kept(self.case.judged, mine)

    @property
    def is_plain(self) -> bool:
        """Nothing that was written before has to change."""
        if self.table.is_history:  # a new version ends the one before it
            return self.case.is_first
        return self.case.again is None and not self.has_displaced


@contextmanager
def settled(span: Range, cases: Sequence[Case]) -> Iterator[list[Settled]]:
    """Settle the messages of all tables; what is kept in memory for it is given back at the end."""
    told = functools.reduce(DataFrame.unionByName, map(_messages, cases))
    if _are_few(span.place, cases):
        few = told.toArrow()
        told = _local(span.place, few)
        outcome = _local(span.place, judging.settle(told, _past_of_few(span, cases, few)).toArrow())
    else:
        told = told.persist()
        outcome = judging.settle(told, _past(span, cases, told)).persist()
    try:
        counts = _counts(told, outcome)
        yield [_settled(span.place, case, told, outcome, counts) for case in cases]
    finally:
        for frame in (outcome, told, *(case.judged for case in cases)):
            frame.unpersist()


def _are_few(place: Place, cases: Sequence[Case]) -> bool:
    """Whether the driver alone settles the messages."""
    messages = sum(case.batch.messages_in for case in cases)
    is_plain = all(case.again is None for case in cases)
    return is_plain and messages <= place.settings.refine.few_messages


def _local(place: Place, few: pa.Table) -> DataFrame:
    """Few rows, cut off from the plan that they come from, and worked on by one task."""
    return place.spark.createDataFrame(few).coalesce(1)


def _messages(case: Case) -> DataFrame:
    return judging.messages(case.judged, case.table.name, case.table.repeats)


def _past_of_few(span: Range, cases: Sequence[Case], told: pa.Table) -> DataFrame:
    """Who has won so far, asked without Spark."""
    place = span.place
    versions = {case.table: case.batch.version_before or 0 for case in cases if not case.is_first}
    found = place.lookup.winners(versions, told)
    return place.spark.createDataFrame(found if found.num_rows else [], _PAST)


def _past(span: Range, cases: Sequence[Case], told: DataFrame) -> DataFrame:
    place = span.place
    held: list[DataFrame] = []
    for case in cases:
        if not case.is_first:
            kept = place.store.read(case.table, case.batch.version_before)
            if case.again is not None:
                kept = kept.join(case.again, on=list(POSITION), how="left_anti")
            held.append(judging.held(kept, case.table.name, case.table.repeats))
    if not held:
        return place.spark.createDataFrame([], _PAST)
    return judging.winners(functools.reduce(DataFrame.unionByName, held), told)


def _counts(told: DataFrame, settled: DataFrame) -> Counts:
    """(table, outcome) -> messages and how many of them are late; one query, as each costs.

    Beside the outcomes of judging.settle: "all", and "displaced" for those that had won so far.
    """
    lost = judging.lost(settled).select(
        "table_name", "before", F.col("before_is_late").alias("is_late")
    )
    parts = {"all": told, "displaced": lost.distinct()}
    named = [
        frame.select("table_name", F.lit(outcome).alias("outcome"), "is_late")
        for outcome, frame in parts.items()
    ]
    every = functools.reduce(
        DataFrame.unionByName, named, settled.select("table_name", "outcome", "is_late")
    )
    counted = every.groupBy("table_name", "outcome").agg(
        F.count("*").alias("messages"), F.count_if("is_late").alias("late")
    )
    return {
        (row["table_name"], row["outcome"]): (row["messages"], row["late"])
        for row in counted.collect()
    }


def _settled(
    place: Place, case: Case, told: DataFrame, settled: DataFrame, counts: Counts
) -> Settled:
    """The outcome for one table: messages by outcome, less what the same messages were before."""

    def count(outcome: str) -> tuple[int, int]:
        return counts.get((case.table.name, outcome), (0, 0))

    every, quarantined, repeated, displaced = map(
        count, ("all", "quarantined", "repeated", "displaced")
    )
    kept, late = (every[of] - quarantined[of] - repeated[of] - displaced[of] for of in (0, 1))
    was = dict.fromkeys(("kept", "quarantined", "repeated", "late"), 0)
    if case.again is not None:
        was = _was(place, case.table, case.again, told)
    batch = replace(
        case.batch,
        kept=kept - was["kept"],
        quarantined=quarantined[0] - was["quarantined"],
        repeated=repeated[0] + displaced[0] - was["repeated"],
        late=late - was["late"],
    )
    return Settled(case, batch, settled, has_displaced=displaced[0] > 0)


def _was(place: Place, table: Table, again: DataFrame, told: DataFrame) -> dict[str, int]:
    """How many messages are judged again, by what they were so far. What is nowhere was kept: it has
    been taken out of the table since, by somebody's hand.
    """
    silver = place.store.read(table)
    kept = silver.select(*POSITION, F.lit("kept").alias("was"), rows.was_late(silver))
    aside = (
        place.store.read(one)
        .where(F.col("table_name") == table.name)
        .select(*POSITION, F.lit(was).alias("was"), F.lit(False).alias("is_late"))
        for one, was in ((_QUARANTINE, "quarantined"), (_REPEATS, "repeated"))
    )
    known = functools.reduce(DataFrame.unionByName, aside, kept).distinct()
    now = told.where(F.col("table_name") == table.name).select(
        *POSITION, F.col("is_late").alias("is_late_now")
    )
    found = again.join(known, on=list(POSITION), how="left").join(
        now, on=list(POSITION), how="left"
    )
    was = F.coalesce("was", F.lit("kept"))
    [row] = found.agg(
        *(F.count_if(was == one).alias(one) for one in ("kept", "repeated", "quarantined")),
        F.count_if(F.coalesce("is_late", "is_late_now")).alias("late"),
    ).collect()
    return {name: int(count) for name, count in row.asDict().items()}
