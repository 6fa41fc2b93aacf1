"""gold.fridge_hours: how each fridge did, hour by hour: too warm, cooling, its door left open."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import rows

# US FDA Food Code 2022, 3-501.16(A)(2): cold food is held at 41 °F or less.
_WARMEST_C = 5.0
# Water freezes below it, and with it what is chilled and not frozen.
_COLDEST_C = 0.0
# Above it a fridge's compressor runs: the threshold by which appliances are told on from off in
# load monitoring (Kelly, Knottenbelt, "Neural NILM", BuildSys 2015: fridge, 50 W).
_RUNNING_W = 50.0
# Who takes something out needs seconds (ASHRAE 72 tests fridges with openings of 6 s); after a
# minute a door is left open (assumed).
_LEFT_OPEN_S = 60
# One lost reading is bridged, more are a gap. What sends only changes is believed for half a day;
# the table's reach is an hour more.
_INTERVALS = 2
_LONGEST_S = 12 * 3600
# Kinds of silver.device_faults in which a thermometer's values are wrong.
_WRONG = ("stuck", "spike", "drift", "step", "step_at_calibration")

_KEY = ("shop_id", "day_on", "device_id", "hour_at")
_METERED = ("power", "door_open")


def build(
    readings: DataFrame, devices: DataFrame, device_faults: DataFrame, shops: DataFrame
) -> DataFrame:
    """Add up the seconds of every state of every fridge.

    A compressor's meter and a door's contact belong to the fridge that stands nearest in their
    zone. What is doubted is counted and said beside: a thermometer that shows a failing compressor
    looks much like one that drifts.

    Takes   readings, devices, device_faults, shops  silver tables of these names
    Gives   gold.fridge_hours
    """
    fixed = readings.where("subject IS NULL")
    fridges = devices.where("kind = 'fridge_thermometer'")
    now = shops.where("valid_to IS NULL").select("shop_id", "time_zone")
    heard = _thermometers(fixed, fridges).unionByName(_meters(fixed, devices, fridges))
    return (
        heard.transform(_held)
        .transform(_by_hour)
        .transform(_doubted, device_faults)
        .groupBy(*_KEY)
        .agg(*_sums())
        .join(now, on="shop_id", how="left")
        .select(
            *_KEY,
            rows.business_on("hour_at"),
            "readings",
            F.round(F.col("sum_mc") / F.col("readings") / 1000, 2).alias("mean_c"),
            (F.col("max_mc") / 1000).alias("max_c"),
            "measured_s",
            "too_warm_s",
            "too_cold_s",
            "doubted_s",
            "metered_s",
            "running_s",
            F.round(F.try_divide("running_s", "metered_s"), 4).alias("duty"),
            "door_open_s",
            "door_left_open_s",
        )
    )


def _thermometers(fixed: DataFrame, fridges: DataFrame) -> DataFrame:
    gives = {"device_id": "fridge_id", "interval_s": "interval_s"}
    by = {"device_id": "device_id"}
    warmths = fixed.where("metric = 'temperature'")
    found = warmths.transform(rows.in_force, fridges, by=by, at="measured_at", gives=gives)
    return found.where("fridge_id IS NOT NULL").select(*_heard())


def _meters(fixed: DataFrame, devices: DataFrame, fridges: DataFrame) -> DataFrame:
    """What compressors and doors say, each of the nearest fridge in its zone at that instant."""
    gives = {"x_m": "x_m", "y_m": "y_m", "interval_s": "interval_s"}
    by = {"device_id": "device_id"}
    places = fridges.select(
        F.col("device_id").alias("fridge_id"),
        "shop_id",
        "zone_id",
        F.col("x_m").alias("fridge_x_m"),
        F.col("y_m").alias("fridge_y_m"),
        "valid_from",
        "valid_to",
    )
    away = F.hypot(F.col("x_m") - F.col("fridge_x_m"), F.col("y_m") - F.col("fridge_y_m"))
    nearest = Window.partitionBy("event_id").orderBy(F.asc_nulls_last(away), "fridge_id")
    return (
        fixed.where(F.col("metric").isin(*_METERED))
        .transform(rows.in_force, devices, by=by, at="measured_at", gives=gives)
        .join(F.broadcast(places), on=["shop_id", "zone_id"], how="inner")
        .where("measured_at >= valid_from AND (valid_to IS NULL OR measured_at < valid_to)")
        .withColumn("_nth", F.row_number().over(nearest))
        .where("_nth = 1")
        .select(*_heard())
    )


def _heard() -> tuple[str, ...]:
    known = ("shop_id", "device_id", "metric", "measured_at", "event_id", "value", "interval_s")
    return ("fridge_id", *known)


def _held(heard: DataFrame) -> DataFrame:
    """Until when each reading holds (`ends_at`), and since when a door has been open (`open_at`)."""
    following = Window.partitionBy("shop_id", "device_id", "metric").orderBy(
        "measured_at", "event_id"
    )
    interval = F.when(F.col("interval_s") > 0, F.col("interval_s") * _INTERVALS)
    holds_s = F.least(interval, F.lit(_LONGEST_S))  # (which passes over a null)
    ends = F.col("measured_at") + F.make_dt_interval(secs=holds_s)
    is_open = (F.col("metric") == "door_open") & (F.col("value") > 0)
    goes_on = (F.lag("is_open").over(following)) & (
        F.lag("ends_at").over(following) >= F.col("measured_at")
    )
    begins = F.when(F.col("is_open") & ~F.coalesce(goes_on, F.lit(False)), F.col("measured_at"))
    so_far = following.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return (
        heard.withColumn("ends_at", F.least(ends, F.lead("measured_at").over(following)))
        .withColumn("is_open", is_open)
        .withColumn("_begins_at", begins)
        .withColumn("open_at", F.last("_begins_at", ignorenulls=True).over(so_far))
    )


def _by_hour(held: DataFrame) -> DataFrame:
    """Each reading cut at the hours that it holds in, with the seconds of each."""
    hours = F.sequence(
        F.date_trunc("HOUR", "measured_at"),
        F.date_trunc("HOUR", "ends_at"),
        F.expr("INTERVAL 1 HOUR"),
    )
    pieces = held.withColumn("hour_at", F.explode(hours)).withColumns(
        {
            "begins_at": F.greatest("measured_at", "hour_at"),
            "stops_at": F.least("ends_at", F.expr("hour_at + INTERVAL 1 HOUR")),
            "is_measured": F.col("measured_at") >= F.col("hour_at"),
        }
    )
    stops_s = F.unix_seconds("stops_at")
    left_s = F.greatest(F.unix_seconds("begins_at"), F.unix_seconds("open_at") + _LEFT_OPEN_S)
    return (
        pieces.withColumn("seconds", stops_s - F.unix_seconds("begins_at"))
        .where("is_measured OR seconds > 0")
        .select(
            "shop_id",
            F.to_date("hour_at").alias("day_on"),
            F.col("fridge_id").alias("device_id"),
            "hour_at",
            "metric",
            "value",
            "begins_at",
            "is_measured",
            "is_open",
            "seconds",
            F.greatest(stops_s - left_s, F.lit(0)).alias("left_s"),
        )
    )


def _doubted(pieces: DataFrame, device_faults: DataFrame) -> DataFrame:
    """Whether the fridge's thermometer was wrong when the piece began."""
    day = ["shop_id", "day_on", "device_id"]
    wrong = device_faults.where(F.col("fault").isin(*_WRONG)).groupBy(*day)
    periods = wrong.agg(F.collect_list(F.struct("from_at", "to_at")).alias("periods"))

    def holds(period: Column) -> Column:
        return (period["from_at"] <= F.col("begins_at")) & (F.col("begins_at") < period["to_at"])

    is_doubted = F.coalesce(F.exists("periods", holds), F.lit(False))
    found = pieces.join(F.broadcast(periods), on=day, how="left")
    return found.withColumn("is_doubted", is_doubted)


