"""What becomes of each message: kept, quarantined, or a repeat. Frames in, frames out.

The messages of all tables of a batch are settled together, as a query costs more than its rows
(docs/decisions/batches.md).
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows

# A message's own place in the landing zone; it tells messages apart where ids do not.
POSITION = ("source_object", "source_line")
# A message among those of all tables: no two agree in `key` that are not said again.
IDENTITY = ("table_name", "key")

_ARRIVAL = "struct<arrived_at: timestamp, source_object: string, source_line: int>"


def messages(judged: DataFrame, table_name: str, per: Sequence[str]) -> DataFrame:
    """What is to be settled of a table's rows: one row a message.

    Takes   judged  POSITION, `broken` of rules.Suite.broken, and `per`, the columns in which a
                    message agrees with its repeats; several rows may be one message (the lines of
                    a receipt)
    Gives   table_name, key (text; null where one of `per` is), event_id, rows.ARRIVAL, is_late
            (false where the table has none), and
              reasons  the rules that any of its rows breaks, sorted; empty where it is good
    """
    reasons = F.sort_array("broken")  # (array_sort's lambda keeps its input out of codegen)
    told = judged
    if "line" in judged.columns:  # a message may be several rows
        every = F.sort_array(F.array_distinct(F.flatten(F.collect_set("broken"))))
        bad = judged.where(F.size("broken") > 0).groupBy(*POSITION).agg(every.alias("_every"))
        told = judged.where(F.coalesce("line", F.lit(1)) == 1)
        told = told.join(F.broadcast(bad), on=list(POSITION), how="left")
        reasons = F.coalesce("_every", F.array().cast("array<string>"))
    return told.select(*_told(told, table_name, per), reasons.alias("reasons"))


def held(silver: DataFrame, table_name: str, per: Sequence[str]) -> DataFrame:
    """What a table holds, as `winners` takes it: the columns of `messages` but the reasons."""
    return silver.select(*_told(silver, table_name, per))


def _told(frame: DataFrame, table_name: str, per: Sequence[str]) -> list[Column]:
    columns = (
        F.lit(table_name).alias("table_name"),
        _key(frame, per).alias("key"),
        F.col("event_id"),
        *map(F.col, rows.ARRIVAL),
        rows.was_late(frame),
    )
    return list(columns)


def _key(frame: DataFrame, per: Sequence[str]) -> Column:
    """The values of `per` as one text, as lakehouse/lookup.py has them in SQL; instants are
    microseconds since 1970.
    """
    instants = {name for name, kind in frame.dtypes if kind == "timestamp"}
    texts = [
        F.unix_micros(name).cast("string") if name in instants else F.col(name) for name in per
    ]
    *others, last = texts
    parts = [part for text in others for part in (F.length(text), F.lit(":"), text)]
    return F.concat(*parts, last) if parts else last


def winners(held: DataFrame, told: DataFrame) -> DataFrame:
    """What silver holds of the messages that could be repeats, as `settle` takes it.

    Takes   held  as `held` gives it, of one table or several
            told  as `messages` gives it

    Numbers are sent to silver's rows, however many those are: neither side is shuffled.
    """
    asked = _good(told).select(_hash().alias("_asked"))
    return (
        held.join(F.broadcast(asked), on=_hash() == F.col("_asked"), how="left_semi")
        .groupBy(*IDENTITY)
        .agg(
            F.min(F.struct(*rows.ARRIVAL)).alias("before"),
            F.min("event_id").alias("before_event_id"),
            F.max("is_late").alias("before_is_late"),
        )
    )


def settle(told: DataFrame, past: DataFrame) -> DataFrame:
    """What becomes of each message that is not simply kept.

    A message of which one row breaks a rule is quarantined whole. Of the good messages that agree
    in IDENTITY, here and in `past`, the first arrival is kept.

    Takes   told  as `messages` gives it, of one table or several
            past  IDENTITY, `before` (struct of rows.ARRIVAL), before_event_id, before_is_late: who
                  has won so far; one row for each IDENTITY, at least for those that are here
    Gives   the columns of `told`, and
              outcome  quarantined, repeated, or kept though another one had won so far
              first    struct of rows.ARRIVAL: the arrival that wins; null where quarantined
              before   the one that had won so far, with before_event_id and before_is_late; null
                       where there was none
            one row a message

    Rivals and past winners are few beside the messages, so they go to the messages.
    """
    met = told.join(F.broadcast(_rivals(told)), on=list(IDENTITY), how="left")
    met = met.join(F.broadcast(past), on=list(IDENTITY), how="left")
    is_good = F.size("reasons") == 0
    arrival = F.struct(*rows.ARRIVAL).cast(_ARRIVAL)
    before = F.when(is_good, F.col("before"))
    first = F.when(is_good, F.least(F.coalesce("_here", arrival), before))
    outcome = F.when(~is_good, "quarantined").when(first == arrival, "kept").otherwise("repeated")
    return (
        met.withColumns({"first": first, "before": before, "outcome": outcome})
        .where("outcome != 'kept' OR before IS NOT NULL")
        .drop("_here")
    )


def _rivals(told: DataFrame) -> DataFrame:
    """Where several good messages agree: IDENTITY and `_here`, their first arrival.

    Counted first, by number: Spark can hash a count, but sorts for the least of a struct.
    """
    good = _good(told)
    several = good.groupBy(_hash().alias("_several")).count().where("count > 1").drop("count")
    met = good.join(F.broadcast(several), on=_hash() == F.col("_several"), how="left_semi")
    return met.groupBy(*IDENTITY).agg(F.min(F.struct(*rows.ARRIVAL)).alias("_here"))


def _good(told: DataFrame) -> DataFrame:
    return told.where((F.size("reasons") == 0) & F.col("key").isNotNull())


def _hash() -> Column:
    """A number for IDENTITY. Where two have the same one, both are looked at."""
    return F.xxhash64(*IDENTITY)


def kept(judged: DataFrame, settled: DataFrame) -> DataFrame:
    """The rows that stay: all but those of messages that `settle` quarantined or found repeated."""
    gone = settled.where("outcome != 'kept'").select(*POSITION)
    return judged.join(F.broadcast(gone), on=list(POSITION), how="left_anti")


def repeats(settled: DataFrame) -> DataFrame:
    """The messages that are repeats, as `displaced` gives them."""
    return settled.where("outcome = 'repeated'").select(
        "table_name",
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

    Gives   the columns of ops.repeats, without batch; one row for each arrival
    """
    return (
        lost(settled)
        .select(
            "table_name",
            F.col("before_event_id").alias("event_id"),
            F.col("before.source_object").alias("source_object"),
            F.col("before.source_line").alias("source_line"),
            F.col("before.arrived_at").alias("arrived_at"),
            F.col("first.source_object").alias("first_object"),
            F.col("first.source_line").alias("first_line"),
        )
        .distinct()
    )
