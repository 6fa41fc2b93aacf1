"""A look: a day of a shop's readings, with half a day before and after it."""

from datetime import timedelta

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from lakehouse import rows

# How far from a day a reading may be and still say something of it. Half a day sees both ends of
# what befalls a device for a night or a shift, and every reading belongs to two looks only.
REACH = timedelta(hours=12)

# Metrics with two values only: that they stay the same, or change at once, means nothing.
TWO_VALUED = ("motion", "door_open")
# Sent now and then beside the device's own metrics: the declared interval is not theirs.
GAUGES = ("battery",)

# Of a gateway's devices, as to when it was heard.
_MAY_BE_WRONG = 0.25

SERIES = ("day_on", "device_id", "metric")
_ORDER = ("second", "source_object", "source_line")


def around_each_day(readings: DataFrame, devices: DataFrame, calibrations: DataFrame) -> DataFrame:
    """The readings of fixed sensors, each once for both days that it is looked at for.

    Gives   day_on, shop_id, zone_id, device_id, kind, interval_s (null where irregular), gateway (the
            shop's only one where none is declared), metric, measured_at, value, raw_value, source_object, source_line, and calibrated_at: the last
            instant of the day from which on another calibration holds; null on most days
    """
    fixed = readings.where("subject IS NULL AND device_id IS NOT NULL")
    gives = {name: name for name in ("kind", "interval_s", "gateway")}
    by = {"device_id": "device_id"}
    known = fixed.transform(rows.in_force, devices, by=by, at="measured_at", gives=gives)
    days = F.array(*(F.to_date(F.col("measured_at") + F.lit(by)) for by in (-REACH, REACH)))
    changed = (
        calibrations.groupBy("device_id", F.to_date("valid_from").alias("day_on"))
        .agg(F.max("valid_from").alias("calibrated_at"))
        .where("day_on IS NOT NULL")
    )
    return (
        known.withColumn("day_on", F.explode(days))
        .join(F.broadcast(changed), on=["device_id", "day_on"], how="left")
        .select(
            "day_on",
            "shop_id",
            "zone_id",
            "device_id",
            "kind",
            F.when(F.col("interval_s") > 0, F.col("interval_s")).alias("interval_s"),
            F.coalesce("gateway", "shop_id").alias("gateway"),
            "metric",
            "measured_at",
            "value",
            "raw_value",
            "source_object",
            "source_line",
            "calibrated_at",
        )
    )


def heard_of_gateways(righted: DataFrame) -> DataFrame:
    """From when to when each gateway was heard in a look, by a right clock: no device is to blame for
    what its gateway has not handed in yet. A quarter of the devices may say otherwise: a clock that is
    wrong for one reading would make all the others late.

    Gives   day_on, shop_id, gateway, heard_from, heard_to (seconds since 1970)
    """
    gateway = ("day_on", "shop_id", "gateway")
    ends = (
        righted.where(F.col("interval_s").isNotNull())
        .groupBy(*gateway, "device_id")
        .agg(F.min("second").alias("first"), F.max("second").alias("last"))
        .groupBy(*gateway)
        .agg(*(F.sort_array(F.collect_list(name)).alias(name) for name in ("first", "last")))
    )
    others = (F.size("first") - 1) * _MAY_BE_WRONG
    return ends.select(
        *gateway,
        F.get("first", F.floor(others).cast("int")).alias("heard_from"),
        F.get("last", (F.size("last") - 1 - F.floor(others)).cast("int")).alias("heard_to"),
    )


def series(least: int | None = None, most: int | None = None) -> WindowSpec:
    """The readings of one device and metric in order of time: all of a look, or those from `least`
    to `most` rows away.
    """
    window = Window.partitionBy(*SERIES)
    if least is None or most is None:
        return window
    return window.orderBy(*_ORDER).rowsBetween(least, most)


def in_order() -> WindowSpec:
    """As `series`, for functions that bring their own frame (lag, lead)."""
    return Window.partitionBy(*SERIES).orderBy(*_ORDER)


def is_one_of(metrics: tuple[str, ...]) -> Column:
    """Whether a reading is of one of the metrics."""
    return F.col("metric").isin(*metrics)
