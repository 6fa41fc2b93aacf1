"""silver.customers: every message typed, none dropped."""

from chispa import assert_df_equality

from lakehouse.silver import customers
from tests.silver.conftest import ARRIVED, FROM


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    actual = customers.build(
        events(
            "customers",
            {
                "subject": "p1",
                "payload": {
                    "consents": ["analytics", "personalisation"],
                    "contact_preference": "app",
                    "age_band": "25-34",
                    "household_size": "5+",
                    "effective_at": "2026-02-01T00:00:00Z",
                },
            },
            {"payload": {"consents": "all", "effective_at": ""}},
        )
    )
    expected = silver(
        "silver.customers",
        (
            "p1",
            ["analytics", "personalisation"],
            "app",
            "25-34",
            "5+",
            FROM,
            "e1",
            ARRIVED,
            "object",
            1,
        ),
        (None, None, None, None, None, None, "e2", ARRIVED, "object", 2),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
