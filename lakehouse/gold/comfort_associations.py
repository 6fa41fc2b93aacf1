"""gold.comfort_associations: what goes with warmth, air and noise, and how sure that is."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import association

_MEASURES = ("temperature_mean_c", "humidity_mean_percent", "co2_mean_ppm", "noise_leq_db")
_OUTCOMES = ("entries", "shop_net_revenue_cents")
_KEY = ("shop_id", "month_on", "zone_id", "measure", "outcome")


def build(shop_comfort: DataFrame) -> DataFrame:
    """Correlate each measure with each outcome, hour by hour, zone by zone.

    Shops are warm, loud and full at the same hours of the day; what that alone makes go together is
    taken out by looking at how far an hour is from the mean of its hour of the day.

    Takes   shop_comfort  gold.shop_comfort
    Gives   gold.comfort_associations
    """
    hours = shop_comfort.withColumn("month_on", F.trunc("business_on", "month"))
    for name, among in (("measure", _MEASURES), ("outcome", _OUTCOMES)):
        hours = hours.withColumn("_one", F.explode(_each(among))).select(
            "*", F.col("_one.name").alias(name), F.col("_one.value").alias(f"{name}_value")
        )
        hours = hours.where(f"{name}_value IS NOT NULL").drop("_one")
    differing = hours.withColumns(
        {"_x": _from_mean("measure_value"), "_y": _from_mean("outcome_value")}
    )
    found = association.spearman(differing, _KEY, x="_x", y="_y", at="hour_at")
    low, high = association.interval(F.col("rho"), F.col("effective_pairs"))
    return found.select(
        *_KEY,
        F.col("pairs").alias("hours"),
        F.round("effective_pairs", 1).alias("effective_hours"),
        F.round("rho", 4).alias("rho"),
        F.round(low, 4).alias("rho_low"),
        F.round(high, 4).alias("rho_high"),
    )


def _each(columns: tuple[str, ...]) -> Column:
    """Name and value of each of the columns, in whole thousandths."""
    pairs = (
        F.struct(
            F.lit(name).alias("name"), F.round(F.col(name) * 1000).cast("bigint").alias("value")
        )
        for name in columns
    )
    return F.array(*pairs)


def _from_mean(of: str) -> Column:
    hour = Window.partitionBy(*_KEY, "hour_of_day")
    return F.col(of) - F.sum(of).over(hour) / F.count(of).over(hour)
