"""silver.planogram: every message typed, none dropped."""

from chispa import assert_df_equality

from lakehouse.silver import planogram
from tests.silver.conftest import ARRIVED, FROM


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    def stands(shop, shelf, product, facings, effective_at):
        said = {"shelf_id": shelf, "product_id": product, "facings": facings}
        return {"shop_id": shop, "payload": {**said, "effective_at": effective_at}}

    actual = planogram.build(
        events(
            "planogram",
            stands("S1", "H1", "P1", "3", "2026-02-01T00:00:00Z"),
            stands("S2", "H2", "P2", "wide", "soon"),
        )
    )
    expected = silver(
        "silver.planogram",
        ("H1", "P1", "S1", 3, FROM, "e1", ARRIVED, "object", 1),
        ("H2", "P2", "S2", None, None, "e2", ARRIVED, "object", 2),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
