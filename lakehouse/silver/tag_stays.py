"""silver.tag_stays: where each tag stood, from when to when, out of reads that miss a third of them."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import rows

# How surely a tag that is there is read within the window.
_MISSED = 0.01
# Rates beyond are not believed: at the lowest one the window is still within the reach of a day.
_RATES = (0.4, 0.95)
# Gaps of more cycles say more of goods that went and came than of the antenna.
_GAPS = 12
# How many reads of its own outweigh what its kin say of where a tag is at home.
_KIN = 2
_CYCLE_S = 900  # of an antenna that does not say it
_REACH = "INTERVAL 3 HOURS"

_TAG = ("shop_id", "day_on", "epc")


def build(rfid_reads: DataFrame, devices: DataFrame) -> DataFrame:
    """Smooth each tag's reads on every day on which its shop read any; a stay is not cut at
    midnight, but of the neighbouring days only three hours are looked at.

    Takes   rfid_reads, devices  silver tables of these names
    Gives   silver.tag_stays
    Source  Jeffery, Garofalakis, Franklin: Adaptive Cleaning for RFID Data Streams (VLDB 2006),
            section 4.1: in a window of ln(1/δ) / p cycles a tag that is there is read with a
            probability of more than 1 - δ; p, the read rate, is estimated from the reads.
            docs/decisions/stock.md says what is different here.
    """
    # (Everything that follows is by shop and day: the reads are moved once.)
    reads = rfid_reads.select(
        "shop_id", "device_id", "zone_id", "epc", "read_at", _item().alias("item"), _days()
    ).repartition("shop_id", "day_on")
    return (
        reads.join(_homes(reads, devices), on=list(_TAG), how="inner")
        .transform(_with_gaps)
        .transform(_stays)
    )


def _item() -> Column:
    """An SGTIN without its serial number: what the units of one product share."""
    return F.regexp_extract("epc", r"^(.*)\.[^.]*$", 1)


def _days() -> Column:
    """The days that a read counts for: its own, and the one that is near."""
    near = (F.to_date(F.col("read_at") + F.expr(f"{sign} {_REACH}")) for sign in ("-", "+"))
    return F.explode(F.array_distinct(F.array(*near))).alias("day_on")


def _homes(reads: DataFrame, devices: DataFrame) -> DataFrame:
    """The antenna at which each tag is at home: where it is read most, and its kin are."""
    kin = ("shop_id", "day_on", "item")
    read = reads.groupBy(*kin, "epc", "device_id").agg(
        F.count("*").alias("reads"), F.max("zone_id").alias("zone_id"), F.max("read_at").alias("at")
    )
    everywhere = Window.partitionBy(*kin)
    here = Window.partitionBy(*kin, "device_id")
    share = F.sum("reads").over(here) / F.sum("reads").over(everywhere)
    place = F.struct("device_id", "zone_id", "at").alias("place")
    counted = read.withColumn("share", share).withColumns(
        {
            "own": F.struct((F.col("reads") + _KIN * F.col("share")).alias("score"), place),
            "kin_s": F.max(F.struct((_KIN * F.col("share")).alias("score"), place)).over(
                everywhere
            ),
        }
    )
    best = counted.groupBy(*_TAG).agg(F.max("own").alias("own"), F.max("kin_s").alias("kin_s"))
    return (
        best.select(*_TAG, F.greatest("own", "kin_s")["place"].alias("home"))
        .select(
            *_TAG,
            F.col("home.device_id").alias("home_id"),
            F.col("home.zone_id").alias("home_zone_id"),
            F.col("home.at").alias("_at"),
        )
        .transform(
            rows.in_force,
            devices,
            by={"home_id": "device_id"},
            at="_at",
            gives={"interval_s": "cycle_s"},
        )
        .withColumn("cycle_s", F.coalesce("cycle_s", F.lit(_CYCLE_S)).cast("int"))
    )


def _with_gaps(reads: DataFrame) -> DataFrame:
    """Add how many cycles passed since the read before, and the window that follows from how many
    usually do at the antenna on the day.
    """
    before = F.lag("read_at").over(Window.partitionBy(*_TAG).orderBy("read_at", "device_id"))
    passed_s = F.unix_seconds("read_at") - F.unix_seconds(before)
    antenna = Window.partitionBy("shop_id", "day_on", "home_id")
    read_next = F.count_if(F.col("gap") == 1).over(antenna)
    read_ever = F.count_if(F.col("gap").between(1, _GAPS)).over(antenna)
    rate = F.coalesce(read_next / F.nullif(read_ever, F.lit(0)), F.lit(_RATES[0]))
    return (
        reads.withColumn("gap", F.round(passed_s / F.col("cycle_s")).cast("int"))
        .withColumn(
            "read_rate", F.round(F.greatest(F.least(rate, F.lit(_RATES[1])), F.lit(_RATES[0])), 4)
        )
        .withColumn("window", F.ceil(-F.log(F.lit(_MISSED)) / F.col("read_rate")))
    )


def _stays(reads: DataFrame) -> DataFrame:
    order = Window.partitionBy(*_TAG).orderBy("read_at", "device_id")
    is_new = F.col("gap").isNull() | (F.col("gap") > F.col("window"))
    turn = F.count_if(is_new).over(order.rowsBetween(Window.unboundedPreceding, 0))
    window_s = (F.col("window") * F.col("cycle_s")).cast("int")
    begins = F.col("day_on").cast("timestamp")
    is_of_the_day = (F.timestamp_seconds(F.unix_seconds("to_at") + F.col("window_s")) >= begins) & (
        F.to_date("from_at") <= F.col("day_on")
    )
    return (
        reads.withColumn("_turn", turn)
        .withColumn("window_s", window_s)
        .groupBy(
            *_TAG, "item", "home_id", "home_zone_id", "_turn", "cycle_s", "window_s", "read_rate"
        )
        .agg(
            F.min("read_at").alias("from_at"),
            F.max("read_at").alias("to_at"),
            F.count("*").alias("reads"),
            F.count_if(F.col("device_id") != F.col("home_id")).alias("stray_reads"),
        )
        .where(is_of_the_day)
        .select(
            "shop_id",
            "day_on",
            F.col("home_id").alias("device_id"),
            "epc",
            "from_at",
            "to_at",
            F.col("home_zone_id").alias("zone_id"),
            "item",
            "reads",
            "stray_reads",
            "read_rate",
            "cycle_s",
            "window_s",
        )
    )
