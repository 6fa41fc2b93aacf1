"""gold.data_quality: how good each table was on each day, in seven dimensions."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_DAY = ("table_name", "arrived_on")


def build(quality_results: DataFrame) -> DataFrame:
    """Score each dimension by the share of pairs of a rule and a message that held.

    A row rule, and a count of the ledger, brings as many pairs as it looked at messages. A rule of
    the gate is about the table as a whole: its last verdict of the day stands for every message of
    the day, so that a table whose key is not unique has at most half of its integrity, if that is
    one of two rules.

    Takes   quality_results  ops.quality_results
    Gives   gold.data_quality
    """
    results = quality_results.withColumn("arrived_on", F.to_date("arrived_at"))
    results = results.where("arrived_on IS NOT NULL")
    pairs = _counted(results).unionByName(_judged(results))
    return (
        pairs.groupBy(*_DAY, "dimension")
        .agg(
            F.sum("held").alias("numerator"),
            F.sum("pairs").alias("denominator"),
            F.min(_worst()).alias("_worst"),
        )
        .where("denominator > 0")
        .select(
            *_DAY,
            "dimension",
            F.round(F.col("numerator") / F.col("denominator"), 6).alias("score"),
            "numerator",
            "denominator",
            F.when(F.col("_worst.share") < 1, F.col("_worst.rule")).alias("worst_rule"),
        )
    )


def _counted(results: DataFrame) -> DataFrame:
    """Row rules and counts of the ledger: every run counts messages of its own."""
    return (
        results.where("verdict = 'counted'")
        .groupBy(*_DAY, "dimension", "expectation_id")
        .agg(
            F.sum("checked").alias("pairs"),
            F.sum(F.col("checked") - F.col("unexpected")).alias("held"),
        )
    )


def _judged(results: DataFrame) -> DataFrame:
    """Rules of the gate: the last verdict of the day, for all messages of the day."""
    messages = (
        results.where("verdict = 'counted' AND expectation_id = 'said_once'")
        .groupBy(*_DAY)
        .agg(F.sum("checked").alias("messages"))
    )
    said_last = Window.partitionBy(*_DAY, "expectation_id").orderBy(
        F.desc("judged_at"), F.desc("version"), F.desc("run_id")
    )
    last = (
        results.where("verdict != 'counted'")
        .withColumn("_nth", F.row_number().over(said_last))
        .where("_nth = 1")
    )
    pairs = F.greatest(F.coalesce("messages", F.lit(0)), F.lit(1)).cast("bigint")
    return last.join(messages, on=list(_DAY), how="left").select(
        *_DAY,
        "dimension",
        "expectation_id",
        pairs.alias("pairs"),
        F.when(F.col("verdict") == "passed", pairs).otherwise(F.lit(0)).alias("held"),
    )


def _worst() -> Column:
    share = F.when(F.col("pairs") > 0, F.col("held") / F.col("pairs")).otherwise(F.lit(1.0))
    return F.struct(share.alias("share"), F.col("expectation_id").alias("rule"))
