"""silver.shops: every message typed, none dropped."""

from chispa import assert_df_equality

from lakehouse.silver import shops
from tests.silver.conftest import ARRIVED, FROM


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    actual = shops.build(
        events(
            "shops",
            {
                "payload": {
                    "snapshot_id": "x",
                    "shop_id": "S1",
                    "time_zone": "America/Chicago",
                    "currency": "USD",
                    "latitude": "41.5",
                    "longitude": -87.25,
                    "floor_plan": "40 x 30",
                    "geofence": "POLYGON ((0 0, 0 1, 1 1, 0 0))",
                    "effective_at": "2026-02-01T01:00:00+01:00",
                }
            },
            {
                "payload": {
                    "shop_id": "S2",
                    "latitude": "north",
                    "longitude": "",
                    "effective_at": "soon",
                }
            },
        )
    )
    expected = silver(
        "silver.shops",
        (
            "S1",
            "America/Chicago",
            "USD",
            41.5,
            -87.25,
            "40 x 30",
            "POLYGON ((0 0, 0 1, 1 1, 0 0))",
            FROM,
            "e1",
            ARRIVED,
            "object",
            1,
        ),
        ("S2", None, None, None, None, None, None, None, "e2", ARRIVED, "object", 2),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
