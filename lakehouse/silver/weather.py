"""silver.weather: what it was like outside each shop, hour by hour, version by version."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.weather without valid_to, which follows from the other versions
    """
    return rows.payloads(events, "weather").select(
        F.col("said.shop_id").alias("shop_id"),
        rows.instant(F.col("said.hour_at")).alias("hour_at"),
        rows.finite(F.col("said.temperature_c")).alias("temperature_c"),
        rows.finite(F.col("said.precipitation_mm")).alias("precipitation_mm"),
        rows.instant(F.col("said.effective_at")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
