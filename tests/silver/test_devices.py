"""silver.devices: every message typed, none dropped."""

from chispa import assert_df_equality

from lakehouse.silver import devices
from tests.silver.conftest import ARRIVED, FROM


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    actual = devices.build(
        events(
            "devices",
            {
                "device_id": "the sender",
                "shop_id": "its shop",
                "payload": {
                    "device_id": "T1",
                    "shop_id": "S1",
                    "zone_id": "Z1",
                    "kind": "beacon",
                    "x_m": "1.5",
                    "y_m": 2,
                    "native_unit": "F",
                    "interval_s": "300",
                    "vendor": "V",
                    "firmware": "1.2",
                    "protocol": "BLE",
                    "gateway": "G1",
                    "effective_at": "2026-02-01T00:00:00Z",
                },
            },
            {"payload": {"device_id": "T2", "x_m": "left", "y_m": "", "interval_s": "often"}},
        )
    )
    expected = silver(
        "silver.devices",
        (
            "T1",
            "S1",
            "Z1",
            "beacon",
            1.5,
            2.0,
            "F",
            300.0,
            "V",
            "1.2",
            "BLE",
            "G1",
            FROM,
            "e1",
            ARRIVED,
            "object",
            1,
        ),
        (
            "T2",
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            "e2",
            ARRIVED,
            "object",
            2,
        ),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
