"""Levels out of the stays of tags: how many stood there at least, most likely and at most."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

# At most: how surely a tag that is unread for so long is gone.
_SURE = 0.05

_SHELF = ("shop_id", "day_on", "device_id")


def levels(tag_stays: DataFrame, deliveries: DataFrame, antennas: DataFrame) -> DataFrame:
    """Count the tags at each antenna.

    A tag that is read once on a day is a ghost, but where its delivery note came just before.

    Takes   tag_stays, deliveries  silver tables of these names
            antennas  shop_id, day_on, device_id, heard_from, heard_to: each antenna on each day on
                      which its shop was heard, with or without a tag, and from when to when
    Gives   shop_id, day_on, device_id, from_at, to_at, units, units_low, units_high: one level
            after the other, without a gap, from heard_from to the end of the day
    """
    known = (
        tag_stays.join(_delivered(deliveries), on=["shop_id", "epc"], how="left")
        .join(antennas, on=list(_SHELF), how="inner")
        .withColumn("came_at", F.when(_is_just_before(), F.col("delivered_at")))
        .where("reads > 1 OR came_at IS NOT NULL")
    )
    nothing = antennas.select(*_SHELF, _begins().alias("at"), *_move(0, 0, 0))
    return known.transform(_moves).union(nothing).transform(_summed)


def _delivered(deliveries: DataFrame) -> DataFrame:
    tags = deliveries.select("shop_id", "delivered_at", F.explode("epcs").alias("epc"))
    return tags.groupBy("shop_id", "epc").agg(F.max("delivered_at").alias("delivered_at"))


def _begins() -> Column:
    """Midnight, or when the shop was first heard: what was there before is not known."""
    return F.greatest("heard_from", F.col("day_on").cast("timestamp"))


def _is_just_before() -> Column:
    waited_s = F.unix_seconds("from_at") - F.unix_seconds("delivered_at")
    return waited_s.between(0, F.col("window_s"))


def _moves(stays: DataFrame) -> DataFrame:
    """When each tag came and went: surely, most likely, and possibly."""
    missed = F.log(1 - F.col("read_rate"))
    # It goes in the middle of a cycle, after those in which it was there and not read.
    likely_s = F.col("cycle_s") * (F.lit(0.5) + (1 - F.col("read_rate")) / F.col("read_rate"))
    most_s = F.col("cycle_s") * F.ceil(F.log(F.lit(_SURE)) / missed)
    unread_s = F.unix_seconds("heard_to") - F.unix_seconds("to_at")
    is_there = unread_s <= F.col("window_s") / 2  # at the end of what is heard: no time to miss it
    for_ever = F.date_add("day_on", 2).cast("timestamp")

    def came(before_s: Column) -> Column:
        return F.coalesce("came_at", _later("from_at", -before_s))

    def went(after_s: Column) -> Column:
        return F.when(is_there, for_ever).otherwise(_later("to_at", after_s))

    moves = F.array(
        _moved(came(most_s), 0, 0, 1),
        _moved(came(likely_s), 0, 1, 0),
        _moved(F.col("from_at"), 1, 0, 0),
        _moved(F.col("to_at"), -1, 0, 0),
        _moved(went(likely_s), 0, -1, 0),
        _moved(went(most_s), 0, 0, -1),
    )
    return (
        stays.select(*_SHELF, "heard_from", F.explode(moves).alias("move"))
        .select(
            *_SHELF,
            F.greatest("move.at", _begins()).alias("at"),
            "move.low",
            "move.units",
            "move.high",
        )
        .where(F.col("at") < F.date_add("day_on", 1))
    )


def _later(at: str, by_s: Column) -> Column:
    return F.timestamp_seconds(F.unix_seconds(at) + by_s.cast("bigint"))


def _moved(at: Column, low: int, units: int, high: int) -> Column:
    return F.struct(at.alias("at"), *_move(low, units, high))


def _move(low: int, units: int, high: int) -> list[Column]:
    of = {"low": low, "units": units, "high": high}
    return [F.lit(count).alias(name) for name, count in of.items()]


def _summed(moves: DataFrame) -> DataFrame:
    """Levels out of moves; those that do not change are one."""
    order = Window.partitionBy(*_SHELF).orderBy("at")
    so_far = order.rowsBetween(Window.unboundedPreceding, 0)
    counts = ("low", "units", "high")
    ends = F.date_add("day_on", 1).cast("timestamp")
    return (
        moves.groupBy(*_SHELF, "at")
        .agg(*(F.sum(name).alias(name) for name in counts))
        .select(
            *_SHELF,
            F.col("at").alias("from_at"),
            F.coalesce(F.lead("at").over(order), ends).alias("to_at"),
            *(F.sum(name).over(so_far).cast("int").alias(name) for name in counts),
        )
        .select(
            *_SHELF,
            "from_at",
            "to_at",
            "units",
            F.least("low", "units").alias("units_low"),
            F.greatest("high", "units").alias("units_high"),
        )
    )
