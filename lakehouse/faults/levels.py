"""A device whose level is another one than before, or than its peers say: drifts and steps."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.faults import looks
from lakehouse.faults.marks import Mark

LEVEL = "level"
# A fault's level goes on moving where its later half is farther off than its earlier one.
GROWS = 1.2

# Peers are devices of the same kind in the same shop that measure the same: a zone has one or two
# of a kind, too few for a median that a broken one does not move. Five are enough for two of them
# to be broken.
_PEERS = 5
# Beside peers: the median of five readings, so that one or two odd ones do not count.
_SMOOTH = 2
# A device without peers is known by its own floor: the second lowest of thirteen readings. What
# disturbs a fridge (doors, defrosting, a compressor's cycle) makes it warmer, and a machine that
# switches has an idle state.
_FLOOR = 6
# How many robust spreads from the median of the look: six of readings that peers explain, of which
# a normal spread leaves one in 5e8 outside; four and a half of floors, which follow each other so
# closely that a whole look holds some twenty independent ones (tuned on simulated worlds).
_BESIDE_PEERS, _ALONE = 6.0, 4.5
# No sensor is known better than this share of its level.
_EXACT = 0.002
# What is usual is not known before a day of readings.
_KNOWN_S = 86_400.0
# A level holds for an hour and a half; a floor, which is made of an hour or two, for longer.
_HOLDS_S, _FLOOR_HOLDS_S = 5_400.0, 9_000.0
# Readings on both sides of a calibration that are compared, and the spreads they may differ by.
_CALIBRATED_S, _CALIBRATED = 10_800.0, 6.0

MARKS = (
    Mark(LEVEL, bridge_s=_HOLDS_S, least=6, least_s=_HOLDS_S),
    Mark("step_at_calibration", bridge_s=0.0),
)
_WEIGHT = "weight"  # has its own family: scales


def beside_peers(righted: DataFrame) -> DataFrame:
    """Add `peers`, how many devices of the kind measured the same in the shop at that time, and
    `peer_value`, the median of what they said.
    """
    slot = F.floor(F.col("second") / F.coalesce("interval_s", F.lit(600.0)))
    same = Window.partitionBy("day_on", "shop_id", "kind", "metric", "slot")
    return (
        righted.withColumn("slot", slot)
        .withColumns(
            {
                "peers": F.count("*").over(same),
                "peer_value": F.median("value").over(same),
            }
        )
        .drop("slot")
    )


def marked(measured: DataFrame) -> DataFrame:
    """Add the marks `level` and `step_at_calibration`.

    Takes   measured  with `second`, and what `beside_peers` adds
    """
    has_peers = F.col("peers") >= _PEERS
    aside = F.col("value") - F.col("peer_value")
    beside = F.percentile(aside, 0.5).over(looks.series(-_SMOOTH, _SMOOTH))
    few = F.sort_array(F.collect_list("value").over(looks.series(-_FLOOR, _FLOOR)))
    floor = F.when(F.size(few) > 1, few[1]).otherwise(few[0])
    whole = looks.series()
    since = F.col("second") - F.unix_micros("calibrated_at") / 1e6
    is_before, is_after = since.between(-_CALIBRATED_S, -1e-6), since.between(0.0, _CALIBRATED_S)
    return (
        measured.withColumn("at", F.when(has_peers, beside).otherwise(floor))
        .withColumns(
            {
                "usually": F.median("at").over(whole),
                "magnitude": F.abs(F.median("value").over(whole)),
                "known_s": F.max("second").over(whole) - F.min("second").over(whole),
                "move": F.abs(F.col("at") - F.lag("at", 3).over(looks.in_order())),
                "was": F.median(F.when(is_before, F.col("at"))).over(whole),
                "became": F.median(F.when(is_after, F.col("at"))).over(whole),
            }
        )
        .withColumn("off", F.col("at") - F.col("usually"))
        .withColumns(
            {
                "spread": _no_less(F.median(F.abs("off")).over(whole)),
                "unrest": _no_less(F.median("move").over(whole)),
            }
        )
        .withColumns({LEVEL: _level(), "step_at_calibration": _calibrated()})
        .drop(
            "at",
            "usually",
            "magnitude",
            "known_s",
            "move",
            "was",
            "became",
            "off",
            "spread",
            "unrest",
            "peers",
        )
        .drop("peer_value")
    )


def _no_less(middle: Column) -> Column:
    """A robust spread (1.4826 medians of a normal one), and no less than sensors are exact."""
    return F.greatest(1.4826 * middle, _EXACT * F.col("magnitude"), F.lit(1e-9))


def _is_judged() -> Column:
    return ~looks.is_one_of((*looks.TWO_VALUED, *looks.GAUGES, _WEIGHT))


def _level() -> Column:
    has_peers = F.col("peers") >= _PEERS
    limit = F.when(has_peers, _BESIDE_PEERS).otherwise(_ALONE) * F.col("spread")
    ends = F.col("second") + F.coalesce("interval_s", F.lit(0.0))
    is_one = (F.abs("off") > limit) & (F.col("known_s") >= _KNOWN_S) & _is_judged()
    return MARKS[0].column(is_one, F.col("second"), ends, "off", limit)


def _calibrated() -> Column:
    """On the first reading after the calibration."""
    moved = F.col("became") - F.col("was")
    limit = _CALIBRATED * F.col("unrest")
    at = F.unix_micros("calibrated_at") / 1e6
    is_first = (F.col("second") >= at) & (F.lag("second").over(looks.in_order()) < at)
    is_one = (F.abs(moved) > limit) & is_first & _is_judged()
    return MARKS[1].column(is_one, at, at + _CALIBRATED_S, moved, limit)
