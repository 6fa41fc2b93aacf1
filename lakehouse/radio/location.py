"""Where subjects are: every cell of the floor judged by what all anchors heard about an instant.

No recursion and no Python: a level an anchor and instant, a join with the cells, and sums.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.radio import fading

# Android: "range is -127 to 126, 127 unknown". No receiver hears a carried thing at 0 dBm or more.
_LOUDEST_DBM, _WEAKEST_DBM = -1, -126
# A reading counts by a bell curve of the time between; behind 2.5 widths it counts for nothing.
_WIDTHS = 2.5
# Degrees of freedom of Student's t over anchors: one of them may be shut off by a body.
_FREEDOM = 4.0
# The logistic function with this slope is within 0.01 of the normal distribution's (Bowling et al.,
# Journal of Industrial Engineering and Management 2(1), 2009).
LOGISTIC = 1.702
# In a round normal distribution nine of ten lie within 2.146 standard deviations of an axis, which
# is this many root mean squares of the distance.
NINE_IN_TEN = 1.517

_NEXT_TO_NOTHING = 1e-300  # what has no logarithm would not count at all, instead of against it

_INSTANT = ("shop_id", "subject", "at")


def levels(sightings: DataFrame, anchors: DataFrame, every_s: int, width_s: float) -> DataFrame:
    """What every anchor of the shop heard of a subject about an instant, or that it heard nothing.

    What an anchor hears within a second counts once: a burst says no more than one advertisement.

    Takes   sightings  shop_id, subject, anchor_id, heard_at, rssi_dbm (127, null: no reading)
            anchors    shop_id, anchor_id: an anchor that is not named was not listening
            every_s    seconds from one instant to the next
            width_s    standard deviation of the weight over time
    Gives   one row is one anchor at one instant about which the subject was heard within `width_s`
              shop_id, subject, at, anchor_id
              level_dbm  double  weighted mean; where it heard nothing, the least that others heard
              readings   double  sum of weights; 0 where it heard nothing
    """
    heard = _weighed(_by_second(sightings), every_s, width_s)
    instants = heard.groupBy(*_INSTANT).agg(
        F.min("level_dbm").alias("_least_dbm"), F.max("_nearest").alias("_nearest")
    )
    asked = instants.where(F.col("_nearest") >= F.exp(F.lit(-0.5))).join(
        F.broadcast(anchors.select("shop_id", "anchor_id")), on="shop_id", how="inner"
    )
    return asked.join(heard.drop("_nearest"), on=[*_INSTANT, "anchor_id"], how="left").select(
        *_INSTANT,
        "anchor_id",
        F.coalesce("level_dbm", "_least_dbm").alias("level_dbm"),
        F.coalesce("readings", F.lit(0.0)).alias("readings"),
    )


def _by_second(sightings: DataFrame) -> DataFrame:
    second = F.floor(F.unix_millis("heard_at") / 1000)
    return (
        sightings.where(F.col("rssi_dbm").between(_WEAKEST_DBM, _LOUDEST_DBM))
        .groupBy("shop_id", "subject", "anchor_id", second)
        .agg(
            F.avg("rssi_dbm").alias("rssi_dbm"),
            (F.avg(F.unix_millis("heard_at")) / 1000).alias("_heard_s"),
        )
    )


def _weighed(heard: DataFrame, every_s: int, width_s: float) -> DataFrame:
    reach_s = _WIDTHS * width_s
    first = F.ceil((F.col("_heard_s") - reach_s) / every_s)
    last = F.floor((F.col("_heard_s") + reach_s) / every_s)
    away = (F.col("_at_s") - F.col("_heard_s")) / width_s
    return (
        heard.where(first <= last)
        .withColumn("_step", F.explode(F.sequence(first, last)))
        .withColumn("_at_s", F.col("_step") * every_s)
        .withColumn("_weight", F.exp(-0.5 * away * away))
        .groupBy("shop_id", "subject", F.timestamp_seconds("_at_s").alias("at"), "anchor_id")
        .agg(
            (F.sum(F.col("_weight") * F.col("rssi_dbm")) / F.sum("_weight")).alias("level_dbm"),
            F.sum("_weight").alias("readings"),
            F.max("_weight").alias("_nearest"),
        )
    )


def cells(areas: DataFrame, step_m: float) -> DataFrame:
    """The floor cut into squares.

    Takes   areas  shop_id, from_x_m, from_y_m, to_x_m, to_y_m: what is to be searched
    Gives   shop_id, x_m, y_m: the middle of each square
    """

    def middles(axis: str) -> Column:
        count = F.ceil((F.col(f"to_{axis}_m") - F.col(f"from_{axis}_m")) / step_m)
        return F.explode(F.sequence(F.lit(0), count - 1))

    def metres(axis: str) -> Column:
        return (F.col(f"from_{axis}_m") + (F.col(f"_{axis}") + 0.5) * step_m).alias(f"{axis}_m")

    return (
        areas.withColumn("_x", middles("x"))
        .withColumn("_y", middles("y"))
        .select("shop_id", metres("x"), metres("y"))
    )


def expected(cells: DataFrame, anchors: DataFrame) -> DataFrame:
    """How loud each anchor of the shop would hear something in each cell.

    Takes   cells    shop_id, x_m, y_m
            anchors  shop_id, anchor_id, x_m, y_m, fading.PARAMETERS, fading_db, and
                       shadow_db  how far an anchor's mean level stays off, however long it listens
    Gives   shop_id, anchor_id, x_m, y_m, expected_dbm, fading_db, shadow_db
    """
    ends = anchors.withColumnsRenamed({"x_m": "_anchor_x_m", "y_m": "_anchor_y_m"})
    dx_m, dy_m = F.col("x_m") - F.col("_anchor_x_m"), F.col("y_m") - F.col("_anchor_y_m")
    squared, *pattern = fading.towards(dx_m, dy_m)
    level = F.col("level_dbm") - F.col("exponent") * 5.0 * F.log10(squared)
    for name, term in zip(fading.PARAMETERS[2:], pattern, strict=True):
        level = level + F.col(name) * term
    return cells.join(F.broadcast(ends), on="shop_id", how="inner").select(
        "shop_id", "anchor_id", "x_m", "y_m", level.alias("expected_dbm"), "fading_db", "shadow_db"
    )


def positions(levels: DataFrame, expected: DataFrame) -> DataFrame:
    """The mean place over all cells, each counting by how well it explains what was heard.

    Takes   levels    of `levels`
            expected  of `expected`
    Gives   one row is one subject at one instant
              shop_id, subject, at
              x_m, y_m  double
              error_m   double  nine in ten times the subject is no farther from there
    """
    weight = F.exp("_log_likelihood")
    total = F.sum(weight)

    def mean(of: Column) -> Column:
        return F.try_divide(F.sum(weight * of), total)

    x_m, y_m = F.col("x_m"), F.col("y_m")
    # Next to nothing may come out below nothing.
    spread = mean(x_m * x_m + y_m * y_m) - mean(x_m) ** 2 - mean(y_m) ** 2
    return (
        _judged(levels, expected)
        .groupBy(*_INSTANT)
        .agg(
            mean(x_m).alias("x_m"),
            mean(y_m).alias("y_m"),
            (NINE_IN_TEN * F.sqrt(F.abs(spread))).alias("error_m"),
        )
    )


def zone_shares(levels: DataFrame, expected: DataFrame, zoned: DataFrame) -> DataFrame:
    """How much of all that is likely lies in each zone, and how sure the place is.

    Takes   levels, expected  as `positions`
            zoned             shop_id, x_m, y_m, zone_id: the zone of each cell
    Gives   shop_id, subject, at, zone_id (null: in none), share, and error_m of `positions`
    """
    weight = F.exp("_log_likelihood")
    x_m, y_m = F.col("x_m"), F.col("y_m")
    sums = {"_w": weight, "_x": weight * x_m, "_y": weight * y_m, "_r": weight * (x_m**2 + y_m**2)}
    whole = Window.partitionBy(*_INSTANT)
    total = F.sum("_w").over(whole)

    def mean(of: str) -> Column:
        return F.try_divide(F.sum(of).over(whole), total)

    spread = mean("_r") - mean("_x") ** 2 - mean("_y") ** 2
    return (
        _judged(levels, expected)
        .join(F.broadcast(zoned), on=["shop_id", "x_m", "y_m"], how="left")
        .groupBy(*_INSTANT, "zone_id")
        .agg(*(F.sum(what).alias(name) for name, what in sums.items()))
        .select(
            *_INSTANT,
            "zone_id",
            F.try_divide("_w", total).alias("share"),
            (NINE_IN_TEN * F.sqrt(F.abs(spread))).alias("error_m"),
        )
    )


def offsets(
    levels: DataFrame, expected: DataFrame, candidates_db: DataFrame, every_s: int
) -> DataFrame:
    """By how much each subject's device is louder than the one that the anchors were fitted with.

    Of the candidates the one under which all that was heard of the subject is likeliest, wherever
    it was; no truth is needed.

    Takes   levels, expected  as `positions`
            candidates_db     offset_db: what to try
            every_s           of the instants, those on whole multiples of this are looked at
    Gives   shop_id, subject, offset_db
    """
    some = levels.where(F.unix_seconds("at") % every_s == 0).join(
        F.broadcast(candidates_db), how="cross"
    )
    shifted = some.withColumn("level_dbm", F.col("level_dbm") - F.col("offset_db"))
    evidence = F.log(F.sum(F.exp("_log_likelihood")) + _NEXT_TO_NOTHING).alias("_evidence")
    return (
        _judged(shifted, expected, "offset_db")
        .groupBy(*_INSTANT, "offset_db")
        .agg(evidence)
        .groupBy("shop_id", "subject", "offset_db")
        .agg(F.sum("_evidence").alias("_evidence"))
        .groupBy("shop_id", "subject")
        .agg(F.max_by("offset_db", "_evidence").alias("offset_db"))
    )


def without_offset(levels: DataFrame, offsets: DataFrame) -> DataFrame:
    """Levels as the device that the anchors were fitted with would have given them."""
    known = F.broadcast(offsets.select("shop_id", "subject", F.col("offset_db").alias("_db")))
    louder = F.coalesce("_db", F.lit(0.0))
    return (
        levels.join(known, on=["shop_id", "subject"], how="left")
        .withColumn("level_dbm", F.col("level_dbm") - louder)
        .drop("_db")
    )


def _judged(levels: DataFrame, expected: DataFrame, *also: str) -> DataFrame:
    """The log-likelihood of every cell at every instant, but for a constant."""
    by = [*_INSTANT, *also]
    # All that is said of an instant lies together: the sums below need no second exchange.
    return (
        levels.repartition(*_INSTANT)
        .join(F.broadcast(expected), on=["shop_id", "anchor_id"], how="inner")
        .groupBy(*by, "x_m", "y_m")
        .agg(F.sum(_log_likelihood()).alias("_log_likelihood"))
    )


def _log_likelihood() -> Column:
    """Of one anchor: of its level under Student's t, or of its silence."""
    off_db = F.col("level_dbm") - F.col("expected_dbm")
    fading_squared = F.col("fading_db") ** 2 / F.greatest("readings", F.lit(1.0))
    scale = F.sqrt(F.col("shadow_db") ** 2 + fading_squared)
    heard = -(_FREEDOM + 1) / 2 * F.log1p((off_db / scale) ** 2 / _FREEDOM) - F.log(scale)
    # Silence: it would have been weaker than the weakest that was heard.
    silent = -F.log1p(
        F.exp(-LOGISTIC * off_db / F.sqrt(F.col("shadow_db") ** 2 + F.col("fading_db") ** 2))
    )
    return F.when(F.col("readings") > 0, heard).otherwise(silent)
