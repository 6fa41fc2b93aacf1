"""silver.app_events: every event typed, none dropped."""

from datetime import UTC, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.silver import app_events
from tests.silver.conftest import ARRIVED

DONE = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
YESTERDAY = DONE - timedelta(hours=24)
DAYS_AGO = DONE - timedelta(hours=30)


def test_an_event_is_typed_and_only_one_older_than_a_day_is_late(events, silver):
    def did(kind, at, **more):
        said = {"kind": kind, "product_id": None, "offer_id": None, "variant": None} | more
        envelope = {"shop_id": "S1", "subject": f"p of {kind}", "device_id": "G1"}
        return {**envelope, "emitted_at": at, "payload": said}

    actual = app_events.build(
        events(
            "app_events",
            did("scan", DONE, product_id="P1"),
            did("offer_used", YESTERDAY, offer_id="O1", variant="B"),
            did("consent_withdrawn", DAYS_AGO),
            {"emitted_at": DONE, "payload": '{"kind": ["scan"]'},
        )
    )
    source = (ARRIVED, "object")
    nothing = (None, None, None)
    expected = silver(
        "silver.app_events",
        ("S1", DONE, "e1", "p of scan", "scan", "P1", None, None, False, *source, 1),
        (
            "S1",
            YESTERDAY,
            "e2",
            "p of offer_used",
            "offer_used",
            None,
            "O1",
            "B",
            False,
            *source,
            2,
        ),
        (
            *("S1", DAYS_AGO, "e3", "p of consent_withdrawn", "consent_withdrawn"),
            *(*nothing, True, *source, 3),
        ),
        (None, DONE, "e4", None, None, *nothing, False, *source, 4),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
