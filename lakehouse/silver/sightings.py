"""silver.sightings: each Bluetooth advertisement heard, with the zone of its fixed end."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables
from lakehouse.faults import flags

_TABLE = tables.by_name("silver.sightings")


def build(events: DataFrame, devices: DataFrame) -> DataFrame:
    """Type and place every sighting; drop none.

    Takes   events   bronze.events
            devices  silver.devices
    Gives   silver.sightings, and for its rules
              rssi_as_sent  int  null where it is no number; 127 as it came
    """
    return (
        rows.payloads(events, "beacon_sightings")
        .select(
            "event_id",
            "shop_id",
            "subject",
            F.col("emitted_at").alias("heard_at"),
            F.col("said.heard_by").alias("heard_by"),
            F.col("said.beacon_id").alias("beacon_id"),
            F.col("said.rssi_dbm").try_cast("int").alias("rssi_as_sent"),
            F.col("said.tx_power_dbm").try_cast("int").alias("tx_power_dbm"),
            *rows.ARRIVAL,
        )
        .transform(
            rows.in_force,
            devices,
            by={"beacon_id": "device_id"},
            at="heard_at",
            gives={"shop_id": "_placed_shop", "zone_id": "zone_id"},
        )
        .select(
            F.coalesce("_placed_shop", "shop_id").alias("shop_id"),
            "heard_at",
            "event_id",
            "subject",
            "heard_by",
            "beacon_id",
            "zone_id",
            F.when(F.col("rssi_as_sent") != flags.NO_READING_DBM, F.col("rssi_as_sent")).alias(
                "rssi_dbm"
            ),
            "tx_power_dbm",
            flags.of_sighting(F.col("rssi_as_sent")),
            rows.is_late("heard_at", _TABLE.lateness),
            *rows.ARRIVAL,
            "rssi_as_sent",
        )
    )
