"""gold.exposures: which offer was shown to whom in which form, and whether it was used."""

from pyspark.sql import DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from lakehouse import consent, tables

_TABLE = tables.by_name("gold.exposures")
_SHOWN, _USED = "offer_shown", "offer_used"


def build(app_events: DataFrame, customers: DataFrame) -> DataFrame:
    """Give each use to the last showing before it, of those who agreed to it when it was shown.

    Takes   app_events, customers  silver tables of these names
    Gives   gold.exposures
    """
    return (
        app_events.where(F.col("kind").isin(_SHOWN, _USED))
        .transform(_with_showing)
        .groupBy("subject", "exposure_id")
        .agg(
            *(
                F.max(F.when(F.col("kind") == _SHOWN, F.col(name))).alias(told)
                for name, told in (("happened_at", "shown_at"), ("shop_id", "shop_id"))
            ),
            F.max("offer_id").alias("offer_id"),
            F.max("variant").alias("variant"),
            F.min(F.when(F.col("kind") == _USED, F.col("happened_at"))).alias("used_at"),
        )
        .withColumn("nth", F.row_number().over(_offer().orderBy("shown_at", "exposure_id")))
        .transform(consent.in_force, customers, app_events, at="shown_at")
        .where(F.array_contains("consents", _TABLE.consent))
        .select(
            "subject",
            "exposure_id",
            "shown_at",
            "shop_id",
            "offer_id",
            "variant",
            "nth",
            "used_at",
            F.col("used_at").isNotNull().alias("is_used"),
        )
    )


def _offer() -> WindowSpec:
    return Window.partitionBy("subject", "offer_id")


def _with_showing(events: DataFrame) -> DataFrame:
    """Add the last showing of the same form up to each event; uses before any are left out."""
    # (Shown and used at one instant: it was shown first, as the kinds' names are in this order.)
    so_far = (
        Window.partitionBy("subject", "offer_id", "variant")
        .orderBy("happened_at", "kind", "event_id")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    shown = F.when(F.col("kind") == _SHOWN, F.col("event_id"))
    last = F.last(shown, ignorenulls=True).over(so_far)
    return events.withColumn("exposure_id", last).where("exposure_id IS NOT NULL")
