"""silver.sales: the lines of each receipt."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables

_TABLE = tables.by_name("silver.sales")


def build(events: DataFrame, products: DataFrame) -> DataFrame:
    """Type every receipt's lines; drop none. A receipt without lines gives one row of nulls.

    Takes   events    bronze.events
            products  silver.products
    Gives   silver.sales, and for its rules
              known_product_id  string  null where the product is not known at that instant
    """
    line = F.col("_sold")
    return (
        rows.payloads(events, "sales")
        .select(
            "event_id",
            "shop_id",
            "subject",
            rows.instant(F.col("said.paid_at")).alias("paid_at"),
            F.col("said.basket_id").alias("basket_id"),
            F.col("said.till_id").alias("till_id"),
            F.posexplode_outer("said.lines").alias("_place", "_sold"),
            *rows.ARRIVAL,
        )
        .select(
            "*",
            (F.col("_place") + 1).alias("line"),
            line["product_id"].alias("product_id"),
            line["quantity"].try_cast("bigint").alias("quantity"),
            line["amount_cents"].try_cast("bigint").alias("amount_cents"),
            line["discount_cents"].try_cast("bigint").alias("discount_cents"),
        )
        .transform(
            rows.in_force,
            products,
            by={"product_id": "product_id"},
            at="paid_at",
            gives={"product_id": "known_product_id"},
        )
        .select(
            "shop_id",
            "paid_at",
            "event_id",
            "basket_id",
            "line",
            "till_id",
            "subject",
            "product_id",
            "quantity",
            "amount_cents",
            "discount_cents",
            rows.is_late("paid_at", _TABLE.lateness),
            *rows.ARRIVAL,
            "known_product_id",
        )
    )
