"""silver.prices: every message of a label typed, none dropped."""

from datetime import UTC, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.silver import prices
from tests.silver.conftest import ARRIVED, FROM

SENT = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
EARLY = SENT - timedelta(hours=9)


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    def told(at, price, stock, valid_from, acknowledged):
        said = {"product_id": "P1", "price_cents": price, "promotion_id": f"at {price}"}
        said |= {"stock_shown": stock, "valid_from": valid_from, "acknowledged": acknowledged}
        return {"shop_id": "S1", "device_id": "L1", "emitted_at": at, "payload": said}

    actual = prices.build(
        events(
            "shelf_labels",
            told(SENT, "199", 12, "2026-02-01T00:00:00Z", False),
            told(EARLY, 249, "few", "2026-02-01", "true"),
            told(SENT, "cheap", None, "now", "perhaps"),
        )
    )
    source = (ARRIVED, "object")
    label = ("L1", "P1")
    expected = silver(
        "silver.prices",
        ("S1", SENT, "e1", *label, 199, "at 199", 12, FROM, False, False, *source, 1, "12"),
        ("S1", EARLY, "e2", *label, 249, "at 249", None, FROM, True, True, *source, 2, "few"),
        ("S1", SENT, "e3", *label, None, "at cheap", None, None, None, False, *source, 3, None),
        extra="stock_as_sent string",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
