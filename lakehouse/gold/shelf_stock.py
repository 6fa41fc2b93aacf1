"""gold.shelf_stock: how many units of a product stand on its shelf, hour by hour."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import rows
from lakehouse.shelves import tagged, weighed

# What is shorter may be a tag that was missed for a cycle or two.
_OUT_S = 1800
# What to refill first looks so far ahead (assumed: a round through the shop is made by then).
_AHEAD_H = 4

_SHELF = ("shop_id", "day_on", "device_id")
_HOUR = (*_SHELF, "hour_at")
_KINDS = ("rfid_antenna", "scale")


def build(  # noqa: PLR0917  the upstream tables, in order
    tag_stays: DataFrame,
    readings: DataFrame,
    deliveries: DataFrame,
    sales: DataFrame,
    prices: DataFrame,
    planogram: DataFrame,
    products: DataFrame,
    devices: DataFrame,
) -> DataFrame:
    """Count what stands at every antenna and on every scale at the end of every hour.

    The day is UTC's; of the neighbouring ones are taken the labels, what a unit weighs, and sales.

    Takes   tag_stays, readings, deliveries, sales, prices, planogram, products, devices  silver
            tables of these names
    Gives   gold.shelf_stock
    Source  docs/decisions/stock.md
    """
    shelves = _shelves(tag_stays, readings, prices, products, devices)
    by_tags = tagged.levels(tag_stays, deliveries, shelves.where("kind = 'rfid_antenna'"))
    by_weight = weighed.levels(readings, sales, shelves.where("kind = 'scale'"))
    levels = by_tags.withColumn("counted_by", F.lit("tags")).union(
        by_weight.withColumn("counted_by", F.lit("weight"))
    )
    return (
        _hours(levels)
        .join(shelves, on=list(_SHELF), how="inner")
        .where("hour_at <= heard_to")
        .transform(_moved, sales, deliveries)
        .transform(_planned, planogram)
        .withColumn("expected_lost_units", F.round(_lost_ahead(), 3))
        .select(
            "shop_id",
            "day_on",
            "product_id",
            "device_id",
            "hour_at",
            "shelf_id",
            "zone_id",
            "counted_by",
            "units",
            "units_low",
            "units_high",
            "book_units",
            "arrived_units",
            "departed_units",
            "out_of_stock_s",
            "out_from_at",
            "out_to_at",
            F.round(F.col("out_of_stock_s") / 3600 * F.col("hourly_units"), 3).alias("lost_units"),
            "expected_lost_units",
            _cents("expected_lost_units").alias("expected_lost_cents"),
            _refill_rank().alias("refill_rank"),
        )
    )


def _shelves(
    tag_stays: DataFrame,
    readings: DataFrame,
    prices: DataFrame,
    products: DataFrame,
    devices: DataFrame,
) -> DataFrame:
    """Each antenna and scale on each day on which its shop was heard, with the product that the
    label at it named last: a label is called like the device at its shelf, and "-label".
    """
    weights = readings.where("metric = 'weight' AND subject IS NULL")
    heard = tag_stays.select("shop_id", "day_on", "from_at", "to_at").union(
        weights.select("shop_id", F.to_date("measured_at"), "measured_at", "measured_at")
    )
    days = heard.groupBy("shop_id", "day_on").agg(
        F.min("from_at").alias("heard_from"), F.max("to_at").alias("heard_to")
    )
    told_on = F.to_date("sent_at")
    labels = (
        prices.select(
            "shop_id",
            F.explode(F.array(*(F.date_add(told_on, by) for by in (-1, 0, 1)))).alias("day_on"),
            F.regexp_extract("device_id", "^(.*)-label$", 1).alias("device_id"),
            F.struct("sent_at", "event_id", "product_id").alias("last"),
        )
        .groupBy(*_SHELF)
        .agg(F.max("last")["product_id"].alias("product_id"))
    )
    return (
        labels.join(days, on=["shop_id", "day_on"], how="inner")
        .transform(
            rows.in_force,
            devices.where(F.col("kind").isin(*_KINDS)),
            by={"device_id": "device_id"},
            at="heard_to",
            gives={"kind": "kind", "zone_id": "zone_id"},
        )
        .where("kind IS NOT NULL")
        .transform(
            rows.in_force,
            products,
            by={"product_id": "product_id"},
            at="heard_to",
            gives={"unit_weight_g": "unit_weight_g", "list_price_cents": "list_price_cents"},
        )
    )


def _hours(levels: DataFrame) -> DataFrame:
    """Levels hour by hour: the last of each, how it moved, and how long nothing was there."""
    order = Window.partitionBy(*_SHELF).orderBy("from_at")
    is_there = F.count_if(F.col("units") > 0).over(order.rowsBetween(Window.unboundedPreceding, 0))
    gone = Window.partitionBy(*_SHELF, "_turn", "_is_out")
    lasts_s = F.sum(_seconds("from_at", "to_at")).over(gone)
    hour = F.expr("INTERVAL 1 HOUR")
    last = F.col("to_at") - F.expr("INTERVAL 1 MILLISECOND")
    covered = F.sequence(F.date_trunc("HOUR", "from_at"), F.date_trunc("HOUR", last), hour)
    cut_from = F.greatest("from_at", "hour_at")
    out_s = _seconds(cut_from, F.least(F.col("to_at"), F.col("hour_at") + hour))
    is_first = F.col("from_at") >= F.col("hour_at")
    move = F.when(is_first, F.col("units") - F.col("before"))
    at_last = F.max(F.struct("from_at", "units", "units_low", "units_high", "counted_by"))
    return (
        levels.withColumn("before", F.lag("units").over(order))
        .withColumn("_turn", is_there)
        .withColumn("_is_out", F.col("units") == 0)
        .withColumn("is_out", F.col("_is_out") & (lasts_s >= _OUT_S))
        .withColumn("began_at", F.min("from_at").over(gone))
        .withColumn("ended_at", F.max("to_at").over(gone))
        .withColumn("hour_at", F.explode(covered))
        .groupBy(*_HOUR)
        .agg(
            at_last.alias("last"),
            F.sum(F.when(move > 0, move).otherwise(0)).alias("arrived_units"),
            F.sum(F.when(move < 0, -move).otherwise(0)).alias("departed_units"),
            F.sum(F.when(F.col("is_out"), out_s).otherwise(0)).alias("out_of_stock_s"),
            F.max(F.when(F.col("is_out"), F.col("began_at"))).alias("out_from_at"),
            F.max(F.when(F.col("is_out"), F.col("ended_at"))).alias("out_to_at"),
        )
        .select("*", "last.units", "last.units_low", "last.units_high", "last.counted_by")
        .drop("last")
    )


def _seconds(begins: Column | str, ends: Column | str) -> Column:
    return F.unix_seconds(ends) - F.unix_seconds(begins)


def _moved(hours: DataFrame, sales: DataFrame, deliveries: DataFrame) -> DataFrame:
    """Add what the books say from the first hour of the day on, and how fast a product sells."""
    by = ["shop_id", "product_id", "hour_at"]
    goods = hours.select("shop_id", "product_id").distinct()
    sold = sales.where("quantity > 0").join(goods, on=by[:2], how="left_semi")
    per_hour = sold.groupBy(*by[:2], F.date_trunc("HOUR", "paid_at").alias("hour_at"))
    came = deliveries.groupBy(*by[:2], F.date_trunc("HOUR", "delivered_at").alias("hour_at"))
    paid_on = F.to_date("paid_at")
    near = F.explode(F.array(paid_on, F.date_add(paid_on, 1))).alias("day_on")
    daily = sold.select(*by[:2], "quantity", near).groupBy(*by[:2], "day_on")
    order = Window.partitionBy(*_SHELF).orderBy("hour_at")
    later = F.coalesce("came_units", F.lit(0)) - F.coalesce("sold_units", F.lit(0))
    so_far = order.rowsBetween(Window.unboundedPreceding, 0)
    first_hour = F.first(later).over(so_far)
    return (
        hours.join(per_hour.agg(F.sum("quantity").alias("sold_units")), on=by, how="left")
        .join(came.agg(F.sum("quantity").alias("came_units")), on=by, how="left")
        .join(
            daily.agg((F.sum("quantity") / 48).alias("hourly_units")),
            on=[*by[:2], "day_on"],
            how="left",
        )
        .withColumn("hourly_units", F.coalesce("hourly_units", F.lit(0.0)))
        .withColumn(
            "book_units", F.first("units").over(so_far) + F.sum(later).over(so_far) - first_hour
        )
    )


def _planned(hours: DataFrame, planogram: DataFrame) -> DataFrame:
    """Add the shelf of the product, of several the first."""
    one = planogram.groupBy("shop_id", "product_id", "valid_from").agg(
        F.min("shelf_id").alias("shelf_id"), F.min("valid_to").alias("valid_to")
    )
    by = {"shop_id": "shop_id", "product_id": "product_id"}
    return hours.transform(rows.in_force, one, by=by, at="heard_to", gives={"shelf_id": "shelf_id"})


def _lost_ahead() -> Column:
    """Units that will be asked for within hours and not be there: of a Poisson demand what is
    expected beyond what stands there, (λ - s)(1 - P(s)) + λ p(s).
    """
    demand = F.col("hourly_units") * _AHEAD_H
    none = F.exp(-demand)
    start = F.struct(none.alias("here"), none.alias("up_to"))

    def one_more(so_far: Column, count: Column) -> Column:
        here = so_far["here"] * demand / count
        return F.struct(here.alias("here"), (so_far["up_to"] + here).alias("up_to"))

    counts = F.when(F.col("units") > 0, F.sequence(F.lit(1), "units"))
    share = F.aggregate(F.coalesce(counts, F.array().cast("array<int>")), start, one_more)
    beyond = (demand - F.col("units")) * (1 - share["up_to"]) + demand * share["here"]
    return F.greatest(beyond, F.lit(0.0))


def _cents(units: str) -> Column:
    return F.round(F.col(units) * F.col("list_price_cents")).cast("bigint")


def _refill_rank() -> Column:
    order = Window.partitionBy("shop_id", "day_on", "hour_at").orderBy(
        _cents("expected_lost_units").desc_nulls_last(), "units", "product_id", "device_id"
    )
    return F.row_number().over(order)
