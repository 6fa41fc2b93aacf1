"""silver.rfid_reads: each tag read, with the zone of the antenna."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables

_TABLE = tables.by_name("silver.rfid_reads")


def build(events: DataFrame, devices: DataFrame) -> DataFrame:
    """Type and place every read; drop none.

    Takes   events   bronze.events
            devices  silver.devices
    Gives   silver.rfid_reads
    """
    return (
        rows.payloads(events, "rfid_reads")
        .select(
            "event_id",
            "shop_id",
            "device_id",
            F.col("emitted_at").alias("read_at"),
            F.col("said.antenna").alias("antenna"),
            F.col("said.epc").alias("epc"),
            F.col("said.rssi_dbm").try_cast("int").alias("rssi_dbm"),
            *rows.ARRIVAL,
        )
        .transform(rows.placed, devices, at="read_at")
        .select(
            "shop_id",
            "read_at",
            "event_id",
            "device_id",
            "zone_id",
            "antenna",
            "epc",
            "rssi_dbm",
            rows.is_late("read_at", _TABLE.lateness),
            *rows.ARRIVAL,
        )
    )
