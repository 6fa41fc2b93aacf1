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
# No sensor is known better than this share of its level, and no floor better than a twentieth of
# what the device swings: how often it is at rest differs from hour to hour.
_EXACT, _WANDERS = 0.002, 0.05
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
    `peer_off`, the median of how far they were from their own usual values: a zone that is always
    colder is as good a peer as another.
    """
    slot = F.floor(F.col("second") / F.coalesce("interval_s", F.lit(600.0)))
    same = Window.partitionBy("day_on", "shop_id", "kind", "metric", "slot")
    return (
        righted.withColumn("own_usual", F.median("value").over(looks.series()))
        .withColumn("slot", slot)
        .withColumns(
            {
                "peers": F.size(F.collect_set("device_id").over(same)),
                "peer_off": F.median(F.col("value") - F.col("own_usual")).over(same),
            }
        )
        .drop("slot")
    )


def marked(measured: DataFrame) -> DataFrame:
    """Add the marks `level` and `step_at_calibration`, and `tenths`: the first tenth, the middle and
    the last tenth of the values of the look.

    Takes   measured  with `second`, and what `beside_peers` adds
    """
    has_peers = F.median("peers").over(looks.series()) >= _PEERS
    aside = F.col("value") - F.col("own_usual") - F.col("peer_off")
    beside = F.percentile(aside, 0.5).over(looks.series(-_SMOOTH, _SMOOTH))
    few = F.sort_array(F.collect_list("value").over(looks.series(-_FLOOR, _FLOOR)))
    floor = F.when(F.size(few) > 1, few[1]).otherwise(few[0])
    whole = looks.series()
    since = F.col("second") - F.unix_micros("calibrated_at") / 1e6
    is_before, is_after = since.between(-_CALIBRATED_S, -1e-6), since.between(0.0, _CALIBRATED_S)
    return (
        measured.withColumn("has_peers", has_peers)
        .withColumn("at", F.when(F.col("has_peers"), beside).otherwise(floor))
        .withColumns(
            {
                "tenths": F.percentile("value", [0.1, 0.5, 0.9]).over(whole),
                "usually": F.median("at").over(whole),
                "known_s": F.max("second").over(whole) - F.min("second").over(whole),
                "move": F.abs(F.col("at") - F.lag("at", 3).over(looks.in_order())),
                "was": F.median(F.when(is_before, F.col("at"))).over(whole),
                "became": F.median(F.when(is_after, F.col("at"))).over(whole),
            }
        )
        .withColumn("off", F.col("at") - F.col("usually"))
        .withColumns(
            {
                "spread": F.greatest(1.4826 * F.median(F.abs("off")).over(whole), _least()),
                "unrest": F.greatest(1.4826 * F.median("move").over(whole), _least()),
            }
        )
        .withColumns({LEVEL: _level(), "step_at_calibration": _calibrated()})
        .drop("at", "usually", "known_s", "move", "was", "became", "off", "spread", "unrest")
        .drop("peers", "peer_off", "own_usual", "has_peers")
    )


def _least() -> Column:
    """No robust spread is smaller than what sensors are exact to, nor a floor's than it wanders."""
    exact = F.greatest(_EXACT * F.abs(F.col("tenths")[1]), F.lit(1e-9))
    wanders = _WANDERS * (F.col("tenths")[2] - F.col("tenths")[0])
    return F.when(F.col("has_peers"), exact).otherwise(F.greatest(exact, wanders))


def _is_judged() -> Column:
    return ~looks.is_one_of((*looks.TWO_VALUED, *looks.GAUGES, _WEIGHT))


def _level() -> Column:
    limit = F.when(F.col("has_peers"), _BESIDE_PEERS).otherwise(_ALONE) * F.col("spread")
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
