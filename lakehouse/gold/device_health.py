"""gold.device_health: how each device did on each day, in one line."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_KEY = ("shop_id", "day_on", "device_id")
_SHOP_DAY = ("shop_id", "day_on")


def build(readings: DataFrame, devices: DataFrame, device_faults: DataFrame) -> DataFrame:
    """Give every device that was heard, or that a fault is known of, its account of the day.

    Takes   readings, devices, device_faults  silver tables of these names
    Gives   gold.device_health
    """
    fixed = readings.where("subject IS NULL AND device_id IS NOT NULL")
    fixed = fixed.withColumn("day_on", F.to_date("measured_at"))
    heard = fixed.groupBy(*_SHOP_DAY).agg(
        F.min("measured_at").alias("heard_from"), F.max("measured_at").alias("heard_to")
    )
    return (
        _seen(fixed)
        .join(_faulty(device_faults), on=list(_KEY), how="full")
        .join(heard, on=list(_SHOP_DAY), how="left")
        .transform(_known, devices)
        .withColumn("heard_s", _seconds("heard_from", "heard_to"))
        .withColumn("known_s", _seconds("known_from", "known_to"))
        .withColumns(
            {
                "readings_expected": F.round(F.col("known_s") / F.col("interval_s")).cast("bigint"),
                "readings_seen": F.coalesce("readings_seen", F.lit(0)).cast("bigint"),
                "faulty_s": F.coalesce("faulty_s", F.lit(0)).cast("bigint"),
            }
        )
        .withColumn("seen_share", _share())
        .select(
            *_KEY,
            "kind",
            "zone_id",
            "readings_expected",
            "readings_seen",
            "seen_share",
            "faults_s",
            "faulty_s",
            "battery_percent",
            "last_seen_at",
            _health().alias("health"),
        )
    )


def _seen(fixed: DataFrame) -> DataFrame:
    is_gauge = F.col("metric") == "battery"
    # (Of two values at one instant the lower one, so that it does not matter which is read first.)
    charge = F.when(is_gauge, F.struct("measured_at", (-F.col("value")).alias("less")))
    return fixed.groupBy(*_KEY).agg(
        F.count_distinct(F.when(~is_gauge, F.col("measured_at"))).alias("readings_seen"),
        F.max("measured_at").alias("last_seen_at"),
        (-F.max(charge)["less"]).alias("battery_percent"),
    )


def _faulty(device_faults: DataFrame) -> DataFrame:
    """Seconds of each fault, and of the time in which there was any."""
    before = Window.partitionBy(*_KEY).orderBy("from_at", "to_at", "fault")
    before = before.rowsBetween(Window.unboundedPreceding, -1)
    reached = F.coalesce(F.max("to_at").over(before), F.col("from_at"))
    alone = device_faults.select(
        *_KEY,
        "fault",
        _seconds("from_at", "to_at").alias("lasts_s"),
        _seconds(F.greatest("from_at", reached), "to_at").alias("adds_s"),
    )
    each = alone.groupBy(*_KEY, "fault").agg(
        F.sum("lasts_s").alias("seconds"), F.sum("adds_s").alias("adds_s")
    )
    pairs = F.sort_array(F.collect_list(F.struct("fault", "seconds")))
    return each.groupBy(*_KEY).agg(pairs.alias("faults_s"), F.sum("adds_s").alias("faulty_s"))


def _known(accounts: DataFrame, devices: DataFrame) -> DataFrame:
    """Add what is known of the device at the end of the day, and the part of the time in which its
    shop was heard that it was known for.
    """
    versions = devices.select(
        F.col("device_id").alias("_device_id"),
        F.col("shop_id").alias("_shop_id"),
        "kind",
        "zone_id",
        "interval_s",
        "valid_from",
        "valid_to",
    )
    ends = F.coalesce("heard_to", F.date_add("day_on", 1).cast("timestamp"))
    fits = (F.col("device_id") == F.col("_device_id")) & (F.col("shop_id") == F.col("_shop_id"))
    fits &= (F.col("valid_from") <= ends) & (
        F.col("valid_to").isNull() | (F.col("valid_to") > ends)
    )
    return accounts.join(F.broadcast(versions), on=fits, how="left").withColumns(
        {
            "known_from": F.greatest("heard_from", "valid_from"),
            "known_to": F.col("heard_to"),
        }
    )


def _seconds(begins: Column | str, ends: Column | str) -> Column:
    between = F.unix_seconds(ends) - F.unix_seconds(begins)
    return F.greatest(between, F.lit(0))


def _share() -> Column:
    expected = F.when(F.col("readings_expected") > 0, F.col("readings_expected"))
    share = F.least(F.col("readings_seen") / expected, F.lit(1.0))  # (which passes over a null)
    return F.round(F.when(expected.isNotNull(), share), 4)


def _health() -> Column:
    heard = F.when(F.col("heard_s") > 0, F.col("heard_s"))
    faulty = F.least(F.coalesce(F.col("faulty_s") / heard, F.lit(0.0)), F.lit(1.0))
    return F.round(F.coalesce("seen_share", F.lit(1.0)) * (1 - faulty), 4)
