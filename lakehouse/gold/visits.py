"""gold.visits: in which zone each customer with the app or a tag stood, and for how long."""

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import consent, rows, tables
from lakehouse.radio import dwelling, tracking
from lakehouse.radio.fencing import METRES_A_DEGREE

_TABLE = tables.by_name("gold.visits")

# Who is not heard for longer had gone.
_GAP_S = 600.0
# What is held for less is passed through.
_HOLD_S = 20.0
# The filter does not go from zone to zone at one word: the likelier half will do.
_SURE_SHARE = 0.5
# What is heard for longer than this lies there: a phone left behind, a tag that was not returned.
_LONGEST = timedelta(hours=12)

_ENDS = {"app": "beacon", "anchor": "anchor"}  # what hears a tag, what a phone hears
_ONE = ("shop_id", "subject", "_presence")


def build(  # noqa: PLR0917  the upstream tables, in order
    sightings: DataFrame,
    positions: DataFrame,
    shops: DataFrame,
    zones: DataFrame,
    devices: DataFrame,
    customers: DataFrame,
    app_events: DataFrame,
) -> DataFrame:
    """Track each presence over the floor, and tell its stays in zones.

    A presence is as long as beacons or anchors are heard; the phone's own fixes count within it.
    The shop's latitude and longitude are those of the middle of its floor plan, x is east, y north.

    Takes   silver tables of these names
    Gives   gold.visits
    """
    plans = _plans(zones)
    evidence = (
        _heard(sightings, devices)
        .unionByName(_fixed(positions, shops, plans))
        .transform(consent.in_force, customers, app_events, at="at")
        .where(F.array_contains("consents", _TABLE.consent))
    )
    presences = _presences(evidence)
    shares = (
        presences.join(F.broadcast(_anchors(devices)), on="shop_id", how="inner")
        .join(F.broadcast(plans.select("shop_id", "zones")), on="shop_id", how="inner")
        .withColumn("anchors", _then("anchors"))
        .withColumn("zones", _then("zones"))
        .select("shop_id", "subject", "day_on", "began_at", "evidence", "anchors", "zones")
        .mapInPandas(tracking.zone_shares, tracking.SHARES)
    )
    stays = dwelling.stays(shares, _HOLD_S, _GAP_S, _SURE_SHARE)
    during = F.col("entered_at").between(
        F.col("began_at") - F.lit(timedelta(seconds=tracking.EVERY_S)), F.col("ended_at")
    )
    of = presences.select("shop_id", "subject", "day_on", "began_at", "ended_at", "located_by")
    return (
        stays.join(of, on=["shop_id", "subject"], how="inner")
        .where(during)
        .select(
            "day_on",
            "subject",
            "entered_at",
            "shop_id",
            "zone_id",
            "left_at",
            F.col("dwell_s").cast("bigint").alias("dwell_s"),
            "located_by",
            F.round("error_m", 1).alias("error_m"),
        )
    )


def _heard(sightings: DataFrame, devices: DataFrame) -> DataFrame:
    """What was heard of subjects, with where the fixed end hung then."""
    gives = {"x_m": "x_m", "y_m": "y_m"}
    return (
        sightings.where("subject IS NOT NULL")
        .transform(
            rows.in_force, devices, by={"beacon_id": "device_id"}, at="heard_at", gives=gives
        )
        .select(
            "shop_id",
            "subject",
            F.col("heard_at").alias("at"),
            "heard_by",
            F.col("beacon_id").alias("anchor_id"),
            "x_m",
            "y_m",
            (F.col("tx_power_dbm") - F.col("rssi_dbm")).cast("double").alias("loss_db"),
            F.lit(None).cast("double").alias("accuracy_m"),
            F.lit(False).alias("is_gps"),
        )
    )


