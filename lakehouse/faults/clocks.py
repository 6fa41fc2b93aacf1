"""Wrong clocks: a gateway writes line after line as it hears them, so that a line's neighbours tell
when it was heard.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.faults.marks import Mark

# Lines on each side that a line is compared with: what some seven devices send.
_LINES = 10
# Fewer than these in all tell nothing.
_FEW = 9
# A clock that nobody sets by the network drifts by less than a minute a month (20 ppm, a usual
# crystal); five minutes off is a clock that was set wrong.
_WRONG_S = 300.0
# Where lines are in no order, a line may well be as far from the middle half of those around it as
# a half of that is long; where they are, it is nearer.
_SPANS = 0.75

_LONG_S = 5_400

MARKS = (Mark("wrong_clock", bridge_s=_LONG_S, least=2),)


def righted(heard: DataFrame) -> DataFrame:
    """Add `second`, when each reading was taken by a right clock (seconds since 1970), and the mark
    `wrong_clock`, whose figure is how many seconds the device's own clock is behind.
    """
    own = F.unix_micros("measured_at") / 1e6
    lines = Window.partitionBy("day_on", "source_object").orderBy("source_line")
    lines = lines.rowsBetween(-_LINES, _LINES)
    device = Window.partitionBy("day_on", "device_id").orderBy("own", "source_object")
    device = device.rowsBetween(-_LINES, _LINES)
    low, middle, high = (F.col("quarters")[place] for place in range(3))
    behind = middle - F.col("own")
    outside = F.greatest(low - F.col("own"), F.col("own") - high)
    limit = F.greatest(F.lit(_WRONG_S), _SPANS * (high - low))
    is_off = (F.col("told") >= _FEW) & (outside > limit)
    # A clock stays off by the same time, and the lines beside one line are a minute or two apart.
    return (
        heard.withColumn("own", own)
        .withColumns(
            {
                "told": F.count("*").over(lines),
                "quarters": F.percentile("own", [0.25, 0.5, 0.75]).over(lines),
            }
        )
        .withColumn("behind", F.when(is_off, behind))
        .withColumn("steady", F.percentile("behind", 0.5).over(device))
        .withColumn("behind_s", F.when(F.col("behind").isNotNull(), F.col("steady")))
        .withColumn("second", F.col("own") + F.coalesce("behind_s", F.lit(0.0)))
        .withColumn("wrong_clock", _mark())
        .drop("own", "told", "quarters", "behind", "steady")
    )


def _mark() -> Column:
    second = F.col("second")
    ends = second + F.coalesce("interval_s", F.lit(0.0))
    return MARKS[0].column(F.col("behind_s").isNotNull(), second, ends, "behind_s", _WRONG_S)
