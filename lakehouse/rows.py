"""What several transformations share; frames and columns in, frames and columns out."""

from collections.abc import Sequence
from datetime import timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import feeds

# The order in which messages arrived; the first of a set of repeats wins.
ARRIVAL = ("arrived_at", "source_object", "source_line")


def payloads(events: DataFrame, feed: str) -> DataFrame:
    """The messages of `feed` with their declared payload fields, as text, in the struct `said`.

    A payload that does not fit its declaration gives nulls, never an error.
    """
    declared = feeds.by_name(feed).payload
    return events.where(F.col("feed") == feed).withColumn("said", F.from_json("payload", declared))


def instant(text: Column) -> Column:
    """ISO 8601 text as a timestamp; null where it is none."""
    return F.when(text.rlike(r"^\d{4}-\d\d-\d\d"), text).try_cast("timestamp")


def finite(text: Column) -> Column:
    """Text as a finite number; "NaN" and "Infinity" are numbers to Spark, not to us."""
    number = text.try_cast("double")
    return F.when(F.abs(number) < float("inf"), number)


def in_force(
    rows: DataFrame, history: DataFrame, by: dict[str, str], at: str, gives: dict[str, str]
) -> DataFrame:
    """Add to each row what `history` said of it at its instant; one row out for one row in.

    Takes   history  versions of reference rows with valid_from and valid_to, which do not overlap
            by       columns that must agree: name in `rows` -> name in `history`
            at       instant column of `rows`
            gives    columns to add: name in `history` -> name in the result; null where none fits
    """
    versions = history.select(
        *(F.col(theirs).alias(f"_{ours}") for ours, theirs in by.items()),
        F.col("valid_from").alias("_valid_from"),
        F.col("valid_to").alias("_valid_to"),
        *(F.col(theirs).alias(ours) for theirs, ours in gives.items()),
    )
    fits = F.col(at) >= F.col("_valid_from")
    fits &= F.col("_valid_to").isNull() | (F.col(at) < F.col("_valid_to"))
    for ours in by:
        fits &= F.col(ours) == F.col(f"_{ours}")
    return rows.join(versions, on=fits, how="left").select(*rows.columns, *gives.values())


def placed(rows: DataFrame, devices: DataFrame, at: str) -> DataFrame:
    """Add `zone_id`, where the row's device stood at its instant, and put `shop_id` right by it;
    null, and as it was, where the device is not known at that instant.
    """
    gives = {"shop_id": "_placed_shop", "zone_id": "zone_id"}
    by = {"device_id": "device_id"}
    found = in_force(rows, devices, by=by, at=at, gives=gives)
    return found.withColumn("shop_id", F.coalesce("_placed_shop", "shop_id")).drop("_placed_shop")


def is_late(at: str, lateness: timedelta | None) -> Column:
    """Whether a row arrived past the end of its hour by more than `lateness`; null: never."""
    if lateness is None:
        return F.lit(False).alias("is_late")
    in_time = F.date_trunc("HOUR", at) + F.lit(timedelta(hours=1) + lateness)
    return F.coalesce(F.col("arrived_at") > in_time, F.lit(False)).alias("is_late")


def was_late(judged: DataFrame) -> Column:
    """What `is_late` says of each row; false in tables of which no row can be late."""
    return (F.col("is_late") if "is_late" in judged.columns else F.lit(False)).alias("is_late")


def with_valid_to(versions: DataFrame, key: Sequence[str]) -> DataFrame:
    """End each version of a reference row where the next one starts."""
    following = Window.partitionBy(*key).orderBy("valid_from").rowsBetween(1, 1)
    return versions.withColumn("valid_to", F.min("valid_from").over(following))


def business_on(at: str, time_zone: str = "time_zone") -> Column:
    """The business day of an instant: the date in the shop's time zone."""
    return F.to_date(F.from_utc_timestamp(at, F.col(time_zone))).alias("business_on")


def without_nulls(names: Column) -> Column:
    """The different texts of an array. (array_compact's lambda keeps its input out of codegen.)"""
    return F.array_except(names, F.array(F.lit(None).cast("string")))
