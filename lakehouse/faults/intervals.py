"""From marks on readings to faults of devices: what is near in time becomes one interval."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.faults import levels, scales
from lakehouse.faults.marks import Mark

_OF = ("day_on", "shop_id", "device_id")
# What is within an hour of another fault of the same device and is its effect.
_NEAR_S = 3_600.0
_EXPLAINS = {"stuck": ("drift", "step"), "dying_battery": ("gap",)}


def marks(marked: DataFrame, kinds: Sequence[Mark]) -> DataFrame:
    """One row a mark.

    Takes   marked  readings with a column for each of `kinds`, as Mark.column gives it
    """
    every = F.array(*(F.col(mark.kind) for mark in kinds))
    return (
        marked.select(*_OF, "metric", F.explode(every).alias("mark"))
        .where("mark IS NOT NULL")
        .select(*_OF, "metric", "mark.*")
        .groupBy(*_OF)  # all of a device together, so that what follows reads the marks once
        .agg(
            F.collect_list(
                F.struct(
                    "kind",
                    "metric",
                    "begins",
                    "ends",
                    "evidence",
                    "limit",
                    "bridge_s",
                    "least",
                    "least_s",
                )
            ).alias("marks")
        )
    )


def of_marks(marked: DataFrame) -> DataFrame:
    """The faults of each device in a look.

    Takes   marked  as `marks` gives it
    Gives   day_on, shop_id, device_id, fault, metric, begins, ends (seconds since 1970), evidence,
            score
    """
    single = marked.select(*_OF, F.explode("marks").alias("mark")).select(*_OF, "mark.*")
    together = single.where(F.col("kind") != scales.JUMP).transform(_of_series)
    together = together.unionByName(scales.turned_back(marked, _OF))
    return together.transform(_of_devices).transform(_without_what_another_explains)


def _of_series(single: DataFrame) -> DataFrame:
    """One row for marks of a kind and series that are near each other, where they are enough."""
    numbered = _islands(single, [*_OF, "kind", "metric"], F.col("bridge_s"))
    same = Window.partitionBy(*_OF, "kind", "metric", "island")
    place = F.row_number().over(same.orderBy("begins", "ends"))
    is_early = place <= F.count("*").over(same) / 2
    size = F.abs("evidence")
    return (
        numbered.withColumn("is_early", is_early)
        .groupBy(*_OF, "kind", "metric", "island")
        .agg(
            F.min("begins").alias("begins"),
            F.max("ends").alias("ends"),
            F.max("least").alias("least"),
            F.max("least_s").alias("least_s"),
            F.count("*").alias("marks"),
            F.max_by(
                F.struct("evidence", "limit"), F.struct(size / F.col("limit"), "evidence")
            ).alias("most"),
            F.median(F.when(F.col("is_early"), size)).alias("early"),
            F.median(F.when(~F.col("is_early"), size)).alias("late"),
        )
        .where("marks >= least AND ends - begins >= least_s")
        .select(
            *_OF,
            _named().alias("kind"),
            "metric",
            "begins",
            "ends",
            "most.evidence",
            (F.abs("most.evidence") / F.col("most.limit")).alias("score"),
        )
    )


def _named() -> Column:
    """A level that is another one is a drift where it goes on moving away, and else a step."""
    grows = F.col("late") > levels.GROWS * F.col("early")
    level = F.when(grows, "drift").otherwise("step")
    return F.when(F.col("kind") == levels.LEVEL, level).otherwise(F.col("kind"))


def _islands(rows: DataFrame, by: Sequence[str], bridge_s: Column) -> DataFrame:
    """Number what of a group hangs together in time: `island`."""
    before = Window.partitionBy(*by).orderBy("begins", "ends")
    reached = F.max("ends").over(before.rowsBetween(Window.unboundedPreceding, -1))
    is_new = (F.col("begins") > reached + bridge_s).cast("int")
    so_far = before.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return (
        rows.withColumn("is_new", F.coalesce(is_new, F.lit(0)))
        .withColumn("island", F.sum("is_new").over(so_far))
        .drop("is_new")
    )


def _of_devices(of_series: DataFrame) -> DataFrame:
    """One row for what several metrics of a device show at once: the strongest of them speaks.

    Drifts and steps are one matter: which of them it was is said by the strongest too.
    """
    is_level = F.col("kind").isin("drift", "step")
    matter = F.when(is_level, "level").otherwise(F.col("kind"))
    numbered = _islands(of_series.withColumn("matter", matter), [*_OF, "matter"], F.lit(0.0))
    strongest = F.max_by(
        F.struct("kind", "metric", "evidence", "score"), F.struct("score", "metric")
    )
    return (
        numbered.groupBy(*_OF, "matter", "island")
        .agg(
            F.min("begins").alias("begins"),
            F.max("ends").alias("ends"),
            strongest.alias("said"),
        )
        .select(
            *_OF,
            F.col("said.kind").alias("fault"),
            "said.metric",
            "begins",
            "ends",
            "said.evidence",
            "said.score",
        )
    )


def _without_what_another_explains(seen: DataFrame) -> DataFrame:
    """A value that stays the same leaves its level, and what an empty battery loses in a row looks
    like a gap: both are said already.
    """
    device = Window.partitionBy("day_on", "device_id")
    kept = F.lit(True)
    for cause, effects in _EXPLAINS.items():
        times = F.collect_list(F.when(F.col("fault") == cause, F.struct("begins", "ends")))
        seen = seen.withColumn(f"while_{cause}", times.over(device))
        meets = F.exists(
            f"while_{cause}",
            lambda one: (
                (one["begins"] - _NEAR_S <= F.col("ends"))
                & (one["ends"] + _NEAR_S >= F.col("begins"))
            ),
        )
        kept &= ~(F.col("fault").isin(*effects) & meets)
    return seen.where(kept).drop(*(f"while_{cause}" for cause in _EXPLAINS))


def in_their_day(seen: DataFrame) -> DataFrame:
    """The part of each fault that lies in the day looked at, as silver.device_faults has it."""
    starts = F.unix_seconds(F.col("day_on").cast("timestamp")).cast("double")
    ends = starts + 86_400.0
    return (
        seen.where((F.col("begins") < ends) & (F.col("ends") >= starts))
        .where(F.col("ends").isNull() | (F.col("ends") > starts) | (F.col("begins") >= starts))
        .select(
            "shop_id",
            "day_on",
            "device_id",
            "fault",
            "metric",
            _instant(F.greatest("begins", starts)).alias("from_at"),
            _instant(F.least("ends", ends)).alias("to_at"),
            F.round("evidence", 4).alias("evidence"),
            F.round("score", 3).alias("score"),
        )
    )


def _instant(second: Column) -> Column:
    return F.timestamp_micros(F.round(second * 1000).cast("bigint") * 1000)
