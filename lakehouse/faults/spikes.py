"""Single readings far from what is around them, that nothing else in the zone has seen."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.faults import looks
from lakehouse.faults.marks import Mark

# Neighbours on each side. What is compared is the distance to the nearest of them, not to their
# median: a compressor that switches, or a person who comes in, is no spike.
_NEIGHBOURS = 6
# A spike leaves them by more than all the device usually swings (between the first and the last
# tenth of its readings), and a fifth.
_SWINGS = 1.2
# Nor is a flicker of the last digit one: it leaves the level by more than a hundredth.
_LEVEL_SHARE = 0.01
# What two devices of a zone see at once has happened: a party of five comes in, and carbon dioxide
# and noise rise. It is enough if they see it half as clearly.
_SEEN_BY, _CLEARLY = 2, 0.6

MARKS = (Mark("spike", bridge_s=0.0),)


def marked(measured: DataFrame) -> DataFrame:
    """Add the mark `spike`.

    Takes   measured  with `second`, and `tenths` of levels.marked
    """
    before, after = looks.series(-_NEIGHBOURS, -1), looks.series(1, _NEIGHBOURS)
    highest = F.greatest(F.max("value").over(before), F.max("value").over(after))
    lowest = F.least(F.min("value").over(before), F.min("value").over(after))
    zone = Window.partitionBy("day_on", "shop_id", "zone_id", "minute")
    seen = F.when(F.col("away") > _CLEARLY * F.col("swing"), F.col("device_id"))
    return (
        measured.withColumns(
            {
                "swing": F.col("tenths")[2] - F.col("tenths")[0],
                "away": F.greatest(F.col("value") - highest, lowest - F.col("value"), F.lit(0.0)),
                "minute": F.floor(F.col("second") / 600),
            }
        )
        .withColumn("seen_by", F.size(F.collect_set(seen).over(zone)))
        .withColumn("spike", _mark())
        .drop("away", "tenths", "minute", "swing", "seen_by")
    )


def _mark() -> Column:
    limit = F.greatest(
        _SWINGS * F.col("swing"), _LEVEL_SHARE * F.abs(F.col("tenths")[1]), F.lit(1e-9)
    )
    is_one = (F.col("away") > limit) & (F.col("seen_by") < _SEEN_BY)
    is_one &= ~looks.is_one_of((*looks.TWO_VALUED, *looks.GAUGES))
    ends = F.col("second") + F.coalesce("interval_s", F.lit(0.0))
    return MARKS[0].column(is_one, F.col("second"), ends, "away", limit)
