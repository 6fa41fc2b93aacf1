"""Readings that do not come, or come too often: gaps, silent devices, lost ones, bursts."""

import math

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.faults import looks
from lakehouse.faults.marks import Mark

# A hole is a gap where losing so many readings in a row, at the rate at which others are lost
# around it, is less likely than this: one false gap in a hundred thousand readings, which is what a
# device of five minutes sends in a year.
_BY_CHANCE = 1e-5
# The rate where none is seen to be lost: one in five hundred (what a Zigbee link in order loses
# after its own repeats is below one in a hundred; assumed).
_LOST_SHARE = 0.002
_MOST_SHARE = 0.9
# The whole look says too how many this link loses, up to two in a hundred: where it is more, some
# hours of it were out of order, and not these.
_USUAL_SHARE = 0.02
_AROUND_S = 10_800
# A battery that gives out drops readings here and there. Three holes in ten readings, and four at
# least, are not a link in order: at a rate of one in a hundred, four among the thirty-six readings
# of a six-hour window come about once in two thousand windows, and three in ten of them never.
_LOSSY_SHARE, _LOSSY_HOLES = 0.3, 4
_LOSSY_MOST = 20  # readings; a longer hole is no loss here and there
# Where a gauge warns: a usual threshold of Zigbee's power configuration.
_LOW_PERCENT = 20.0
# Three readings in a tenth of the interval are a burst.
_BURST_PART = 0.1

_SHORT_S = 5_400
MARKS = (
    Mark("gap", bridge_s=0.0),
    Mark("silent", bridge_s=0.0),
    Mark("dying_battery", bridge_s=_SHORT_S, least=4, least_s=7_200.0),
    Mark("low_battery", bridge_s=0.0),
    Mark("burst", bridge_s=60.0),
)
_GAP, _SILENT, _DYING, _LOW, _BURST = MARKS


def marked(righted: DataFrame, heard_of_gateways: DataFrame) -> DataFrame:
    """Add the marks of this family.

    Takes   righted            as clocks.righted gives it
            heard_of_gateways  as looks.heard_of_gateways gives it
    """
    in_order = looks.in_order()
    holed = (
        righted.join(
            F.broadcast(heard_of_gateways), on=["day_on", "shop_id", "gateway"], how="left"
        )
        .withColumns(
            {
                "before": F.lag("second").over(in_order),
                "after": F.lead("second").over(in_order),
                "next_but_one": F.lead("second", 2).over(in_order),
            }
        )
        .withColumns(
            {
                "lost": _lost(F.coalesce("before", F.col("heard_from")), F.col("second")),
                "lost_after": _lost(F.col("second"), F.col("heard_to")),
            }
        )
        .withColumns(
            {
                "holes": _near(F.count_if(F.col("lost") >= 1)),
                "near": _near(F.count("*")),
                "usual": F.count_if(F.col("lost") >= 1).over(looks.series())
                / F.count("*").over(looks.series()),
            }
        )
    )
    return holed.withColumns(
        {
            "gap": _gap(),
            "silent": _silent(),
            "dying_battery": _dying(),
            "low_battery": _low(),
            "burst": _burst(),
        }
    ).drop(
        "before",
        "after",
        "next_but_one",
        "lost",
        "lost_after",
        "holes",
        "near",
        "usual",
        "heard_from",
        "heard_to",
    )


def _near(counted: Column) -> Column:
    """A count of what is near in time: up to its end less what is before its beginning, as Spark
    counts on from row to row only where a frame has no beginning.
    """
    order = Window.partitionBy(*looks.SERIES).orderBy(F.col("second").cast("bigint"))
    first = Window.unboundedPreceding
    return counted.over(order.rangeBetween(first, _AROUND_S)) - counted.over(
        order.rangeBetween(first, -_AROUND_S - 1)
    )


