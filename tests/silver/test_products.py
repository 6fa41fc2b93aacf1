"""silver.products: every message typed, none dropped."""

from chispa import assert_df_equality

from lakehouse.silver import products
from tests.silver.conftest import ARRIVED, FROM


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    actual = products.build(
        events(
            "products",
            {
                "payload": {
                    "product_id": "P1",
                    "department": "GROCERY",
                    "category": "MILK",
                    "product_type": "whole, 1 gal",
                    "brand": "National",
                    "list_price_cents": "299",
                    "unit_weight_g": 3900.5,
                    "effective_at": "2026-02-01T00:00:00Z",
                }
            },
            {"payload": {"product_id": "P2", "list_price_cents": "2.99", "unit_weight_g": "heavy"}},
        )
    )
    expected = silver(
        "silver.products",
        (
            "P1",
            "GROCERY",
            "MILK",
            "whole, 1 gal",
            "National",
            299,
            3900.5,
            FROM,
            "e1",
            ARRIVED,
            "object",
            1,
        ),
        ("P2", None, None, None, None, None, None, None, "e2", ARRIVED, "object", 2),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
