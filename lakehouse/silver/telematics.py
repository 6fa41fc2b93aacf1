"""silver.telematics: the reports of the delivery vans, with the cargo's temperature in Celsius."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables
from lakehouse.units import CONVERSIONS

_TABLE = tables.by_name("silver.telematics")
_TO_CELSIUS = [known for known in CONVERSIONS if known.metric == "temperature"]


def build(events: DataFrame) -> DataFrame:
    """Type and convert every report; drop none. A van without a fix still says how warm it is.

    Takes   events  bronze.events
    Gives   silver.telematics, and for its rules
              latitude_as_sent, longitude_as_sent, door_as_sent  string   null where not said
              temperature_as_sent                                double   null where it is no number
    Source  conversions: lakehouse/units.py.
    """
    as_sent = F.col("temperature_as_sent")
    return (
        rows.payloads(events, "telematics")
        .withColumn("reported_at", F.col("emitted_at"))
        .withColumn("temperature_as_sent", rows.finite(F.col("said.cargo_temperature")))
        .select(
            "shop_id",
            "reported_at",
            "event_id",
            "device_id",
            rows.finite(F.col("said.latitude")).alias("latitude"),
            rows.finite(F.col("said.longitude")).alias("longitude"),
            _celsius(as_sent, F.col("said.unit")).alias("cargo_temperature_c"),
            F.col("said.door_open").try_cast("boolean").alias("is_door_open"),
            rows.is_late("reported_at", _TABLE.lateness),
            *rows.ARRIVAL,
            F.col("said.latitude").alias("latitude_as_sent"),
            F.col("said.longitude").alias("longitude_as_sent"),
            F.col("said.door_open").alias("door_as_sent"),
            "temperature_as_sent",
        )
    )


def _celsius(value: Column, unit: Column) -> Column:
    """A temperature in Celsius; null where the unit is none that is known."""
    known = [F.when(unit == one.unit, value * one.factor + one.offset) for one in _TO_CELSIUS]
    return F.coalesce(*known)
