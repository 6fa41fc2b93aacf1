"""silver.planogram: which product stands on which shelf, version by version."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.planogram without valid_to, which follows from the other versions
    """
    return rows.payloads(events, "planogram").select(
        F.col("said.shelf_id").alias("shelf_id"),
        F.col("said.product_id").alias("product_id"),
        "shop_id",
        F.col("said.facings").try_cast("int").alias("facings"),
        rows.instant(F.col("said.effective_at")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
