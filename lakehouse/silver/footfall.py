"""silver.footfall: each interval of a counter, with the zone it stood in."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables

_TABLE = tables.by_name("silver.footfall")


def build(events: DataFrame, devices: DataFrame) -> DataFrame:
    """Type and place every interval; drop none. A counter sends when its interval has ended.

    Takes   events   bronze.events
            devices  silver.devices
    Gives   silver.footfall
    """
    return (
        rows.payloads(events, "footfall")
        .select(
            "event_id",
            "shop_id",
            "device_id",
            F.col("emitted_at").alias("ended_at"),
            *(
                F.col(f"said.{name}").try_cast("int").alias(name)
                for name in ("entries", "exits", "interval_s")
            ),
            *rows.ARRIVAL,
        )
        .withColumn("began_at", F.expr("ended_at - make_dt_interval(0, 0, 0, interval_s)"))
        .transform(rows.placed, devices, at="ended_at")
        .select(
            "shop_id",
            "began_at",
            "ended_at",
            "event_id",
            "device_id",
            "zone_id",
            "entries",
            "exits",
            "interval_s",
            rows.is_late("began_at", _TABLE.lateness),
            *rows.ARRIVAL,
        )
    )
