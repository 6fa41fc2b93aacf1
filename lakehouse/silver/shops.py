"""silver.shops: the shops of the chain, version by version."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.shops without valid_to, which follows from the other versions
    """
    return rows.payloads(events, "shops").select(
        F.col("said.shop_id").alias("shop_id"),
        F.col("said.time_zone").alias("time_zone"),
        F.col("said.currency").alias("currency"),
        F.col("said.latitude").try_cast("double").alias("latitude"),
        F.col("said.longitude").try_cast("double").alias("longitude"),
        F.col("said.floor_plan").alias("floor_plan"),
        F.col("said.geofence").alias("geofence"),
        rows.instant(F.col("said.effective_at")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