def _fixed(positions: DataFrame, shops: DataFrame, plans: DataFrame) -> DataFrame:
    """Where phones said they were, in metres on the floor plan; what has no plan is left out."""
    gives = {"latitude": "_latitude", "longitude": "_longitude"}
    north = (F.col("latitude") - F.col("_latitude")) * METRES_A_DEGREE
    east = (F.col("longitude") - F.col("_longitude")) * METRES_A_DEGREE
    return (
        positions.transform(
            rows.in_force, shops, by={"shop_id": "shop_id"}, at="located_at", gives=gives
        )
        .join(F.broadcast(plans.drop("zones")), on="shop_id", how="inner")
        .select(
            "shop_id",
            "subject",
            F.col("located_at").alias("at"),
            F.lit("fix").alias("heard_by"),
            F.lit(None).cast("string").alias("anchor_id"),
            (east * F.cos(F.radians("_latitude")) + F.col("middle_x_m")).alias("x_m"),
            (north + F.col("middle_y_m")).alias("y_m"),
            F.lit(None).cast("double").alias("loss_db"),
            "accuracy_m",
            (F.col("provider") == "gps").alias("is_gps"),
        )
        .where("x_m IS NOT NULL AND y_m IS NOT NULL")
    )


def _plans(zones: DataFrame) -> DataFrame:
    """Each shop's zones with their periods, and the middle of what they span."""
    corner = F.explode("polygon").alias("_corner")
    spans = (
        zones.select("shop_id", corner)
        .groupBy("shop_id")
        .agg(
            *(
                ((F.min(at) + F.max(at)) / 2).alias(name)
                for name, at in (
                    ("middle_x_m", F.col("_corner")[0]),
                    ("middle_y_m", F.col("_corner")[1]),
                )
            )
        )
    )
    one = F.struct("zone_id", "polygon", "valid_from", "valid_to")
    listed = zones.groupBy("shop_id").agg(F.array_sort(F.collect_list(one)).alias("zones"))
    return listed.join(spans, on="shop_id", how="inner")


def _anchors(devices: DataFrame) -> DataFrame:
    """Each shop's fixed ends with their periods."""
    heard_by = F.when(F.col("kind") == _ENDS["app"], "app").when(
        F.col("kind") == _ENDS["anchor"], "anchor"
    )
    one = F.struct(
        F.col("device_id").alias("anchor_id"), "heard_by", "x_m", "y_m", "valid_from", "valid_to"
    )
    return (
        devices.withColumn("heard_by", heard_by)
        .where("heard_by IS NOT NULL")
        .groupBy("shop_id")
        .agg(F.array_sort(F.collect_list(one)).alias("anchors"))
    )


def _then(name: str) -> Column:
    """Of an array of versions those in force when the presence began."""
    return F.filter(
        name,
        lambda one: (
            (one["valid_from"] <= F.col("began_at"))
            & (one["valid_to"].isNull() | (one["valid_to"] > F.col("began_at")))
        ),
    )


def _presences(evidence: DataFrame) -> DataFrame:
    """One row is one presence: from the first that was heard of a subject to the last, and all of
    it; with the fixes of that time.
    """
    heard = evidence.where("heard_by != 'fix'").transform(dwelling.by_presence, _GAP_S)
    lasts = (
        heard.groupBy(*_ONE)
        .agg(F.min("at").alias("began_at"), F.max("at").alias("ended_at"))
        .where(F.col("ended_at") - F.col("began_at") <= F.lit(_LONGEST))
    )
    during = evidence.join(lasts, on=["shop_id", "subject"], how="inner").where(
        F.col("at").between(F.col("began_at"), F.col("ended_at"))
    )
    one = F.struct(
        (F.unix_millis("at") / 1000).alias("second"),
        *("heard_by", "anchor_id", "x_m", "y_m", "loss_db", "accuracy_m", "is_gps"),
    )
    return during.groupBy(*_ONE, "began_at", "ended_at").agg(
        F.to_date("began_at").alias("day_on"),
        F.array_sort(F.collect_list(one)).alias("evidence"),
        F.array_sort(F.collect_set("heard_by")).alias("located_by"),
    )
