"""Levels out of weight: how many units a scale carries, and what one of them weighs."""

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

# A scale under a shelf is right to some grams; what is more than this is a move of goods (assumed:
# nothing sold by the unit on a shelf weighs less).
_MOVED_G = 50.0
# What a count may be off by: three times a scale's usual error of 5 g (a load cell of 10 kg, class
# C3 of OIML R 60).
_OFF_G = 15.0
# A move that says what one unit weighs is of so many; a move may be off by so much of one.
_AT_ONCE = 3
_OFF_UNITS = 0.25
_FEW = 5.5

_SHELF = ("shop_id", "day_on", "device_id")


def levels(readings: DataFrame, sales: DataFrame, shelves: DataFrame) -> DataFrame:
    """Count what stands on each scale by what one unit weighs: as its product says, else as what
    moved in three days does.

    A value that lasts for one reading is a spike, and passed over.

    Takes   readings, sales  silver tables of these names
            shelves  shop_id, day_on, device_id, product_id, unit_weight_g (null where the product
                     says none)
    Gives   shop_id, day_on, device_id, from_at, to_at, units, units_low, units_high: one level
            after the other over the day; nothing where what a unit weighs stays unknown
    """
    weighed = _smoothed(readings)
    units = weighed.transform(_fitted, _sold(sales, shelves)).select(*_SHELF, "fitted_g")
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


def _fitted(weighed: DataFrame, sold: DataFrame) -> DataFrame:
    """What one unit weighs: what went, over what was sold, says it roughly, and the move, or a half
    or a third of one, that is nearest to that says it well; without sales, the least move.
    """
    move = F.col("weight_g") - F.lag("weight_g").over(_in_time())
    parts = F.array(*(F.lit(1.0 / count) for count in range(1, _AT_ONCE + 1)))
    candidates = F.flatten(
        F.transform("moves", lambda one: F.transform(parts, lambda part: one * part))
    )
    rough = F.coalesce(F.col("went_g") / F.nullif("sold_units", F.lit(0)), F.array_min("moves"))
    near = F.transform(
        candidates, lambda one: F.struct(F.abs(F.log(one / rough)).alias("off"), one.alias("g"))
    )
    return (
        weighed.withColumn("move", move)
        .where(F.abs("move") > _MOVED_G)
        .groupBy(*_SHELF)
        .agg(
            F.collect_list(F.abs("move")).alias("moves"),
            F.sum(F.greatest(-F.col("move"), F.lit(0.0))).alias("went_g"),
        )
        .join(sold, on=list(_SHELF), how="left")
        .withColumn("near_g", F.array_min(near)["g"])
        .withColumn("mean_g", _mean_unit(_few(F.col("moves"), F.col("near_g")), F.col("near_g")))
        .withColumn("fitted_g", _mean_unit(F.col("moves"), F.col("mean_g")))
    )


def _sold(sales: DataFrame, shelves: DataFrame) -> DataFrame:
    """Units of each scale's product sold on the day and those beside it."""
    days = F.explode(F.array(*(F.date_add(F.to_date("paid_at"), by) for by in (-1, 0, 1))))
    return (
        sales.where("quantity > 0")
        .select("shop_id", "product_id", "quantity", days.alias("day_on"))
        .join(shelves, on=["shop_id", "day_on", "product_id"], how="inner")
        .groupBy(*_SHELF)
        .agg(F.sum("quantity").alias("sold_units"))
    )


def _few(moves: Column, unit: Column) -> Column:
    """The moves of so few units that an error of the unit does not add up."""
    return F.filter(moves, lambda one: one <= _FEW * unit)


def _fits(move: Column, unit: Column) -> Column:
    count = F.round(move / unit)
    return (count >= 1) & (F.abs(move / unit - count) <= _OFF_UNITS)


def _mean_unit(moves: Column, unit: Column) -> Column:
    """Weight of the moves that are multiples over the units that they are."""
    zero = F.lit(0.0)
    fitting = F.filter(moves, lambda one: _fits(one, unit))
    weight = F.aggregate(fitting, zero, lambda sum_, one: sum_ + one)
    count = F.aggregate(fitting, zero, lambda sum_, one: sum_ + F.round(one / unit))
    return weight / F.nullif(count, zero)
