"""gold.products: the range of goods as it is now."""

from datetime import UTC, datetime

from chispa import assert_df_equality

from lakehouse.gold import products

JANUARY, MARCH = datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 3, 1, tzinfo=UTC)


def test_a_product_is_its_version_in_force(frame):
    now = {
        "product_id": "P1",
        "department": "GROCERY",
        "category": "MILK",
        "product_type": "whole",
        "brand": "National",
        "list_price_cents": 299,
        "unit_weight_g": 3900.5,
    }
    versions = frame(
        "silver.products",
        {**now, "brand": "Private", "valid_from": JANUARY, "valid_to": MARCH},
        {**now, "valid_from": MARCH},
        {"product_id": "P2", "valid_from": JANUARY, "valid_to": MARCH},
    )
    expected = frame("gold.products", now).drop("batch_id")
    assert_df_equality(products.build(versions), expected, ignore_nullable=True)
