"""gold.calendar: the business days of each shop, with the hours that the clock gives them."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(shops: DataFrame, sales: DataFrame) -> DataFrame:
    """Lay out every business day of every shop, from the chain's first sale to its last.

    Takes   shops  silver.shops
            sales  silver.sales
    Gives   gold.calendar
    """
    now = shops.where("valid_to IS NULL").select("shop_id", "time_zone")
    days = (
        sales.groupBy("shop_id")
        .agg(F.min("paid_at").alias("first_at"), F.max("paid_at").alias("last_at"))
        .join(now, on="shop_id", how="inner")
        .agg(
            F.min(rows.business_on("first_at")).alias("first_on"),
            F.max(rows.business_on("last_at")).alias("last_on"),
        )
        .where("first_on IS NOT NULL")
        .select(F.explode(F.sequence("first_on", "last_on")).alias("business_on"))
    )
    return (
        now.crossJoin(days)
        .withColumn("starts_at", _midnight(F.col("business_on")))
        .withColumn("ends_at", _midnight(F.date_add("business_on", 1)))
        .select(
            "shop_id",
            "business_on",
            "starts_at",
            "ends_at",
            ((F.unix_seconds("ends_at") - F.unix_seconds("starts_at")) / 3600)
            .cast("int")
            .alias("hours"),
            (F.weekday("business_on") + 1).alias("weekday"),
            F.weekofyear("business_on").alias("iso_week"),
            F.trunc("business_on", "month").alias("month_on"),
            (F.weekday("business_on") >= 5).alias("is_weekend"),
        )
    )


def _midnight(day: Column) -> Column:
    return F.to_utc_timestamp(day.cast("timestamp"), F.col("time_zone"))
