"""gold.geofence_crossings: when each customer with the app came to a shop and went, by three ways of
fencing: what the app itself knows, what the networks know, and both.
"""

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import consent, rows, tables
from lakehouse.radio import dwelling, fencing

_TABLE = tables.by_name("gold.geofence_crossings")

# A phone that is heard for longer lies there.
_LONGEST = timedelta(hours=12)
_ONE = ("shop_id", "subject", "_presence")


def build(
    positions: DataFrame, shops: DataFrame, customers: DataFrame, app_events: DataFrame
) -> DataFrame:
    """Tell the crossings of each presence: as long as a phone says where it is.

    Takes   silver tables of these names
    Gives   gold.geofence_crossings
    """
    fixes = (
        positions.where("subject IS NOT NULL AND accuracy_m > 0")
        .where("latitude IS NOT NULL AND longitude IS NOT NULL")
        .withColumnRenamed("located_at", "at")
        .transform(
            rows.in_force, shops, by={"shop_id": "shop_id"}, at="at", gives={"geofence": "geofence"}
        )
        .where("geofence IS NOT NULL")
        .transform(consent.in_force, customers, app_events, at="at")
        .where(F.array_contains("consents", _TABLE.consent))
    )
    one = F.struct(
        (F.unix_millis("at") / 1000).alias("second"),
        *("event_id", "latitude", "longitude", "accuracy_m", "provider"),
    )
    presences = (
        fixes.transform(dwelling.by_presence, fencing.GAP_S)
        .groupBy(*_ONE)
        .agg(
            F.to_date(F.min("at")).alias("day_on"),
            F.min_by("geofence", F.struct("at", "event_id")).alias("geofence"),
            F.array_sort(F.collect_list(one)).alias("fixes"),
            (F.max("at") - F.min("at")).alias("lasts"),
        )
        .where(F.col("lasts") <= F.lit(_LONGEST))
        .select("shop_id", "subject", "day_on", "geofence", "fixes")
    )
    return presences.mapInPandas(fencing.crossings, fencing.CROSSINGS).select(
        "day_on",
        "subject",
        "shop_id",
        "fenced_by",
        "known_at",
        "kind",
        "crossed_at",
        "fixes",
    )
