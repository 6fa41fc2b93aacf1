"""silver.zones: the zones of the shops, version by version."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.zones without valid_to, which follows from the other versions; no polygon where
            one of its corners cannot be read
    """
    polygon = F.col("said.polygon").try_cast("array<array<double>>")
    is_read = ~F.exists(F.flatten(polygon), lambda metres: metres.isNull())
    return rows.payloads(events, "zones").select(
        F.col("said.zone_id").alias("zone_id"),
        F.col("said.shop_id").alias("shop_id"),
        F.col("said.kind").alias("kind"),
        F.when(is_read, polygon).alias("polygon"),
        rows.instant(F.col("said.effective_at")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
