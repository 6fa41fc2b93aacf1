"""silver.app_events: what shoppers did in the app. What they agreed to: lakehouse/consent.py."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables

_TABLE = tables.by_name("silver.app_events")


def build(events: DataFrame) -> DataFrame:
    """Type every event; drop none.

    Takes   events  bronze.events
    Gives   silver.app_events
    """
    return (
        rows.payloads(events, "app_events")
        .withColumn("happened_at", F.col("emitted_at"))
        .select(
            "shop_id",
            "happened_at",
            "event_id",
            "subject",
            F.col("said.kind").alias("kind"),
            F.col("said.product_id").alias("product_id"),
            F.col("said.offer_id").alias("offer_id"),
            F.col("said.variant").alias("variant"),
            rows.is_late("happened_at", _TABLE.lateness),
            *rows.ARRIVAL,
        )
    )
