"""What becomes of each message: kept, quarantined, or a repeat. Frames in, frames out."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import rows

# A message's own place in the landing zone; it tells messages apart where ids do not.
POSITION = ("source_object", "source_line")


def judge(typed: DataFrame, broken: Column, *, is_whole: bool) -> DataFrame:
    """Add `reasons`: the ids of the rules that a row breaks, empty where it is fine.

    Takes   typed     rows with POSITION
            broken    array<string>, of rules.Suite.broken
            is_whole  several rows are one message (a receipt): each carries the reasons of all
    """
    judged = typed.withColumn("reasons", broken)
    if not is_whole:
        return judged
    message = Window.partitionBy(*POSITION).rowsBetween(
        Window.unboundedPreceding, Window.unboundedFollowing
    )
    of_all = F.array_sort(F.array_distinct(F.flatten(F.collect_set("reasons").over(message))))
    return judged.withColumn("reasons", of_all)


def settle(judged: DataFrame, past: DataFrame | None, per: Sequence[str]) -> DataFrame:
    """Add `outcome` (kept, quarantined, repeated), `first` and `before`.

    Of the good rows that agree in `per`, here and in `past`, the first arrival is kept.

    Takes   judged  with `reasons` and rows.ARRIVAL
            past    what silver holds: `per`, `before` (struct of rows.ARRIVAL), before_event_id,
                    one row for each `per`; None where silver is empty
    Gives   first   struct of rows.ARRIVAL: the arrival that wins; null where quarantined
            before  the one that had won so far; null where there was none
    """
    is_good = F.size("reasons") == 0
    same = Window.partitionBy(is_good, *per).rowsBetween(
        Window.unboundedPreceding, Window.unboundedFollowing
    )
    arrival = F.struct(*rows.ARRIVAL)
    here = judged.withColumn("_here", F.when(is_good, F.min(arrival).over(same)))
    if past is None:
        joined = here.withColumns(
            {
                "before": F.lit(None).cast(_type_of(arrival, here)),
                "before_event_id": F.lit(None).cast("string"),
            }
        )
    else:
        joined = here.join(past, on=list(per), how="left")
        joined = joined.withColumn("before", F.when(is_good, F.col("before")))
    first = F.least("_here", "before")
    outcome = (
        F.when(~is_good, "quarantined").when(first == arrival, "kept").otherwise("repeated")
    )
    return joined.withColumn("first", first).withColumn("outcome", outcome).drop("_here")


def _type_of(column: Column, frame: DataFrame) -> str:
    return frame.select(column.alias("it")).schema["it"].dataType.simpleString()


def past_winners(silver: DataFrame, judged: DataFrame, per: Sequence[str]) -> DataFrame:
    """What silver holds of the messages that could be repeats, as `settle` takes it."""
    asked = judged.where(F.size("reasons") == 0).select(*per).distinct()
    return (
        silver.select(*per, "event_id", *rows.ARRIVAL)
        .join(asked, on=list(per), how="left_semi")
        .groupBy(*per)
        .agg(
            F.min(F.struct(*rows.ARRIVAL)).alias("before"),
            F.min("event_id").alias("before_event_id"),
        )
    )


def repeats(settled: DataFrame) -> DataFrame:
    """The messages that are repeats, as `displaced` gives them."""
    return (
        settled.where("outcome = 'repeated'")
        .select(
            "event_id",
            *POSITION,
            "arrived_at",
            F.col("first.source_object").alias("first_object"),
            F.col("first.source_line").alias("first_line"),
        )
        .distinct()
    )


def displaced(settled: DataFrame) -> DataFrame:
    """The arrivals that had won so far and do no longer.

    Gives   the columns of ops.repeats, without table and batch; one row for each arrival
    """
    lost = settled.where("before IS NOT NULL AND first != before")
    return lost.select(
        F.col("before_event_id").alias("event_id"),
        F.col("before.source_object").alias("source_object"),
        F.col("before.source_line").alias("source_line"),
        F.col("before.arrived_at").alias("arrived_at"),
        F.col("first.source_object").alias("first_object"),
        F.col("first.source_line").alias("first_line"),
    ).distinct()