def _sums() -> list[Column]:
    is_warmth = F.col("metric") == "temperature"
    is_warm, is_cold = F.col("value") > _WARMEST_C, F.col("value") < _COLDEST_C
    is_power, is_door = F.col("metric") == "power", F.col("metric") == "door_open"
    thousandths = F.when(
        is_warmth & F.col("is_measured"), F.round(F.col("value") * 1000).cast("bigint")
    )

    def seconds(where: Column, of: str = "seconds") -> Column:
        return F.sum(F.when(where, F.col(of)).otherwise(0))

    has_door = F.max(is_door)
    return [
        F.count(thousandths).alias("readings"),
        F.sum(thousandths).alias("sum_mc"),
        F.max(thousandths).alias("max_mc"),
        seconds(is_warmth).alias("measured_s"),
        seconds(is_warmth & is_warm).alias("too_warm_s"),
        seconds(is_warmth & is_cold).alias("too_cold_s"),
        seconds(is_warmth & (is_warm | is_cold) & F.col("is_doubted")).alias("doubted_s"),
        seconds(is_power).alias("metered_s"),
        seconds(is_power & (F.col("value") > _RUNNING_W)).alias("running_s"),
        F.when(has_door, seconds(F.col("is_open"))).alias("door_open_s"),
        F.when(has_door, seconds(F.col("is_open"), "left_s")).alias("door_left_open_s"),
    ]
