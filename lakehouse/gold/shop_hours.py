"""gold.shop_hours: what each shop sold, and how many came, and how its fridges did, hour by hour."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows

# US FDA Food Code 2022, 3-501.16(A)(2): cold food is held at 41 °F or less.
_COLD_C = 5.0

_KEY = ("shop_id", "hour_at")


def build(
    sales: DataFrame,
    readings: DataFrame,
    footfall: DataFrame,
    devices: DataFrame,
    shops: DataFrame,
) -> DataFrame:
    """Sum up every hour in which a shop sold, measured or counted something.

    Takes   sales, readings, footfall, devices, shops  silver tables of these names
    Gives   gold.shop_hours
    """
    now = shops.where("valid_to IS NULL").select("shop_id", "time_zone")
    counts = ("baskets", "items", "net_revenue_cents", "discount_cents")
    fridge = ("temperature_readings", "out_of_temperature_s")
    return (
        _sold(sales)
        .join(_measured(readings, devices), on=list(_KEY), how="full")
        .join(_counted(footfall, devices), on=list(_KEY), how="full")
        .join(now, on="shop_id", how="left")
        .select(
            *_KEY,
            rows.business_on("hour_at"),
            *(F.coalesce(name, F.lit(0)).cast("bigint").alias(name) for name in counts + fridge),
            F.col("visitors").cast("bigint").alias("visitors"),
            _conversion().alias("conversion"),
        )
    )


def _sold(sales: DataFrame) -> DataFrame:
    return sales.groupBy("shop_id", F.date_trunc("HOUR", "paid_at").alias("hour_at")).agg(
        F.count_distinct("basket_id").alias("baskets"),
        F.count("*").alias("items"),
        F.sum("amount_cents").alias("net_revenue_cents"),
        F.sum("discount_cents").alias("discount_cents"),
    )


def _measured(readings: DataFrame, devices: DataFrame) -> DataFrame:
    fridges = readings.where("metric = 'temperature'").transform(
        rows.in_force,
        devices.where("kind = 'fridge_thermometer'"),
        by={"device_id": "device_id"},
        at="measured_at",
        gives={"kind": "device_kind", "interval_s": "interval_s"},
    )
    too_warm = F.when(F.col("value") > _COLD_C, F.col("interval_s").cast("bigint"))
    return (
        fridges.where("device_kind IS NOT NULL")
        .groupBy("shop_id", F.date_trunc("HOUR", "measured_at").alias("hour_at"))
        .agg(
            F.count("*").alias("temperature_readings"),
            F.sum(too_warm).alias("out_of_temperature_s"),
        )
    )


def _counted(footfall: DataFrame, devices: DataFrame) -> DataFrame:
    """Those who came in, as the counters at the doors saw them."""
    doors = footfall.transform(
        rows.in_force,
        devices.where("kind = 'door_counter'"),
        by={"device_id": "device_id"},
        at="ended_at",
        gives={"kind": "device_kind"},
    )
    return (
        doors.where("device_kind IS NOT NULL")
        .groupBy("shop_id", F.date_trunc("HOUR", "began_at").alias("hour_at"))
        .agg(F.sum("entries").alias("visitors"))
    )


def _conversion() -> Column:
    share = F.coalesce("baskets", F.lit(0)) / F.when(F.col("visitors") > 0, F.col("visitors"))
    return F.round(share, 4)
