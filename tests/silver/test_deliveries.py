"""silver.deliveries: every note typed, none dropped."""

from datetime import UTC, datetime

from chispa import assert_df_equality

from lakehouse.silver import deliveries
from tests.silver.conftest import ARRIVED

CAME = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAYS_AGO = datetime(2026, 2, 26, 6, tzinfo=UTC)


def test_a_note_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    def note(product, quantity, delivered_at, epcs):
        said = {"product_id": product, "quantity": quantity, "delivered_at": delivered_at}
        return {"shop_id": "S1", "payload": {**said, "epcs": epcs}}

    messages = events(
        "deliveries",
        note("P1", "12", "2026-03-01T06:00:00Z", ["urn:1", "urn:2"]),
        note("P2", 3, "2026-02-26T06:00:00Z", []),
        note("P3", "some", "this morning", None),
    )
    source = (ARRIVED, "object")
    expected = silver(
        "silver.deliveries",
        ("S1", CAME, "e1", "P1", 12, ["urn:1", "urn:2"], False, *source, 1),
        ("S1", DAYS_AGO, "e2", "P2", 3, [], True, *source, 2),
        ("S1", None, "e3", "P3", None, None, False, *source, 3),
    )
    actual = deliveries.build(messages)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
