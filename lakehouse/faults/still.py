"""A value that stays the same for longer than its own readings ever do: a stuck sensor."""

import math

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.faults import looks
from lakehouse.faults.marks import Mark

# Two readings in a row are equal by chance with a probability that follows from noise and
# resolution, and is counted here: the share of values that were said more than once in a row. A run
# that long comes in one of ten thousand looks.
_BY_CHANCE = 1e-4
# A sensor that never repeats itself has said too few values to put the probability lower; one that
# nearly always does may be coarse, and has to be still for a very long time.
_LEAST_SHARE, _MOST_SHARE = 0.05, 0.9
_LEAST = 6  # a run shorter than this is not looked at

MARKS = (Mark("stuck", bridge_s=0.0),)


def marked(righted: DataFrame) -> DataFrame:
    """Add the mark `stuck`, on the first reading of the run. Values are compared as they were sent:
    a calibration changes what is made of them, not whether they are the same.
    """
    order = looks.in_order()
    so_far = looks.series(Window.unboundedPreceding, Window.currentRow)
    run = Window.partitionBy(*looks.SERIES, "run")
    is_first = ~F.col("raw_value").eqNullSafe(F.lag("raw_value").over(order))
    return (
        righted.withColumn("is_first", F.lag("second").over(order).isNull() | is_first)
        .withColumn("run", F.sum(F.col("is_first").cast("int")).over(so_far))
        .withColumns({"said": F.count("*").over(run), "until": F.max("second").over(run)})
        .withColumns(
            {
                "runs": F.count_if("is_first").over(looks.series()),
                "long_runs": F.count_if(F.col("is_first") & (F.col("said") > 1)).over(
                    looks.series()
                ),
                "readings": F.count("*").over(looks.series()),
            }
        )
        .withColumn("stuck", _mark())
        .drop("is_first", "run", "said", "until", "runs", "long_runs", "readings")
    )


def _mark() -> Column:
    share = F.col("long_runs") / F.col("runs")
    share = F.least(F.greatest(share, F.lit(_LEAST_SHARE)), F.lit(_MOST_SHARE))
    chance = F.lit(math.log(_BY_CHANCE)) - F.ln("readings")
    least = F.greatest(1 + chance / F.ln(share), F.lit(float(_LEAST)))
    is_one = F.col("is_first") & (F.col("said") >= least)
    is_one &= ~looks.is_one_of((*looks.TWO_VALUED, *looks.GAUGES))
    ends = F.col("until") + F.coalesce("interval_s", F.lit(0.0))
    return MARKS[0].column(is_one, F.col("second"), ends, "said", least)
