"""gold.shop_comfort: the air and the noise of each zone, hour by hour, beside who came and paid."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows

_KEY = ("shop_id", "hour_at", "zone_id")
# metric -> column, and decimals of its mean
_MEANS = {
    "temperature": ("temperature_mean_c", 2),
    "humidity": ("humidity_mean_percent", 2),
    "co2": ("co2_mean_ppm", 1),
}
_NOISE = "noise"


def build(
    readings: DataFrame,
    footfall: DataFrame,
    devices: DataFrame,
    shops: DataFrame,
    shop_hours: DataFrame,
) -> DataFrame:
    """Average every zone's hour; the air inside fridges is none of the zone's.

    Takes   readings, footfall, devices, shops  silver tables of these names
            shop_hours                          gold.shop_hours
    Gives   gold.shop_comfort
    """
    now = shops.where("valid_to IS NULL").select("shop_id", "time_zone")
    revenue = shop_hours.select("shop_id", "hour_at", "net_revenue_cents")
    local = F.hour(F.from_utc_timestamp("hour_at", F.col("time_zone")))
    return (
        _measured(readings, devices)
        .join(_counted(footfall, devices), on=list(_KEY), how="left")
        .join(revenue, on=["shop_id", "hour_at"], how="left")
        .join(now, on="shop_id", how="left")
        .select(
            *_KEY,
            rows.business_on("hour_at"),
            local.alias("hour_of_day"),
            *(name for name, _ in _MEANS.values()),
            "noise_leq_db",
            "entries",
            F.coalesce("net_revenue_cents", F.lit(0)).alias("shop_net_revenue_cents"),
        )
    )


def _measured(readings: DataFrame, devices: DataFrame) -> DataFrame:
    wanted = (*_MEANS, _NOISE)
    in_rooms = readings.where(F.col("metric").isin(*wanted) & F.col("zone_id").isNotNull())
    by, gives = {"device_id": "device_id"}, {"kind": "device_kind"}
    return (
        in_rooms.transform(rows.in_force, devices, by=by, at="measured_at", gives=gives)
        .where("device_kind != 'fridge_thermometer'")
        .groupBy("shop_id", F.date_trunc("HOUR", "measured_at").alias("hour_at"), "zone_id")
        .agg(*(_mean(metric) for metric in _MEANS), _level().alias("noise_leq_db"))
    )


def _mean(metric: str) -> Column:
    name, places = _MEANS[metric]
    thousandths = F.when(F.col("metric") == metric, F.round(F.col("value") * 1000).cast("bigint"))
    return F.round(F.sum(thousandths) / F.count(thousandths) / 1000, places).alias(name)


def _level() -> Column:
    energy = F.when(F.col("metric") == _NOISE, F.pow(F.lit(10.0), F.col("value") / 10))
    exact = energy.try_cast("decimal(28, 3)")
    return F.round(10 * F.log10(F.sum(exact).cast("double") / F.count(exact)), 1)


def _counted(footfall: DataFrame, devices: DataFrame) -> DataFrame:
    by, gives = {"device_id": "device_id"}, {"kind": "device_kind"}
    counters = devices.where("kind = 'zone_counter'")
    return (
        footfall.transform(rows.in_force, counters, by=by, at="ended_at", gives=gives)
        .where("device_kind IS NOT NULL")
        .groupBy("shop_id", F.date_trunc("HOUR", "began_at").alias("hour_at"), "zone_id")
        .agg(F.sum("entries").alias("entries"))
    )
