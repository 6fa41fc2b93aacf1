"""silver.calibrations: every message typed, none dropped."""

from chispa import assert_df_equality

from lakehouse.silver import calibrations
from tests.silver.conftest import ARRIVED, FROM


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    actual = calibrations.build(
        events(
            "calibrations",
            {
                "device_id": "the sender",
                "payload": {
                    "device_id": "T1",
                    "scale": "1.02",
                    "offset": -0.5,
                    "valid_from": "2026-02-01T00:00:00Z",
                    "effective_at": "2026-01-01T00:00:00Z",
                },
            },
            {"payload": {"device_id": "T2", "scale": "twice", "offset": "", "valid_from": "00:00"}},
        )
    )
    expected = silver(
        "silver.calibrations",
        ("T1", 1.02, -0.5, FROM, "e1", ARRIVED, "object", 1),
        ("T2", None, None, None, "e2", ARRIVED, "object", 2),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
