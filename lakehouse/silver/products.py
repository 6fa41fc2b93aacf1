"""silver.products: the range of goods, version by version."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.products without valid_to, which follows from the other versions
    """
    return rows.payloads(events, "products").select(
        F.col("said.product_id").alias("product_id"),
        F.col("said.department").alias("department"),
        F.col("said.category").alias("category"),
        F.col("said.product_type").alias("product_type"),
        F.col("said.brand").alias("brand"),
        F.col("said.list_price_cents").try_cast("bigint").alias("list_price_cents"),
        F.col("said.unit_weight_g").try_cast("double").alias("unit_weight_g"),
        rows.instant(F.col("said.effective_at")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
