"""silver.zones: every message typed, none dropped."""

from chispa import assert_df_equality

from lakehouse.silver import zones
from tests.silver.conftest import ARRIVED, FROM


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    actual = zones.build(
        events(
            "zones",
            {
                "payload": {
                    "zone_id": "Z1",
                    "shop_id": "S1",
                    "kind": "chilled",
                    "polygon": [["0", 1.5], [2, "3"]],
                    "effective_at": "2026-02-01T00:00:00Z",
                }
            },
            {
                "payload": {
                    "zone_id": "Z2",
                    "shop_id": "S2",
                    "kind": "aisle",
                    "polygon": "a square",
                    "effective_at": "2026-02-30T00:00:00Z",
                }
            },
            {"payload": {"zone_id": "Z3", "polygon": [["left", "1"]]}},
        )
    )
    expected = silver(
        "silver.zones",
        ("Z1", "S1", "chilled", [[0.0, 1.5], [2.0, 3.0]], FROM, "e1", ARRIVED, "object", 1),
        ("Z2", "S2", "aisle", None, None, "e2", ARRIVED, "object", 2),
        ("Z3", None, None, None, None, "e3", ARRIVED, "object", 3),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
