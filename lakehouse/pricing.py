"""Prices: what a product ought to cost in a shop, and what its shelf label shows, by instant.

docs/decisions/prices.md says why neither is a column of silver.prices.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import rows

_PRODUCT = ("shop_id", "product_id")
_LABEL = ("shop_id", "device_id")
_SHOWN = ("product_id", "price_cents", "promotion_id", "valid_from")


def due(asked: DataFrame, promotions: DataFrame, products: DataFrame, at: str) -> DataFrame:
    """Add to each row what its product ought to cost in its shop at its instant.

    Takes   asked       shop_id, product_id, and the instant column `at`
            promotions  silver.promotions
            products    silver.products
    Gives   the columns of `asked`, and
              due_price_cents   bigint  the promotion's, else the list price; null where unknown
              due_promotion_id  string  null where it is the list price
    """
    return (
        asked.transform(
            rows.in_force,
            promoted(promotions),
            by={"shop_id": "shop_id", "product_id": "product_id"},
            at=at,
            gives={"price_cents": "_promoted_cents", "promotion_id": "due_promotion_id"},
        )
        .transform(
            rows.in_force,
            products,
            by={"product_id": "product_id"},
            at=at,
            gives={"list_price_cents": "_list_cents"},
        )
        .withColumn("due_price_cents", F.coalesce("_promoted_cents", "_list_cents"))
        .select(*asked.columns, "due_price_cents", "due_promotion_id")
    )


def promoted(promotions: DataFrame) -> DataFrame:
    """The promotion that counts: of several at once that of the highest priority, and of equal
    ones that whose id comes first. A plan counts for as long as it is the plan in force.

    Takes   promotions  silver.promotions
    Gives   shop_id, product_id, valid_from, valid_to, promotion_id, price_cents; periods of one
            product in one shop do not overlap, and there is none where it has its list price
    """
    planned = promotions.select(
        *_PRODUCT,
        F.greatest("starts_at", "valid_from").alias("_from"),
        F.least("ends_at", "valid_to").alias("_to"),  # null, which is "until now", counts for none
        (-F.col("priority").cast("bigint")).alias("_rank"),
        "promotion_id",
        "price_cents",
    ).where("_from < _to")
    edges = planned.select(*_PRODUCT, F.explode(F.array("_from", "_to")).alias("valid_from"))
    periods = edges.distinct().transform(rows.with_valid_to, key=_PRODUCT)
    is_on = (F.col("_from") <= F.col("valid_from")) & (F.col("valid_to") <= F.col("_to"))
    return (
        periods.join(planned, on=list(_PRODUCT), how="inner")
        .where(is_on)
        .groupBy(*_PRODUCT, "valid_from", "valid_to")
        .agg(F.min(F.struct("_rank", "promotion_id", "price_cents")).alias("_best"))
        .select(*_PRODUCT, "valid_from", "valid_to", "_best.promotion_id", "_best.price_cents")
    )


def shown(prices: DataFrame) -> DataFrame:
    """What each label was told to show, from when to when, and whether it said that it does.

    Takes   prices  silver.prices
    Gives   shop_id, device_id (the label), product_id, price_cents, promotion_id,
              told_at          timestamp  when it was first sent
              until_at         timestamp  when another price was sent; null: still told
              acknowledged_at  timestamp  when the label first said so; null where it never did: it
                                          may show the price before
            one row for each time that a label was told another price than before
    """
    order = Window.partitionBy(*_LABEL).orderBy("sent_at", "is_acknowledged", "event_id")
    before = F.lag(F.struct(*_SHOWN)).over(order)
    is_other = ~F.struct(*_SHOWN).eqNullSafe(before)
    turn = F.count_if("_is_other").over(order.rowsBetween(Window.unboundedPreceding, 0))
    acknowledged_at = F.min(F.when(F.col("is_acknowledged"), F.col("sent_at")))
    following = Window.partitionBy(*_LABEL).orderBy("told_at", "_turn").rowsBetween(1, 1)
    return (
        prices.withColumn("_is_other", is_other)
        .withColumn("_turn", turn)
        .groupBy(*_LABEL, *_SHOWN, "_turn")
        .agg(F.min("sent_at").alias("told_at"), acknowledged_at.alias("acknowledged_at"))
        .withColumn("until_at", F.min("told_at").over(following))
        .select(
            *_LABEL,
            "product_id",
            "price_cents",
            "promotion_id",
            "told_at",
            "until_at",
            "acknowledged_at",
        )
    )
