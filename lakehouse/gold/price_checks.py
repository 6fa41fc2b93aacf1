"""gold.price_checks: what each label shows, beside what the product ought to cost and what the
tills took.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import pricing, rows

# Labels answer within seconds, or the gateway asks again; and are told anew every few hours, so
# that two turns are missed after twelve (assumed).
_ANSWERS_S = 300
_SILENT_S = 12 * 3600

_LABEL = ("shop_id", "day_on", "device_id")
_SHOWN = ("product_id", "price_cents", "promotion_id", "valid_from")
_LABEL_HOUR = ("shop_id", "device_id", "hour_at")
_COUNTS = ("sold_units", "sold_cents", "wrong_messages")
_SALE = ("shop_id", "product_id", "hour_at")


def build(
    prices: DataFrame, sales: DataFrame, promotions: DataFrame, products: DataFrame
) -> DataFrame:
    """Check every label at the end of every hour in which its shop's labels were heard of.

    A day knows its own messages and those of the day before.

    Takes   prices, sales, promotions, products  silver tables of these names
    Gives   gold.price_checks
    """
    return (
        _label_hours(prices)
        .transform(pricing.due, promotions, products, at="checked_at")
        .transform(
            rows.in_force,
            products,
            by={"product_id": "product_id"},
            at="checked_at",
            gives={"list_price_cents": "list_price_cents"},
        )
        .join(_sold(sales), on=list(_SALE), how="left")
        .join(_mistold(prices, promotions, products), on=list(_LABEL_HOUR), how="left")
        .withColumns({name: F.coalesce(name, F.lit(0)) for name in _COUNTS})
        .withColumn("till_difference_cents", _till_difference())
        .select(
            "shop_id",
            "day_on",
            "product_id",
            "device_id",
            "hour_at",
            "list_price_cents",
            "due_price_cents",
            "due_promotion_id",
            F.col("price_cents").alias("label_price_cents"),
            F.col("promotion_id").alias("label_promotion_id"),
            "told_at",
            "acknowledged_at",
            "heard_at",
            "wrong_messages",
            "sold_units",
            "sold_cents",
            "till_difference_cents",
            _findings().alias("findings"),
        )
    )


def _label_hours(prices: DataFrame) -> DataFrame:
    """The last message of each label at the end of each hour, and since when it is so."""
    sent_on = F.to_date("sent_at")
    # (Of the day after, only that the shop's labels were heard of until then.)
    days = F.explode(F.array(*(F.date_add(sent_on, by) for by in (-1, 0, 1))))
    told = prices.select(
        "shop_id", "device_id", "sent_at", "event_id", "is_acknowledged", *_SHOWN,
        days.alias("day_on"),
    )  # fmt: skip
    order = Window.partitionBy(*_LABEL).orderBy("sent_at", "is_acknowledged", "event_id")
    so_far = order.rowsBetween(Window.unboundedPreceding, 0)
    is_other = ~F.struct(*_SHOWN).eqNullSafe(F.lag(F.struct(*_SHOWN)).over(order))
    turn = Window.partitionBy(*_LABEL, "_turn").orderBy("sent_at", "is_acknowledged", "event_id")
    turn_so_far = turn.rowsBetween(Window.unboundedPreceding, 0)
    heard_to = F.max("sent_at").over(
        Window.partitionBy("shop_id", "day_on").rowsBetween(
            Window.unboundedPreceding, Window.unboundedFollowing
        )
    )
    hour, begins = F.expr("INTERVAL 1 HOUR"), F.col("day_on").cast("timestamp")
    lasts_to = F.coalesce(
        F.date_trunc("HOUR", F.lead("sent_at").over(order)) - hour, F.date_trunc("HOUR", heard_to)
    )
    return (
        told.withColumn("_is_other", is_other)
        .withColumn("_turn", F.count_if("_is_other").over(so_far))
        .withColumns(
            {
                "told_at": F.min("sent_at").over(turn_so_far),
                "acknowledged_at": F.min(F.when(F.col("is_acknowledged"), F.col("sent_at"))).over(
                    turn_so_far
                ),
                "heard_at": F.col("sent_at"),
                "_from": F.greatest(F.date_trunc("HOUR", "sent_at"), begins),
                "_to": F.least(lasts_to, begins + F.expr("INTERVAL 23 HOURS")),
            }
        )
        .where("_from <= _to")
        .withColumn("hour_at", F.explode(F.sequence("_from", "_to", hour)))
        .withColumn("checked_at", F.col("hour_at") + F.expr("INTERVAL 3599999 MILLISECONDS"))
    )


def _mistold(prices: DataFrame, promotions: DataFrame, products: DataFrame) -> DataFrame:
    """How often in an hour a label was told, or said, another price than was due just then; it may
    have been put right before the hour ended.
    """
    said = prices.withColumn("said_at", F.greatest("sent_at", "valid_from"))
    return (
        said.transform(pricing.due, promotions, products, at="said_at")
        .where(F.col("price_cents") != F.col("due_price_cents"))
        .groupBy("shop_id", "device_id", F.date_trunc("HOUR", "sent_at").alias("hour_at"))
        .agg(F.count("*").alias("wrong_messages"))
    )


def _sold(sales: DataFrame) -> DataFrame:
    return (
        sales.where("quantity > 0")
        .groupBy("shop_id", "product_id", F.date_trunc("HOUR", "paid_at").alias("hour_at"))
        .agg(F.sum("quantity").alias("sold_units"), F.sum("amount_cents").alias("sold_cents"))
    )


def _till_difference() -> Column:
    due = F.col("sold_units") * F.col("due_price_cents")
    return F.when(F.col("sold_units") > 0, F.col("sold_cents") - due)


def _findings() -> Column:
    """What is wrong, in one order; empty where nothing is."""

    def since_s(instant: str) -> Column:
        return F.unix_seconds("checked_at") - F.unix_seconds(instant)

    differs = ~F.col("price_cents").eqNullSafe(F.col("due_price_cents"))
    differs &= F.col("due_price_cents").isNotNull()
    silent = F.col("acknowledged_at").isNull() & (since_s("told_at") > _ANSWERS_S)
    found = {
        "label_differs": differs | (F.col("wrong_messages") > 0),
        "label_unacknowledged": silent,
        "label_silent": since_s("heard_at") > _SILENT_S,
        "promotion_not_started": F.col("due_promotion_id").isNotNull() & (differs | silent),
        "till_differs": F.coalesce(F.col("till_difference_cents") != 0, F.lit(False)),
    }
    return rows.without_nulls(F.array(*(F.when(is_so, name) for name, is_so in found.items())))
