"""silver.device_faults: what was the matter with a device, from when to when."""

from pyspark.sql import DataFrame

from lakehouse import faults


def build(readings: DataFrame, devices: DataFrame, calibrations: DataFrame) -> DataFrame:
    """Find the faults of every device on every day of which there are readings.

    Readings stay as they are: who wants none of a broken device joins this table to them. A day is
    worked out from its own readings and those of half a day before and after it.

    Takes   readings, devices, calibrations  silver tables of these names
    Gives   silver.device_faults
    Source  lakehouse/faults/: each threshold has its reason there.
    """
    return faults.found(readings, devices, calibrations)
