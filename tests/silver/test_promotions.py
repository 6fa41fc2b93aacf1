"""silver.promotions: every message typed, none dropped."""

from datetime import UTC, datetime

from chispa import assert_df_equality

from lakehouse.silver import promotions
from tests.silver.conftest import ARRIVED, FROM

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
END = datetime(2026, 3, 5, 6, tzinfo=UTC)


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    def planned(product, price, priority, starts_at, ends_at):
        said = {"promotion_id": f"of {product}", "product_id": product, "price_cents": price}
        said |= {"priority": priority, "starts_at": starts_at, "ends_at": ends_at}
        return {"shop_id": "S1", "payload": {**said, "effective_at": "2026-02-01T00:00:00Z"}}

    actual = promotions.build(
        events(
            "promotions",
            planned("P1", "199", 4, "2026-03-02T06:00:00Z", "2026-03-05T06:00:00Z"),
            planned("P2", "cheap", "high", "monday", "friday"),
        )
    )
    source = (ARRIVED, "object")
    expected = silver(
        "silver.promotions",
        ("of P1", "S1", "P1", 199, 4, START, END, FROM, "e1", *source, 1),
        ("of P2", "S1", "P2", None, None, None, None, FROM, "e2", *source, 2),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
