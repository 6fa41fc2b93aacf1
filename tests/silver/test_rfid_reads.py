"""silver.rfid_reads: typed and placed where the antenna stood."""

from datetime import UTC, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.silver import rfid_reads
from tests.silver.conftest import ARRIVED, FROM

MOVED = datetime(2026, 3, 1, 9, tzinfo=UTC)
BEFORE = MOVED - timedelta(hours=4)


def test_a_read_is_typed_and_placed_and_none_is_dropped(events, frame, silver):
    def read(at, device, epc, antenna, rssi):
        said = {"epc": epc, "antenna": antenna, "rssi_dbm": rssi}
        return {"shop_id": "S1", "device_id": device, "emitted_at": at, "payload": said}

    messages = events(
        "rfid_reads",
        read(MOVED, "A1", "urn:1", "1", "-55"),
        read(BEFORE, "A1", "urn:2", "2", -56),
        read(MOVED, "A9", "urn:3", "3", "weak"),
    )
    devices = frame(
        "silver.devices",
        {
            "device_id": "A1",
            "shop_id": "S2",
            "zone_id": "Z1",
            "valid_from": FROM,
            "valid_to": MOVED,
        },
        {"device_id": "A1", "shop_id": "S3", "zone_id": "Z2", "valid_from": MOVED},
    )
    expected = silver(
        "silver.rfid_reads",
        ("S3", MOVED, "e1", "A1", "Z2", "1", "urn:1", -55, False, ARRIVED, "object", 1),
        ("S2", BEFORE, "e2", "A1", "Z1", "2", "urn:2", -56, True, ARRIVED, "object", 2),
        ("S1", MOVED, "e3", "A9", None, "3", "urn:3", None, False, ARRIVED, "object", 3),
    )
    actual = rfid_reads.build(messages, devices)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
