"""In which zone a subject was, from when to when: positions become stays.

Standing at a border is one stay, not ten: a zone is left only for another that is surely entered
and held (a Schmitt trigger, written with windows: what is not sure keeps the last that was).
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_ONE = ("shop_id", "subject")


def zoned(cells: DataFrame, zones: DataFrame) -> DataFrame:
    """Add the zone in whose polygon a cell lies, its border on the low sides included.

    Of zones that overlap the first by its id; a ray to the right crosses the outline an odd number
    of times (Shimrat, Algorithm 112, CACM 5(8), 1962).

    Takes   cells  shop_id, x_m, y_m
            zones  shop_id, zone_id, polygon: corners x, y in order; of one instant
    Gives   the columns of cells, and zone_id; null where the cell is in none
    """
    corner = F.posexplode("polygon").alias("_place", "_from")
    edges = zones.select("shop_id", "zone_id", "polygon", corner).withColumn(
        "_to", F.element_at("polygon", (F.col("_place") + 1) % F.size("polygon") + 1)
    )
    (from_x, from_y), (to_x, to_y) = (
        [F.col(end).getItem(axis) for axis in (0, 1)] for end in ("_from", "_to")
    )
    spans = (from_y > F.col("y_m")) != (to_y > F.col("y_m"))
    reach = F.try_divide((to_x - from_x) * (F.col("y_m") - from_y), to_y - from_y) + from_x
    inside = (
        cells.join(F.broadcast(edges), on="shop_id", how="inner")
        .groupBy("shop_id", "x_m", "y_m", "zone_id")
        .agg(F.count_if(spans & (F.col("x_m") < reach)).alias("_crossed"))
        .where(F.col("_crossed") % 2 == 1)
        .groupBy("shop_id", "x_m", "y_m")
        .agg(F.min("zone_id").alias("zone_id"))
    )
    return cells.join(inside, on=["shop_id", "x_m", "y_m"], how="left")


def stays(
    zone_shares: DataFrame, hold_s: float, gap_s: float, sure_share: float = 0.6
) -> DataFrame:
    """From when to when a subject was in a zone.

    Takes   zone_shares  one row is one zone at one instant: shop_id, subject, at, zone_id, share
                           (of all that is likely), error_m (of the position)
            hold_s       what is held for less is passed through, or seen by mistake
            gap_s        who is not heard for longer had gone
            sure_share   a zone is entered at an instant at which so much of all that is likely lies
                           in it; shares that were smoothed over time already may do with less
    Gives   one row is one stay
              shop_id, subject, zone_id
              entered_at, left_at  timestamp  first and last instant in it
              dwell_s              double     seconds between them
              error_m              double     mean over its instants
    """
    return (
        zone_shares.transform(_likeliest, sure_share)
        .transform(by_presence, gap_s)
        .transform(_carried)
        .transform(_by_run)
        .transform(_held, hold_s)
        .transform(_by_run)
        .where("zone_id IS NOT NULL")
        .groupBy(*_ONE, "_presence", "_run", "zone_id")
        .agg(
            F.min("at").alias("entered_at"),
            F.max("at").alias("left_at"),
            F.avg("error_m").alias("error_m"),
        )
        .withColumn("dwell_s", _seconds("left_at") - _seconds("entered_at"))
        .where(F.col("dwell_s") >= hold_s)
        .select(*_ONE, "zone_id", "entered_at", "left_at", "dwell_s", "error_m")
    )


def _likeliest(zone_shares: DataFrame, sure_share: float) -> DataFrame:
    """The likeliest zone of each instant; null where none is sure."""
    best = F.max(F.struct("share", "zone_id", "error_m"))
    return (
        zone_shares.groupBy(*_ONE, "at")
        .agg(best.alias("_best"))
        .select(
            *_ONE,
            "at",
            F.when(F.col("_best.share") >= sure_share, F.col("_best.zone_id")).alias("zone_id"),
            F.col("_best.error_m").alias("error_m"),
        )
    )


def by_presence(instants: DataFrame, gap_s: float) -> DataFrame:
    """Number the times that a subject was there, with gaps between them."""
    in_order = Window.partitionBy(*_ONE).orderBy("at")
    since_s = _seconds("at") - F.lag(_seconds("at")).over(in_order)
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return instants.withColumn("_is_back", since_s > gap_s).withColumn(
        "_presence", F.count_if("_is_back").over(so_far)
    )


def _carried(instants: DataFrame) -> DataFrame:
    """Where no zone is known, the last that was."""
    so_far = Window.partitionBy(*_ONE, "_presence").orderBy("at")
    so_far = so_far.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return instants.withColumn("zone_id", F.last("zone_id", ignorenulls=True).over(so_far))


def _by_run(instants: DataFrame) -> DataFrame:
    """Number the runs of instants in one zone."""
    in_order = Window.partitionBy(*_ONE, "_presence").orderBy("at")
    is_same = F.lag("zone_id").over(in_order).eqNullSafe(F.col("zone_id"))
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return instants.withColumn("_is_new", ~is_same).withColumn(
        "_run", F.count_if("_is_new").over(so_far)
    )


def _held(instants: DataFrame, hold_s: float) -> DataFrame:
    """Runs that are too short belong to the one before them."""
    run = Window.partitionBy(*_ONE, "_presence", "_run")
    lasted_s = F.max(_seconds("at")).over(run) - F.min(_seconds("at")).over(run)
    is_held = lasted_s >= hold_s
    return instants.withColumn("zone_id", F.when(is_held, F.col("zone_id"))).transform(_carried)


def _seconds(at: str) -> Column:
    return F.unix_millis(at) / 1000
