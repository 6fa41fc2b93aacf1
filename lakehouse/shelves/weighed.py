"""Levels out of weight: how many units a scale carries, and what one of them weighs."""

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

# A scale under a shelf is right to some grams; what is more than this is a move of goods (assumed:
# nothing sold by the unit on a shelf weighs less).
_MOVED_G = 50.0
# What a count may be off by: three times a scale's usual error of 5 g (a load cell of 10 kg, class
# C3 of OIML R 60).
_OFF_G = 15.0
# The least move may be of so many units; a move may be off by so much of one.
_AT_ONCE = 3
_OFF_UNITS = 0.25

_SHELF = ("shop_id", "day_on", "device_id")


def levels(readings: DataFrame, shelves: DataFrame) -> DataFrame:
    """Count what stands on each scale by what one unit weighs: as its product says, else as the
    moves of three days do.

    A value that lasts for one reading is a spike, and passed over.

    Takes   readings  silver.readings
            shelves   shop_id, day_on, device_id, unit_weight_g (null where the product says none)
    Gives   shop_id, day_on, device_id, from_at, to_at, units, units_low, units_high: one level
            after the other over the day; nothing where what a unit weighs stays unknown
    """
    weighed = _smoothed(readings)
    units = weighed.transform(_fitted).select(*_SHELF, "fitted_g")
    ends = F.date_add("day_on", 1).cast("timestamp")
    begins = F.col("day_on").cast("timestamp")
    following = F.lead("measured_at").over(_in_time())
    return (
        weighed.withColumn("to_at", F.least(F.coalesce(following, ends), ends))
        .withColumn("from_at", F.greatest("measured_at", begins))
        .where("from_at < to_at")
        .join(shelves, on=list(_SHELF), how="inner")
        .join(units, on=list(_SHELF), how="left")
        .withColumn("unit_g", F.coalesce("unit_weight_g", "fitted_g"))
        .where("unit_g > 0")
        .select(
            *_SHELF,
            "from_at",
            "to_at",
            _count(0).alias("units"),
            _count(-_OFF_G).alias("units_low"),
            _count(_OFF_G).alias("units_high"),
        )
    )


def _in_time() -> WindowSpec:
    return Window.partitionBy(*_SHELF).orderBy("measured_at", "event_id")


def _count(by_g: float) -> Column:
    counted = F.round((F.col("weight_g") + by_g) / F.col("unit_g"))
    return F.greatest(counted, F.lit(0)).cast("int")


def _smoothed(readings: DataFrame) -> DataFrame:
    """The median of each reading and its neighbours, on the day and those beside it."""
    measured_on = F.to_date("measured_at")
    days = F.explode(F.array(*(F.date_add(measured_on, by) for by in (-1, 0, 1))))
    three = F.array(
        F.lag("value").over(_in_time()), F.col("value"), F.lead("value").over(_in_time())
    )
    is_inner = F.size(F.array_compact(three)) == 3
    median = F.when(is_inner, F.array_sort(three)[1]).otherwise(F.col("value"))
    return (
        readings.where("metric = 'weight' AND subject IS NULL")
        .select("shop_id", "device_id", "measured_at", "event_id", "value", days.alias("day_on"))
        .withColumn("weight_g", median * 1000)
    )


def _fitted(weighed: DataFrame) -> DataFrame:
    """What one unit weighs, as the moves say: the least of them is one unit, or two or three where
    the others are no multiples of it.
    """
    move = F.abs(F.col("weight_g") - F.lag("weight_g").over(_in_time()))
    moves = (
        weighed.withColumn("move", move)
        .where(F.col("move") > _MOVED_G)
        .groupBy(*_SHELF)
        .agg(F.collect_list("move").alias("moves"), F.min("move").alias("least"))
    )
    few = F.filter("moves", lambda one: one <= 5 * F.col("least"))

    def off(parts: int) -> Column:
        """How far the worst of the small moves is from a multiple."""
        unit = F.col("least") / parts
        return F.array_max(F.transform(few, lambda one: F.abs(one / unit - F.round(one / unit))))

    parts = F.coalesce(
        *(F.when(off(count) <= _OFF_UNITS, F.lit(count)) for count in range(1, _AT_ONCE + 1)),
        F.lit(1),
    )
    rough = F.col("least") / F.col("parts")
    return (
        moves.withColumn("parts", parts)
        .withColumn("rough_g", _mean_unit(few, rough))
        .withColumn("fitted_g", _mean_unit(F.col("moves"), F.col("rough_g")))
    )


def _mean_unit(moves: Column, unit: Column) -> Column:
    """Weight of all moves over the units that they are."""
    zero = F.lit(0.0)
    weight = F.aggregate(moves, zero, lambda sum_, one: sum_ + one)
    count = F.aggregate(moves, zero, lambda sum_, one: sum_ + F.round(one / unit))
    return weight / F.nullif(count, zero)
