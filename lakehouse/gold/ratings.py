"""gold.ratings: how much each subject bought of each product."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def build(sales: DataFrame) -> DataFrame:
    """Sum up each subject's purchases of each product; purchases without a card are left out.

    Takes   sales  silver.sales
    Gives   gold.ratings
    """
    return (
        sales.where("subject IS NOT NULL")
        .groupBy("subject", "product_id")
        .agg(
            F.count_distinct("shop_id", "basket_id").alias("baskets"),
            F.sum("quantity").alias("quantity"),
            F.sum("amount_cents").alias("net_revenue_cents"),
            F.min("paid_at").alias("first_bought_at"),
            F.max("paid_at").alias("last_bought_at"),
        )
    )
