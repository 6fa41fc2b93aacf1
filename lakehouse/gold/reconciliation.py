"""gold.reconciliation: what tills, shelves, labels and delivery notes say of one product's day."""

from pyspark.sql import Column, DataFrame, GroupedData
from pyspark.sql import functions as F

from lakehouse import rows

# So many units, and so much of what was sold, may lie between a shelf and the books for nothing: a
# basket that is on its way to the till at midnight, a tag that was read last (assumed).
_UNITS, _SHARE = 2, 0.1

_PRODUCT = ("shop_id", "day_on", "product_id")
_COUNTS = ("opening_units", "closing_units", "arrived_units", "departed_units", "unsure_units")


def build(
    shelf_stock: DataFrame, price_checks: DataFrame, sales: DataFrame, deliveries: DataFrame
) -> DataFrame:
    """Set them side by side over the hours between the first and the last that a shelf was heard.

    Takes   shelf_stock, price_checks  gold tables of these names
            sales, deliveries          silver tables of these names
    Gives   gold.reconciliation
    """
    days = _shelves(shelf_stock).join(_labels(price_checks), on=list(_PRODUCT), how="full")
    hours = days.select(*_PRODUCT, "first_at", "last_at")
    on = list(_PRODUCT)
    counts = ("sold_units", "returned_units", "noted_units", "untagged_units", "label_hours")
    cents = ("wrong_label_hours", "till_difference_cents")
    return (
        days.join(_sold(sales, hours), on=on, how="left")
        .join(_noted(deliveries, hours), on=on, how="left")
        .withColumns({name: F.coalesce(name, F.lit(0)) for name in (*counts, *cents)})
        .withColumn("unpaid_units", F.col("departed_units") - F.col("sold_units"))
        .withColumn("unnoted_units", F.col("arrived_units") - F.col("noted_units"))
        .select(
            *_PRODUCT,
            *_COUNTS,
            "sold_units",
            "returned_units",
            "noted_units",
            "untagged_units",
            "unpaid_units",
            "unnoted_units",
            "label_hours",
            "wrong_label_hours",
            "till_difference_cents",
            _findings().alias("findings"),
        )
    )


def _shelves(shelf_stock: DataFrame) -> DataFrame:
    """Device by device, then together; the first hour only opens: what is read then was there."""
    interval = F.col("units_high") - F.col("units_low")

    def later(name: str) -> Column:
        return F.sum(name) - F.min_by(name, "hour_at")

    of_device = {
        "opening_units": F.min_by("units", "hour_at"),
        "closing_units": F.max_by("units", "hour_at"),
        "arrived_units": later("arrived_units"),
        "departed_units": later("departed_units"),
        "unsure_units": F.min_by(interval, "hour_at") + F.max_by(interval, "hour_at"),
    }
    return (
        shelf_stock.groupBy(*_PRODUCT, "device_id")
        .agg(
            F.min("hour_at").alias("first_at"),
            F.max("hour_at").alias("last_at"),
            *(one.alias(name) for name, one in of_device.items()),
        )
        .groupBy(*_PRODUCT)
        .agg(
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
            *(F.sum(name).alias(name) for name in of_device),
        )
    )


def _labels(price_checks: DataFrame) -> DataFrame:
    """(Two labels of a product stand beside the same sales.)"""
    is_wrong = F.array_contains("findings", "label_differs")
    return (
        price_checks.groupBy(*_PRODUCT, "hour_at")
        .agg(
            F.count("*").alias("labels"),
            F.count_if(is_wrong).alias("wrong"),
            F.max("till_difference_cents").alias("difference"),
        )
        .groupBy(*_PRODUCT)
        .agg(
            F.sum("labels").alias("label_hours"),
            F.sum("wrong").alias("wrong_label_hours"),
            F.sum("difference").alias("till_difference_cents"),
        )
    )


def _sold(sales: DataFrame, hours: DataFrame) -> DataFrame:
    quantity = F.col("quantity")
    return _of_hours(sales, "paid_at", hours).agg(
        F.sum(F.when(quantity > 0, quantity)).alias("sold_units"),
        F.sum(F.when(quantity < 0, -quantity)).alias("returned_units"),
    )


def _noted(deliveries: DataFrame, hours: DataFrame) -> DataFrame:
    lacking = F.greatest(F.col("quantity") - F.size("epcs"), F.lit(0))
    return _of_hours(deliveries, "delivered_at", hours).agg(
        F.sum("quantity").alias("noted_units"),
        F.sum(F.when(F.size("epcs") > 0, lacking)).alias("untagged_units"),
    )


def _of_hours(moves: DataFrame, at: str, hours: DataFrame) -> GroupedData:
    hour = F.date_trunc("HOUR", at)
    is_heard = (hour > F.col("first_at")) & (hour <= F.col("last_at"))
    return (
        moves.withColumn("day_on", F.to_date(at))
        .join(hours, on=list(_PRODUCT), how="inner")
        .where(F.col("first_at").isNull() | is_heard)
        .groupBy(*_PRODUCT)
    )


def _findings() -> Column:
    """What does not add up, in one order; empty where all does."""
    slack = F.greatest(F.lit(_UNITS), _SHARE * F.col("sold_units")) + F.col("unsure_units")
    found = {
        "shrinkage_suspected": F.col("unpaid_units") > slack,
        "sold_not_departed": F.col("unpaid_units") < -slack,
        "delivery_short": (F.col("untagged_units") > 0) | (F.col("unnoted_units") < -slack),
        "delivery_not_noted": F.col("unnoted_units") > slack,
        "label_differs": F.col("wrong_label_hours") > 0,
        "till_differs": F.col("till_difference_cents") != 0,
    }
    return rows.without_nulls(F.array(*(F.when(is_so, name) for name, is_so in found.items())))
