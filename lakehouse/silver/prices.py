"""silver.prices: what the shelf labels were told and what they acknowledged.

What a label shows from when to when, and what it ought to: lakehouse/pricing.py.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables

_TABLE = tables.by_name("silver.prices")


def build(events: DataFrame) -> DataFrame:
    """Type every message of a label; drop none.

    Takes   events  bronze.events
    Gives   silver.prices, and for its rules
              stock_as_sent  string  null where none is shown
    """
    return (
        rows.payloads(events, "shelf_labels")
        .withColumn("sent_at", F.col("emitted_at"))
        .select(
            "shop_id",
            "sent_at",
            "event_id",
            "device_id",
            F.col("said.product_id").alias("product_id"),
            F.col("said.price_cents").try_cast("bigint").alias("price_cents"),
            F.col("said.promotion_id").alias("promotion_id"),
            F.col("said.stock_shown").try_cast("int").alias("stock_shown"),
            rows.instant(F.col("said.valid_from")).alias("valid_from"),
            F.col("said.acknowledged").try_cast("boolean").alias("is_acknowledged"),
            rows.is_late("sent_at", _TABLE.lateness),
            *rows.ARRIVAL,
            F.col("said.stock_shown").alias("stock_as_sent"),
        )
    )
