"""gold.product_places: where a product is, by plan and by evidence, and what stands elsewhere."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# A camera's model is right more often than not.
_LIKELY = 0.5
_Z = 1.96  # of a 95 % interval

_DAY = ("shop_id", "day_on")
_PRODUCT = (*_DAY, "product_id")
_DEVICE = (*_DAY, "device_id")


def build(
    tag_stays: DataFrame,
    shelf_stock: DataFrame,
    deliveries: DataFrame,
    sales: DataFrame,
    detections: DataFrame,
) -> DataFrame:
    """Place every product that a label names or whose tags were read.

    Which product a tag is of, the delivery note of the day says; else the label at the antenna
    where most tags of its kin are.

    Takes   tag_stays, deliveries, sales, detections  silver tables of these names
            shelf_stock  gold.shelf_stock
    Gives   gold.product_places
    """
    devices = _devices(shelf_stock)
    planned = _planned(devices)
    tags = _tags(tag_stays, deliveries, devices)
    by_weight = _by_weight(devices, sales)
    shelves = devices.groupBy(*_DEVICE).agg(
        F.min("shelf_id").alias("shelf_id"), F.min("zone_id").alias("_zone_id")
    )
    on = list(_PRODUCT)
    return (
        planned.join(_by_tags(tags, devices), on=on, how="full")
        .join(by_weight, on=on, how="left")
        .withColumn("device_id", F.coalesce("by_tags.device_id", "by_weight.device_id"))
        .join(shelves, on=list(_DEVICE), how="left")
        .join(_seen(detections), on=[*_DAY, "planned_zone_id"], how="left")
        .select(
            *_PRODUCT,
            "planned_device_id",
            "planned_shelf_id",
            "planned_zone_id",
            "device_id",
            "shelf_id",
            F.coalesce("by_tags.zone_id", "_zone_id").alias("zone_id"),
            F.when(F.col("by_tags").isNotNull(), "tags")
            .when(F.col("by_weight").isNotNull(), "weight")
            .alias("seen_by"),
            F.coalesce("tags", F.lit(0)).alias("tags"),
            F.coalesce("by_tags.tags_there", F.lit(0)).alias("tags_there"),
            F.round(
                F.coalesce(_at_least("by_tags.tags_there", "tags"), "by_weight.share"), 4
            ).alias("confidence"),
            (F.col("shelf_id") != F.col("planned_shelf_id")).alias("is_elsewhere"),
            F.coalesce("misplaced_epcs", F.array().cast("array<string>")).alias("misplaced_epcs"),
            F.coalesce("misplaced_detections", F.lit(0)).alias("misplaced_detections"),
        )
    )


def _devices(shelf_stock: DataFrame) -> DataFrame:
    """Each antenna and scale of a day with the product that its label names."""
    return shelf_stock.groupBy(*_PRODUCT, "device_id", "shelf_id", "zone_id", "counted_by").agg(
        F.sum("departed_units").alias("departed_units")
    )


def _planned(devices: DataFrame) -> DataFrame:
    first = F.min(F.struct("device_id", "shelf_id", "zone_id"))
    return (
        devices.groupBy(*_PRODUCT)
        .agg(first.alias("first"))
        .select(
            *_PRODUCT,
            F.col("first.device_id").alias("planned_device_id"),
            F.col("first.shelf_id").alias("planned_shelf_id"),
            F.col("first.zone_id").alias("planned_zone_id"),
        )
    )


def _tags(tag_stays: DataFrame, deliveries: DataFrame, devices: DataFrame) -> DataFrame:
    """Each tag of a day that is no ghost, with its product and where it is at home."""
    tags = (
        tag_stays.groupBy(*_DEVICE, "epc", "item")
        .agg(F.sum("reads").alias("reads"), F.max("zone_id").alias("zone_id"))
        .where("reads > 1")
    )
    item = F.regexp_extract("epc", r"^(.*)\.[^.]*$", 1)
    noted = (
        deliveries.select(
            "shop_id",
            F.to_date("delivered_at").alias("day_on"),
            "product_id",
            F.explode("epcs").alias("epc"),
        )
        .groupBy(*_DAY, item.alias("item"))
        .agg(F.min("product_id").alias("noted_id"))
    )
    most = F.max(F.struct("count", "device_id"))["device_id"].alias("device_id")
    kin = tags.groupBy(*_DAY, "item", "device_id").agg(F.count("*").alias("count"))
    named = devices.groupBy(*_DEVICE).agg(F.min("product_id").alias("named_id"))
    labelled = (
        kin.groupBy(*_DAY, "item")
        .agg(most)
        .join(named, on=list(_DEVICE), how="inner")
        .select(*_DAY, "item", "named_id")
    )
    return (
        tags.join(noted, on=[*_DAY, "item"], how="left")
        .join(labelled, on=[*_DAY, "item"], how="left")
        .withColumn("product_id", F.coalesce("noted_id", "named_id"))
        .where("product_id IS NOT NULL")
    )


def _by_tags(tags: DataFrame, devices: DataFrame) -> DataFrame:
    own = devices.select(*_PRODUCT, "device_id").withColumn("is_own", F.lit(True))
    counted = tags.join(own, on=[*_PRODUCT, "device_id"], how="left")
    stray = F.when(F.col("is_own").isNull(), F.col("epc"))
    at_device = counted.groupBy(*_PRODUCT, "device_id").agg(
        F.count("*").alias("tags_there"),
        F.max("zone_id").alias("zone_id"),
        F.collect_list(stray).alias("strays"),
    )
    return at_device.groupBy(*_PRODUCT).agg(
        F.max(F.struct("tags_there", "device_id", "zone_id")).alias("by_tags"),
        F.sum("tags_there").alias("tags"),
        F.array_sort(F.flatten(F.collect_list("strays"))).alias("misplaced_epcs"),
    )


def _by_weight(devices: DataFrame, sales: DataFrame) -> DataFrame:
    """The scale of a product, where goods were sold or went from it: as far as these agree."""
    sold = (
        sales.where("quantity > 0")
        .groupBy("shop_id", F.to_date("paid_at").alias("day_on"), "product_id")
        .agg(F.sum("quantity").alias("sold"))
    )
    went, paid = F.col("departed_units"), F.coalesce("sold", F.lit(0))
    share = F.least(went, paid) / F.nullif(F.greatest(went, paid), F.lit(0))
    return (
        devices.where("counted_by = 'weight'")
        .join(sold, on=list(_PRODUCT), how="left")
        .withColumn("share", share)
        .where("share > 0")
        .groupBy(*_PRODUCT)
        .agg(F.max(F.struct("share", "device_id", "zone_id")).alias("by_weight"))
    )


def _seen(detections: DataFrame) -> DataFrame:
    return (
        detections.where(f"label = 'misplaced' AND confidence > {_LIKELY}")
        .groupBy(
            "shop_id",
            F.to_date("detected_at").alias("day_on"),
            F.col("zone_id").alias("planned_zone_id"),
        )
        .agg(F.count("*").alias("misplaced_detections"))
    )


def _at_least(right: str, of: str) -> Column:
    """The lower bound of Wilson's interval of a share."""
    count, share = F.col(of), F.col(right) / F.col(of)
    spread = _Z * F.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return (share + _Z**2 / (2 * count) - spread) / (1 + _Z**2 / count)
