"""silver.sales: one row a receipt line, and one of nulls for a receipt without lines."""

from datetime import UTC, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.silver import sales
from tests.silver.conftest import ARRIVED, FROM

PAID = datetime(2026, 3, 1, 9, 15, tzinfo=UTC)
LONG_AGO = PAID - timedelta(hours=27)


def test_a_receipt_becomes_its_lines_and_none_is_dropped(events, frame, silver):
    def sold(product, quantity, amount, discount):
        names = ("product_id", "quantity", "amount_cents", "discount_cents")
        return dict(zip(names, (product, quantity, amount, discount), strict=True))

    def receipt(basket, paid_at, lines, **envelope):
        said = {"basket_id": basket, "till_id": "T1", "paid_at": paid_at, "lines": lines}
        return {"shop_id": "S1", "payload": said, "emitted_at": FROM, **envelope}

    two = [sold("P1", "2", "399", "101"), sold("P2", 3, -250, 0)]
    messages = events(
        "sales",
        receipt("b1", "2026-03-01T09:15:00Z", two, subject="p1", device_id="D1"),
        receipt("b2", "2026-03-01T09:15:00Z", []),
        receipt("b3", "2026-03-01T09:15:00Z", None),
        receipt("b4", "2026-03-01T09:15:00Z", "none"),
        receipt("b5", "at noon", [sold("P1", "two", "3.99", None)]),
        receipt("b6", "2026-02-28T06:15:00Z", [sold("P1", "1", "0", "5")]),
        receipt("b7", "2025-03-01T09:15:00Z", [sold("P1", "6", "7", "8")]),
    )
    products = frame(
        "silver.products",
        {"product_id": "P1", "valid_from": FROM, "valid_to": FROM + timedelta(days=1)},
        {"product_id": "P1", "valid_from": FROM + timedelta(days=1)},
    )
    source = (ARRIVED, "object")
    unread = (None,) * 4
    a_year_ago = datetime(2025, 3, 1, 9, 15, tzinfo=UTC)
    expected = silver(
        "silver.sales",
        ("S1", PAID, "e1", "b1", 1, "T1", "p1", "P1", 2, 399, 101, False, *source, 1, "P1"),
        ("S1", PAID, "e1", "b1", 2, "T1", "p1", "P2", 3, -250, 0, False, *source, 1, None),
        ("S1", PAID, "e2", "b2", None, "T1", None, *unread, False, *source, 2, None),
        ("S1", PAID, "e3", "b3", None, "T1", None, *unread, False, *source, 3, None),
        ("S1", PAID, "e4", "b4", None, "T1", None, *unread, False, *source, 4, None),
        ("S1", None, "e5", "b5", 1, "T1", None, "P1", None, None, None, False, *source, 5, None),
        ("S1", LONG_AGO, "e6", "b6", 1, "T1", None, "P1", 1, 0, 5, True, *source, 6, "P1"),
        ("S1", a_year_ago, "e7", "b7", 1, "T1", None, "P1", 6, 7, 8, True, *source, 7, None),
        extra="known_product_id string",
    )
    actual = sales.build(messages, products)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
