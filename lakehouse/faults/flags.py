"""Flags: what one row shows by itself. The row stays; its flags say what to think of it."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse import rows

# What the usual sensor of a metric can measure at all, in the canonical unit: outside, it is the
# sensor that speaks. Temperature: DS18B20 data sheet. CO2: Sensirion SCD30 data sheet. Light: the
# sun at noon has 120,000 lx. Power: three phases of 32 A at 230 V. Vibration: 16 g, ADXL345 data
# sheet. Noise: the threshold of pain. Weight: an empty scale is right to a tenth of a kilogram; a
# ton is more than a shelf bears.
_RANGES = {
    "temperature": (-55.0, 125.0),
    "humidity": (0.0, 100.0),
    "co2": (0.0, 40_000.0),
    "light": (0.0, 120_000.0),
    "motion": (0.0, 1.0),
    "door_open": (0.0, 1.0),
    "power": (0.0, 22_080.0),
    "vibration": (0.0, 157.0),
    "noise": (0.0, 140.0),
    "weight": (-0.1, 1_000.0),
    "battery": (0.0, 100.0),
}
# A DS18B20 says 85 °C where it has not measured since it was switched on (data sheet, table 1).
_POWER_ON_C = 85.0
# Two clocks set by the network agree to a second; a minute is none of their doing.
_AHEAD = "INTERVAL 1 MINUTE"
# Where a gauge warns: a usual threshold of Zigbee's power configuration.
_LOW_PERCENT = 20.0

# Receivers report it when they have no reading (Android: RSSI "range is -127 to 126, 127 unknown").
NO_READING_DBM = 127

OF_READINGS = ("out_of_range", "sensor_reset", "clock_ahead", "battery_low")
OF_SIGHTINGS = ("rssi_sentinel",)


def of_reading(as_sent: Column) -> Column:
    """The flags of a reading with metric, value, measured_at and arrived_at; none where it is fine.

    Takes   as_sent  its value in the canonical unit, before calibration
    """
    metric, value = F.col("metric"), F.col("value")
    outside = F.lit(False)
    for name, (least, most) in _RANGES.items():
        outside = F.when(metric == name, ~value.between(least, most)).otherwise(outside)
    tests = (
        outside,
        (metric == "temperature") & (as_sent == _POWER_ON_C),
        F.col("measured_at") > F.col("arrived_at") + F.expr(_AHEAD),
        (metric == "battery") & (value <= _LOW_PERCENT),
    )
    return _named(OF_READINGS, tests)


def of_sighting(rssi_as_sent: Column) -> Column:
    """The flags of a sighting; none where it is fine."""
    return _named(OF_SIGHTINGS, (rssi_as_sent == NO_READING_DBM,))


def _named(names: tuple[str, ...], tests: tuple[Column, ...]) -> Column:
    found = [F.when(is_one, F.lit(name)) for name, is_one in zip(names, tests, strict=True)]
    return rows.without_nulls(F.array(*found, F.lit(None).cast("string"))).alias("flags")
