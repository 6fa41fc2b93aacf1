"""What becomes of each message: kept, quarantined, or a repeat. Frames in, frames out."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows

# A message's own place in the landing zone; it tells messages apart where ids do not.
POSITION = ("source_object", "source_line")

_ARRIVAL = "struct<arrived_at: timestamp, source_object: string, source_line: int>"


def faulty(judged: DataFrame) -> DataFrame:
    """The messages with a row that breaks a rule.

    Takes   judged  POSITION and `broken`, of rules.Suite.broken; several rows may be one message
                    (the lines of a receipt)
    Gives   POSITION and `reasons`, the rules that any of its rows breaks; one row a message
    """
    bad = judged.where(F.size("broken") > 0)
    if not _has_lines(judged):
        return bad.select(*POSITION, _named(F.col("broken")))
    every = F.flatten(F.collect_set("broken"))
    return bad.groupBy(*POSITION).agg(_named(every))


def _named(broken: Column) -> Column:
    return F.array_sort(F.array_distinct(broken)).alias("reasons")


def _has_lines(judged: DataFrame) -> bool:
    """Whether a message may be several rows, the lines of a receipt; else it is one."""
    return "line" in judged.columns


def is_message(judged: DataFrame) -> Column:
    """True for one row of each message: of the lines of a receipt, the first."""
    return F.coalesce("line", F.lit(1)) == 1 if _has_lines(judged) else F.lit(True)


def _messages(judged: DataFrame, bad: DataFrame) -> DataFrame:
    """One row a message, with `is_bad`: whether any of its rows breaks a rule."""
    messages = judged.where(is_message(judged))
    if not _has_lines(judged):
        return messages.withColumn("is_bad", F.size("broken") > 0)
    marked = bad.select(*POSITION, F.lit(True).alias("_is_bad"))
    messages = messages.join(F.broadcast(marked), on=list(POSITION), how="left")
    return messages.withColumn("is_bad", F.coalesce("_is_bad", F.lit(False)))


def rivals(judged: DataFrame, bad: DataFrame, per: Sequence[str]) -> DataFrame:
    """Where several good messages agree in `per`: their first arrival.

    Takes   judged, bad  as `settle` takes them
    Gives   `per` and `_here` (struct of rows.ARRIVAL); nothing for messages without a rival

    Counted first: Spark can hash a count, but sorts for the least of a struct.
    """
    good = _messages(judged, bad).where(~F.col("is_bad")).select(*per, *rows.ARRIVAL)
    several = good.groupBy(*per).count().where("count > 1").drop("count")
    met = good.join(F.broadcast(several), on=list(per), how="left_semi")
    return met.groupBy(*per).agg(F.min(F.struct(*rows.ARRIVAL)).alias("_here"))


def settle(
    judged: DataFrame,
    bad: DataFrame,
    here: DataFrame,
    past: DataFrame | None,
    per: Sequence[str],
) -> DataFrame:
    """What becomes of each message that is not simply kept.

    A message of which one row breaks a rule is quarantined whole. Of the good messages that agree
    in `per`, here and in `past`, the first arrival is kept.

    Takes   judged  with `broken` and rows.ARRIVAL
            bad     as `faulty` gives it
            here    as `rivals` gives it
            past    what silver holds: `per`, `before` (struct of rows.ARRIVAL), before_event_id,
                    before_is_late, one row for each `per`; None where silver is empty
    Gives   event_id, rows.ARRIVAL, is_late (false where the table has none), and
              outcome  quarantined, repeated, or kept though another one had won so far
              first    struct of rows.ARRIVAL: the arrival that wins; null where quarantined
              before   the one that had won so far, with before_event_id and before_is_late; null
                       where there was none
            one row a message

    Faulty receipts, rivals and past winners are few beside the rows, so they go to the rows.
    """
    columns = {*per, "event_id", *rows.ARRIVAL}
    told = (
        _messages(judged, bad)
        .select(*sorted(columns), rows.was_late(judged), "is_bad")
        .join(F.broadcast(here), on=list(per), how="left")
    )
    if past is None:
        told = told.withColumns(
            {
                "before": F.lit(None).cast(_ARRIVAL),
                "before_event_id": F.lit(None).cast("string"),
                "before_is_late": F.lit(None).cast("boolean"),
            }
        )
    else:
        told = told.join(F.broadcast(past), on=list(per), how="left")
    is_good = ~F.col("is_bad")
    arrival = F.struct(*rows.ARRIVAL).cast(_ARRIVAL)
    before = F.when(is_good, F.col("before"))
    first = F.when(is_good, F.least(F.coalesce("_here", arrival), before))
    outcome = F.when(~is_good, "quarantined").when(first == arrival, "kept").otherwise("repeated")
    return (
        told.withColumns({"first": first, "before": before, "outcome": outcome})
        .where("outcome != 'kept' OR before IS NOT NULL")
        .drop("_here", "is_bad")
    )


def kept(judged: DataFrame, settled: DataFrame) -> DataFrame:
    """The rows that stay: all but those of messages that `settle` quarantined or found repeated."""
    gone = settled.where("outcome != 'kept'").select(*POSITION)
    return judged.join(F.broadcast(gone), on=list(POSITION), how="left_anti")


def past_winners(
    silver: DataFrame, judged: DataFrame, per: Sequence[str], *, is_few: bool
) -> DataFrame:
    """What silver holds of the messages that could be repeats, as `settle` takes it.

    Few messages go to silver's rows, however many those are; else both are shuffled.
    """
    here = judged.select(*per)
    asked = F.broadcast(here) if is_few else here.distinct()
    return (
        silver.select(*per, "event_id", *rows.ARRIVAL, rows.was_late(silver))
        .join(asked, on=list(per), how="left_semi")
        .groupBy(*per)
        .agg(
            F.min(F.struct(*rows.ARRIVAL)).alias("before"),
            F.min("event_id").alias("before_event_id"),
            F.max("is_late").alias("before_is_late"),
        )
    )


def repeats(settled: DataFrame) -> DataFrame:
    """The messages that are repeats, as `displaced` gives them."""
    return settled.where("outcome = 'repeated'").select(
        "event_id",
        *POSITION,
        "arrived_at",
        F.col("first.source_object").alias("first_object"),
        F.col("first.source_line").alias("first_line"),
    )


def lost(settled: DataFrame) -> DataFrame:
    """The messages before whose arrival another one had won so far and does no longer."""
    return settled.where("before IS NOT NULL AND first != before")


def displaced(settled: DataFrame) -> DataFrame:
    """The arrivals that had won so far and do no longer.

    Gives   the columns of ops.repeats, without table and batch; one row for each arrival
    """
    return (
        lost(settled)
        .select(
            F.col("before_event_id").alias("event_id"),
            F.col("before.source_object").alias("source_object"),
            F.col("before.source_line").alias("source_line"),
            F.col("before.arrived_at").alias("arrived_at"),
            F.col("first.source_object").alias("first_object"),
            F.col("first.source_line").alias("first_line"),
        )
        .distinct()
    )
