"""Clocks: which instants of a sender cannot be."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.feeds import FUTURE_TOLERANCE, OLDEST


def faults() -> dict[str, Column]:
    """What is wrong with `emitted_at`, against `arrived_at`: name of the fault and its condition."""
    return {
        "from_the_future": F.col("emitted_at") > F.col("arrived_at") + F.lit(FUTURE_TOLERANCE),
        "too_old": F.col("emitted_at") < F.col("arrived_at") - F.lit(OLDEST),
    }
