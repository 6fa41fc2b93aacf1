"""silver that is worked out from silver: it has no feed, and is built where gold is built."""

from datetime import timedelta

from lakehouse.tables.schema import BUILD, Column, Table

TABLES = (
    Table(
        name="silver.device_faults",
        grain="one fault of one device, cut at midnight (UTC)",
        key=("shop_id", "day_on", "device_id", "fault", "from_at"),
        columns=(
            Column("shop_id", "string", "the shop it stood in"),
            Column("day_on", "date", "the UTC day that it is a part of", is_never_null=True),
            Column("device_id", "string", "the device", is_never_null=True),
            Column(
                "fault",
                "string",
                "gap, silent, dying_battery, low_battery, burst, wrong_clock, stuck, spike, drift, "
                "step, step_at_calibration: docs/quality.md says how each is found",
                is_never_null=True,
            ),
            Column("metric", "string", "the one that shows it most; null where none was heard"),
            Column(
                "from_at", "timestamp", "UTC, by a right clock; begins, or midnight", False, True
            ),
            Column("to_at", "timestamp", "UTC; ends, or midnight", is_never_null=True),
            Column(
                "evidence",
                "double",
                "readings lost or said again, share of them, seconds a clock is behind, or how far "
                "off in the unit of the metric",
            ),
            Column("score", "double", "evidence over what it takes: 1 is just enough"),
            BUILD,
        ),
        upstream=("silver.readings", "silver.devices", "silver.calibrations"),
        windows={"silver.readings": ("shop_id", "to_date(measured_at)")},
        reach=timedelta(hours=12),
        happened="from_at",
        retention=timedelta(days=730),
        clustered=("shop_id", "from_at"),
    ),
    Table(
        name="silver.tag_stays",
        grain="one tag at one shelf for a time, as a day and three hours around it (UTC) show it",
        key=("shop_id", "day_on", "device_id", "epc", "from_at"),
        columns=(
            Column("shop_id", "string", "the shop"),
            Column("day_on", "date", "the UTC day that it is seen on", is_never_null=True),
            Column(
                "device_id",
                "string",
                "the antenna it is at home at: where it is read most, and its kin are",
                is_never_null=True,
            ),
            Column("epc", "string", "the tag: a GS1 SGTIN as a URI", is_never_null=True),
            Column("from_at", "timestamp", "UTC; its first read", is_never_null=True),
            Column("to_at", "timestamp", "UTC; its last read", is_never_null=True),
            Column("zone_id", "string", "the zone the antenna stood in"),
            Column("item", "string", "the tag without its serial number: its product's"),
            Column("reads", "bigint", "reads, by whichever antenna", is_never_null=True),
            Column("stray_reads", "bigint", "of them by other antennas", is_never_null=True),
            Column(
                "read_rate",
                "double",
                "share of cycles in which the antenna read a tag that was there, on the day",
            ),
            Column("cycle_s", "int", "seconds between two cycles of the antenna"),
            Column("window_s", "int", "seconds after which a tag that is not read is gone"),
            BUILD,
        ),
        upstream=("silver.rfid_reads", "silver.devices"),
        windows={"silver.rfid_reads": ("shop_id", "to_date(read_at)")},
        reach=timedelta(hours=3),
        retention=timedelta(days=730),
        happened="from_at",
        clustered=("shop_id", "from_at"),
    ),
)
