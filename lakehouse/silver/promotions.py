"""silver.promotions: what is planned to cost what and when, version by version."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.promotions without valid_to, which follows from the other versions
    """
    return rows.payloads(events, "promotions").select(
        F.col("said.promotion_id").alias("promotion_id"),
        "shop_id",
        F.col("said.product_id").alias("product_id"),
        F.col("said.price_cents").try_cast("bigint").alias("price_cents"),
        F.col("said.priority").try_cast("int").alias("priority"),
        rows.instant(F.col("said.starts_at")).alias("starts_at"),
        rows.instant(F.col("said.ends_at")).alias("ends_at"),
        rows.instant(F.col("said.effective_at")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
