"""silver.deliveries: the goods received, as the notes say."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables

_TABLE = tables.by_name("silver.deliveries")


def build(events: DataFrame) -> DataFrame:
    """Type every delivery; drop none.

    Takes   events  bronze.events
    Gives   silver.deliveries
    """
    return (
        rows.payloads(events, "deliveries")
        .withColumn("delivered_at", rows.instant(F.col("said.delivered_at")))
        .select(
            "shop_id",
            "delivered_at",
            "event_id",
            F.col("said.product_id").alias("product_id"),
            F.col("said.quantity").try_cast("bigint").alias("quantity"),
            F.col("said.epcs").alias("epcs"),
            rows.is_late("delivered_at", _TABLE.lateness),
            *rows.ARRIVAL,
        )
    )
