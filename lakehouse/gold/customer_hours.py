"""gold.customer_hours: how warm and humid it was around each customer, hour by hour."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import consent, rows, tables

_TABLE = tables.by_name("gold.customer_hours")
_METRICS = ("temperature", "humidity")
_ATTRIBUTES = ("contact_preference", "age_band", "household_size")


def build(readings: DataFrame, customers: DataFrame, app_events: DataFrame) -> DataFrame:
    """Count and average what was measured around those who agreed to it when it was measured.

    Takes   readings, customers, app_events  silver tables of these names
    Gives   gold.customer_hours
    """
    known = {name: name for name in _ATTRIBUTES}
    return (
        _around_customers(readings)
        .transform(consent.in_force, customers, app_events, at="measured_at")
        .where(F.array_contains("consents", _TABLE.consent))
        .groupBy("subject", F.date_trunc("HOUR", "measured_at").alias("hour_at"))
        .agg(
            F.count("*").alias("readings"),
            F.max("measured_at").alias("last_at"),
            *(sum_of for metric in _METRICS for sum_of in _sums(metric)),
        )
        .transform(rows.in_force, customers, by={"subject": "subject"}, at="last_at", gives=known)
        .select(
            F.to_date("hour_at").alias("day_on"),
            "subject",
            "hour_at",
            "readings",
            "temperature_readings",
            _mean("temperature").alias("temperature_mean_c"),
            "humidity_readings",
            _mean("humidity").alias("humidity_mean_percent"),
            *_ATTRIBUTES,
        )
    )


def _around_customers(readings: DataFrame) -> DataFrame:
    """What customers' own devices measured: subject, measured_at, metric, value.

    What fixed sensors measured in a zone while a customer was there (gold.visits) is of the same
    columns, and is to be united with it here.
    """
    own = readings.where(F.col("subject").isNotNull() & F.col("metric").isin(*_METRICS))
    return own.select("subject", "measured_at", "metric", "value")


def _sums(metric: str) -> tuple[Column, Column]:
    thousandths = F.when(F.col("metric") == metric, F.round(F.col("value") * 1000).cast("bigint"))
    return (
        F.count(thousandths).alias(f"{metric}_readings"),
        F.sum(thousandths).alias(f"{metric}_thousandths"),
    )


def _mean(metric: str) -> Column:
    return F.round(F.col(f"{metric}_thousandths") / F.col(f"{metric}_readings") / 1000, 2)
