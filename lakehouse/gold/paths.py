"""gold.paths: from which zone to which customers go, and from where they leave without a receipt."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_OUTSIDE = "outside"
# As in gold.visits: who is not heard for longer had gone; and the till may be the last to hear them.
_GAP_S = 600

_ONE = ("shop_id", "day_on", "subject")
_PRESENCE = (*_ONE, "_presence")


def build(visits: DataFrame, sales: DataFrame) -> DataFrame:
    """Count the ways from stay to stay of each presence, its first from outside, its last to there.

    Takes   visits  gold.visits
            sales   silver.sales
    Gives   gold.paths
    """
    stays = visits.transform(_by_presence)
    return (
        stays.join(_paid(stays, sales), on=list(_PRESENCE), how="left")
        .select("shop_id", "day_on", "subject", "_has_paid", F.explode(_ways()).alias("_way"))
        .groupBy("shop_id", "day_on", "_way.from_zone_id", "_way.to_zone_id")
        .agg(
            F.count("*").alias("moves"),
            F.count_distinct("subject").alias("visitors"),
            F.round(F.avg("_way.stayed_s"), 1).alias("stayed_mean_s"),
            F.count_if(F.col("_has_paid").isNull()).alias("_without"),
        )
        .select(
            "shop_id",
            "day_on",
            "from_zone_id",
            "to_zone_id",
            "moves",
            "visitors",
            "stayed_mean_s",
            F.when(F.col("to_zone_id") == _OUTSIDE, F.col("_without")).alias("without_receipt"),
        )
    )


def _by_presence(visits: DataFrame) -> DataFrame:
    in_order = Window.partitionBy(*_ONE).orderBy("entered_at")
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    away_s = _seconds("entered_at") - F.lag(_seconds("left_at")).over(in_order)
    presence = Window.partitionBy(*_PRESENCE).orderBy("entered_at")
    return (
        visits.withColumn("_is_back", away_s > _GAP_S)
        .withColumn("_presence", F.count_if("_is_back").over(so_far))
        .withColumns(
            {
                "_from": F.lag("zone_id").over(presence),
                "_stayed_s": F.lag("dwell_s").over(presence),
                "_is_last": F.lead("zone_id").over(presence).isNull(),
            }
        )
    )


def _paid(stays: DataFrame, sales: DataFrame) -> DataFrame:
    """The presences in which, or just after which, something was paid."""
    lasts = stays.groupBy(*_PRESENCE).agg(
        F.min("entered_at").alias("_began_at"), F.max("left_at").alias("_ended_at")
    )
    receipts = sales.where("subject IS NOT NULL AND quantity > 0").select(
        "shop_id", "subject", "paid_at"
    )
    in_time = _seconds("paid_at").between(
        _seconds("_began_at"), _seconds("_ended_at") + F.lit(_GAP_S)
    )
    return (
        lasts.join(receipts, on=["shop_id", "subject"], how="inner")
        .where(in_time)
        .groupBy(*_PRESENCE)
        .agg(F.lit(True).alias("_has_paid"))
    )


def _ways() -> Column:
    """The way to the stay, and from the last one the way out."""
    came = F.struct(
        F.coalesce("_from", F.lit(_OUTSIDE)).alias("from_zone_id"),
        F.col("zone_id").alias("to_zone_id"),
        F.col("_stayed_s").alias("stayed_s"),
    )
    left = F.struct(
        F.col("zone_id").alias("from_zone_id"),
        F.lit(_OUTSIDE).alias("to_zone_id"),
        F.col("dwell_s").alias("stayed_s"),
    )
    return F.when(F.col("_is_last"), F.array(came, left)).otherwise(F.array(came))


def _seconds(at: str) -> Column:
    return F.unix_seconds(at)
