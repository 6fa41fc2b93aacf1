"""gold.baskets: one row a receipt."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(sales: DataFrame, shops: DataFrame) -> DataFrame:
    """Gather the lines of each receipt.

    Takes   sales  silver.sales
            shops  silver.shops
    Gives   gold.baskets
    """
    now = shops.where("valid_to IS NULL").select("shop_id", "time_zone")
    return (
        sales.groupBy("shop_id", "basket_id")
        .agg(
            F.min("subject").alias("subject"),
            F.min("paid_at").alias("paid_at"),
            F.array_sort(F.collect_set("product_id")).alias("product_ids"),
            F.count("*").alias("items"),
            F.sum("amount_cents").alias("net_revenue_cents"),
            F.sum("discount_cents").alias("discount_cents"),
        )
        .join(now, on="shop_id", how="left")
        .select(
            "shop_id",
            "basket_id",
            "subject",
            "paid_at",
            F.date_trunc("HOUR", "paid_at").alias("hour_at"),
            rows.business_on("paid_at"),
            "product_ids",
            "items",
            "net_revenue_cents",
            "discount_cents",
        )
    )
