"""silver.calibrations: what a device's value is multiplied with and shifted by, from when on."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.calibrations without valid_to, which follows from the other versions
    """
    return rows.payloads(events, "calibrations").select(
        F.col("said.device_id").alias("device_id"),
        F.col("said.scale").try_cast("double").alias("scale"),
        F.col("said.offset").try_cast("double").alias("offset"),
        rows.instant(F.col("said.valid_from")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
