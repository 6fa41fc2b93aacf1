"""silver.devices: fixed sensors and gateways and where they are, version by version."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.devices without valid_to, which follows from the other versions
    """
    return rows.payloads(events, "devices").select(
        F.col("said.device_id").alias("device_id"),
        F.col("said.shop_id").alias("shop_id"),
        F.col("said.zone_id").alias("zone_id"),
        F.col("said.kind").alias("kind"),
        F.col("said.x_m").try_cast("double").alias("x_m"),
        F.col("said.y_m").try_cast("double").alias("y_m"),
        F.col("said.native_unit").alias("native_unit"),
        F.col("said.interval_s").try_cast("double").alias("interval_s"),
        F.col("said.vendor").alias("vendor"),
        F.col("said.firmware").alias("firmware"),
        F.col("said.protocol").alias("protocol"),
        F.col("said.gateway").alias("gateway"),
        rows.instant(F.col("said.effective_at")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
