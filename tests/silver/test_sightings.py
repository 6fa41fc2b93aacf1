"""silver.sightings: typed and placed where the fixed beacon stood."""

from datetime import UTC, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.silver import sightings
from tests.silver.conftest import ARRIVED, FROM

MOVED = datetime(2026, 3, 1, 9, tzinfo=UTC)
BEFORE = MOVED - timedelta(seconds=1)


def test_a_sighting_is_typed_and_placed_and_none_is_dropped(events, frame, silver):
    def heard(at, beacon, rssi, power, **envelope):
        said = {"heard_by": "app", "beacon_id": beacon, "rssi_dbm": rssi, "tx_power_dbm": power}
        return {"shop_id": "S1", "emitted_at": at, "payload": said, **envelope}

    messages = events(
        "beacon_sightings",
        heard(MOVED, "B1", "-71", -59, subject="p1", device_id="G1"),
        heard(BEFORE, "B1", "-72", "-58"),
        heard(MOVED, "B2", "-73", "loud"),
        heard(MOVED, "B1", "127", "-57"),
        heard(MOVED, "B1", "faint", None),
        heard(BEFORE - timedelta(hours=3), "B1", "-74", "-56"),
    )
    devices = frame(
        "silver.devices",
        {
            "device_id": "B1",
            "shop_id": "S2",
            "zone_id": "Z1",
            "valid_from": FROM,
            "valid_to": MOVED,
        },
        {"device_id": "B1", "shop_id": "S3", "zone_id": "Z2", "valid_from": MOVED},
        {"device_id": "G1", "shop_id": "S4", "zone_id": "Z4", "valid_from": FROM},
    )
    early = BEFORE - timedelta(hours=3)
    expected = silver(
        "silver.sightings",
        (
            "S3",
            MOVED,
            "e1",
            "p1",
            "app",
            "B1",
            "Z2",
            -71,
            -59,
            [],
            False,
            ARRIVED,
            "object",
            1,
            -71,
        ),
        (
            "S2",
            BEFORE,
            "e2",
            None,
            "app",
            "B1",
            "Z1",
            -72,
            -58,
            [],
            False,
            ARRIVED,
            "object",
            2,
            -72,
        ),
        (
            "S1",
            MOVED,
            "e3",
            None,
            "app",
            "B2",
            None,
            -73,
            None,
            [],
            False,
            ARRIVED,
            "object",
            3,
            -73,
        ),
        (
            "S3",
            MOVED,
            "e4",
            None,
            "app",
            "B1",
            "Z2",
            None,
            -57,
            ["rssi_sentinel"],
            False,
            ARRIVED,
            "object",
            4,
            127,
        ),
        (
            "S3",
            MOVED,
            "e5",
            None,
            "app",
            "B1",
            "Z2",
            None,
            None,
            [],
            False,
            ARRIVED,
            "object",
            5,
            None,
        ),
        ("S2", early, "e6", None, "app", "B1", "Z1", -74, -56, [], True, ARRIVED, "object", 6, -74),
        extra="rssi_as_sent int",
    )
    actual = sightings.build(messages, devices)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
