"""gold.shops: the shops as they are now."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def build(shops: DataFrame, zones: DataFrame, devices: DataFrame) -> DataFrame:
    """Take the version in force of each shop, and count what stands in it.

    Takes   shops, zones, devices  silver tables of these names
    Gives   gold.shops
    """
    return (
        shops.where("valid_to IS NULL")
        .join(_count(zones, "zones"), on="shop_id", how="left")
        .join(_count(devices, "devices"), on="shop_id", how="left")
        .select(
            "shop_id",
            "time_zone",
            "currency",
            "latitude",
            "longitude",
            F.coalesce("zones", F.lit(0)).cast("bigint").alias("zones"),
            F.coalesce("devices", F.lit(0)).cast("bigint").alias("devices"),
        )
    )


def _count(versions: DataFrame, name: str) -> DataFrame:
    return versions.where("valid_to IS NULL").groupBy("shop_id").agg(F.count("*").alias(name))
