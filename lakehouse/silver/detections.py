"""silver.detections: what the cameras recognised, each with the zone that was seen."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables

_TABLE = tables.by_name("silver.detections")


def build(events: DataFrame, devices: DataFrame) -> DataFrame:
    """Type and place every inference; drop none. One of which the model is unsure is a value.

    Takes   events   bronze.events
            devices  silver.devices
    Gives   silver.detections, and for its rules
              known_device_id  string  null where the camera is not known at that instant
    """
    return (
        rows.payloads(events, "detections")
        .select(
            "event_id",
            "shop_id",
            "device_id",
            F.col("emitted_at").alias("detected_at"),
            "said",
            *rows.ARRIVAL,
        )
        .transform(
            rows.in_force,
            devices,
            by={"device_id": "device_id"},
            at="detected_at",
            gives={
                "device_id": "known_device_id",
                "shop_id": "_placed_shop",
                "zone_id": "_placed_zone",
            },
        )
        .select(
            F.coalesce("_placed_shop", "shop_id").alias("shop_id"),
            "detected_at",
            "event_id",
            "device_id",
            F.coalesce("said.zone_id", "_placed_zone").alias("zone_id"),
            F.col("said.label").alias("label"),
            F.col("said.count").try_cast("int").alias("count"),
            rows.finite(F.col("said.confidence")).alias("confidence"),
            F.col("said.model").alias("model"),
            F.col("said.model_version").alias("model_version"),
            rows.is_late("detected_at", _TABLE.lateness),
            *rows.ARRIVAL,
            "known_device_id",
        )
    )