def _lost(begins: Column, ends: Column) -> Column:
    """How many readings are missing between two instants; null where the interval is not known."""
    is_timed = F.col("interval_s").isNotNull() & ~looks.is_one_of(looks.GAUGES)
    missing = F.round((ends - begins) / F.col("interval_s")) - 1
    return F.when(is_timed, F.greatest(missing, F.lit(0.0)))


def _rare(own: Column) -> Column:
    """The number of readings in a row that are not lost by chance here."""
    share = (F.col("holes") - own) / F.col("near")
    usual = F.least("usual", F.lit(_USUAL_SHARE))
    share = F.least(F.greatest(share, usual, F.lit(_LOST_SHARE)), F.lit(_MOST_SHARE))
    return F.lit(math.log(_BY_CHANCE)) / F.ln(share)


def _gap() -> Column:
    lost = F.col("lost")
    least = _rare((lost >= 1).cast("int"))
    due = F.coalesce(F.col("before") + F.col("interval_s"), F.col("heard_from"))
    return _GAP.column(lost >= least, due, F.col("second"), lost, least)


def _silent() -> Column:
    lost = F.col("lost_after")
    least = _rare(F.lit(0))
    is_one = F.col("after").isNull() & (lost >= least)
    due = F.col("second") + F.col("interval_s")
    return _SILENT.column(is_one, due, F.col("heard_to"), lost, least)


def _dying() -> Column:
    share = F.col("holes") / F.col("near")
    is_one = (share >= _LOSSY_SHARE) & (F.col("holes") >= _LOSSY_HOLES)
    begins = F.when(F.col("lost") < _LOSSY_MOST, F.col("before"))
    begins = F.coalesce(begins, F.col("second"))
    return _DYING.column(is_one, begins, F.col("second"), share, _LOSSY_SHARE)


def _low() -> Column:
    is_one = (F.col("metric") == "battery") & (F.col("value") <= _LOW_PERCENT)
    ends = F.coalesce("after", "second")
    return _LOW.column(is_one, F.col("second"), ends, 100.0 - F.col("value"), 100.0 - _LOW_PERCENT)


def _burst() -> Column:
    within = F.col("next_but_one") - F.col("second")
    least = F.col("interval_s") * _BURST_PART
    is_one = (within < least) & ~looks.is_one_of(looks.GAUGES)
    ends = F.col("next_but_one")
    return _BURST.column(is_one, F.col("second"), ends, least / (within + 1e-3), 1.0)


def never_heard(heard: DataFrame, devices: DataFrame) -> DataFrame:
    """The devices of which a look holds nothing, though it holds readings of others of their kind
    in the same shop: silent for all of it.

    Gives   what intervals.of_marks gives
    """
    second = F.unix_micros("measured_at") / 1e6
    kinds = heard.groupBy("day_on", "shop_id", "kind").agg(
        F.min(second).alias("heard_from"),
        F.max(second).alias("heard_to"),
        F.collect_set("device_id").alias("there"),
    )
    known = devices.where("interval_s > 0").select(
        "device_id",
        "shop_id",
        "kind",
        "interval_s",
        (F.unix_micros("valid_from") / 1e6).alias("known_from"),
        (F.unix_micros("valid_to") / 1e6).alias("known_to"),
    )
    begins = F.greatest("heard_from", "known_from")
    ends = F.least("heard_to", F.coalesce("known_to", "heard_to"))
    lost = F.floor((ends - begins) / F.col("interval_s"))
    least = math.log(_BY_CHANCE) / math.log(_LOST_SHARE)
    return (
        kinds.join(F.broadcast(known), on=["shop_id", "kind"], how="inner")
        .where(~F.array_contains("there", F.col("device_id")))
        .withColumns({"begins": begins, "ends": ends, "evidence": lost.cast("double")})
        .where(F.col("evidence") >= least)
        .select(
            "day_on",
            "shop_id",
            "device_id",
            F.lit("silent").alias("fault"),
            F.lit(None).cast("string").alias("metric"),
            "begins",
            "ends",
            "evidence",
            (F.col("evidence") / least).alias("score"),
        )
    )
