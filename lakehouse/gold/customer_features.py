"""gold.customer_features: what was known of each subject at the start of each month."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_SUMS = (
    "baskets",
    "items",
    "net_revenue_cents",
    "discount_cents",
    "discounted_items",
    "weekend_items",
    "evening_items",
)


def build(sales: DataFrame, products: DataFrame, calendar: DataFrame) -> DataFrame:
    """Describe each subject as of the first of each month after the first purchase.

    Nothing paid on or after `as_of_on` counts: a row holds nothing of its future.

    Takes   sales     silver.sales
            products  silver.products
            calendar  gold.calendar; its months are the dates to describe, and the one after them
    Gives   gold.customer_features
    """
    bought = sales.where("subject IS NOT NULL").withColumn("paid_on", F.to_date("paid_at"))
    dates = _dates(calendar)
    return (
        _by_month(bought)
        .transform(_accumulated, dates)
        .join(_departments(bought, products, dates), on=["subject", "as_of_on"], how="left")
        .select(
            "subject",
            "as_of_on",
            F.date_diff("as_of_on", "last_bought_on").alias("recency_d"),
            *_SUMS,
            "departments",
            "first_bought_on",
        )
    )


def _dates(calendar: DataFrame) -> DataFrame:
    months = calendar.select(F.explode(F.array("month_on", F.add_months("month_on", 1))))
    return months.select(F.col("col").alias("as_of_on")).distinct()


def _by_month(bought: DataFrame) -> DataFrame:
    is_evening = (F.hour("paid_at") >= 22) | (F.hour("paid_at") < 6)
    return bought.groupBy("subject", F.trunc("paid_on", "month").alias("month_on")).agg(
        F.count_distinct("shop_id", "basket_id").alias("baskets"),
        F.count("*").alias("items"),
        F.sum("amount_cents").alias("net_revenue_cents"),
        F.sum("discount_cents").alias("discount_cents"),
        F.count_if(F.col("discount_cents") > 0).alias("discounted_items"),
        F.count_if(F.weekday("paid_on") >= 5).alias("weekend_items"),
        F.count_if(is_evening).alias("evening_items"),
        F.min("paid_on").alias("first_on"),
        F.max("paid_on").alias("last_on"),
    )


def _before(dates: DataFrame, months: DataFrame) -> Column:
    return months["month_on"] < dates["as_of_on"]


def _accumulated(months: DataFrame, dates: DataFrame) -> DataFrame:
    return (
        months.join(dates, on=_before(dates, months), how="inner")
        .groupBy("subject", "as_of_on")
        .agg(
            *(F.sum(name).alias(name) for name in _SUMS),
            F.min("first_on").alias("first_bought_on"),
            F.max("last_on").alias("last_bought_on"),
        )
    )


def _departments(bought: DataFrame, products: DataFrame, dates: DataFrame) -> DataFrame:
    now = products.where("valid_to IS NULL").select("product_id", "department")
    spent = (
        bought.join(now, on="product_id", how="left")
        .groupBy("subject", "department", F.trunc("paid_on", "month").alias("month_on"))
        .agg(F.sum("amount_cents").alias("net_revenue_cents"))
    )
    one = F.struct("department", "net_revenue_cents")
    return (
        spent.join(dates, on=_before(dates, spent), how="inner")
        .groupBy("subject", "as_of_on", "department")
        .agg(F.sum("net_revenue_cents").alias("net_revenue_cents"))
        .groupBy("subject", "as_of_on")
        .agg(F.array_sort(F.collect_list(one)).alias("departments"))
    )
