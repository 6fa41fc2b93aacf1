"""silver.readings: each measurement in the canonical unit, calibrated, with its shop and zone."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables
from lakehouse.faults import flags
from lakehouse.units import CONVERSIONS

_TABLE = tables.by_name("silver.readings")


def build(events: DataFrame, devices: DataFrame, calibrations: DataFrame) -> DataFrame:
    """Type, convert, calibrate and place every measurement; drop none.

    Takes   events        bronze.events
            devices       silver.devices
            calibrations  silver.calibrations
    Gives   silver.readings, and for its rules
              value_as_sent  double  null where `raw_value` is no number
              device_kind    string  null where the device is not known at that instant
    Source  conversions: lakehouse/units.py; calibration: scale × value + offset, in the canonical
            unit, as silver.calibrations says.
    """
    return (
        rows.payloads(events, "readings")
        .transform(_typed)
        .transform(_placed, devices)
        .transform(_calibrated, calibrations)
        .select(
            F.coalesce("_placed_shop", "shop_id").alias("shop_id"),
            "measured_at",
            "event_id",
            "device_id",
            "zone_id",
            "subject",
            "metric",
            "value",
            "unit",
            "raw_value",
            "raw_unit",
            flags.of_reading(F.col("_converted")),
            rows.is_late("measured_at", _TABLE.lateness),
            *rows.ARRIVAL,
            "value_as_sent",
            "device_kind",
        )
    )


def _typed(messages: DataFrame) -> DataFrame:
    return messages.select(
        "event_id",
        "shop_id",
        "device_id",
        "subject",
        F.col("emitted_at").alias("measured_at"),
        F.col("said.metric").alias("metric"),
        F.col("said.value").alias("raw_value"),
        F.col("said.unit").alias("raw_unit"),
        rows.finite(F.col("said.value")).alias("value_as_sent"),
        *rows.ARRIVAL,
    ).withColumns(_conversion())


def _conversion() -> dict[str, Column]:
    of = F.concat_ws("|", "metric", "raw_unit")

    def looked_up(attribute: str) -> Column:
        pairs = [
            F.lit(item)
            for known in CONVERSIONS
            for item in (f"{known.metric}|{known.unit}", getattr(known, attribute))
        ]
        return F.create_map(*pairs)[of]

    return {
        "unit": looked_up("canonical"),
        "_factor": looked_up("factor"),
        "_offset": looked_up("offset"),
    }


def _placed(readings: DataFrame, devices: DataFrame) -> DataFrame:
    gives = {"shop_id": "_placed_shop", "zone_id": "zone_id", "kind": "device_kind"}
    by = {"device_id": "device_id"}
    return readings.transform(rows.in_force, devices, by=by, at="measured_at", gives=gives)


def _calibrated(readings: DataFrame, calibrations: DataFrame) -> DataFrame:
    scale = F.coalesce("_scale", F.lit(1.0))
    shift = F.coalesce("_shift", F.lit(0.0))
    converted = F.col("value_as_sent") * F.col("_factor") + F.col("_offset")
    return (
        readings.transform(
            rows.in_force,
            calibrations,
            by={"device_id": "device_id"},
            at="measured_at",
            gives={"scale": "_scale", "offset": "_shift"},
        )
        .withColumn("_converted", converted)
        .withColumn("value", scale * F.col("_converted") + shift)
    )
