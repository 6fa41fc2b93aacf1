"""gold.exposures: an offer shown once, with the form it was shown in and whether it was used."""

from datetime import UTC, datetime

from chispa import assert_df_equality

from lakehouse.gold import exposures

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour, minute=0):
    return datetime(2026, 3, 4, hour, minute, tzinfo=UTC)


def event(name, kind, happened_at, variant="A", *, subject="p1", offer="o1", shop="S1"):
    known = {"event_id": name, "kind": kind, "happened_at": happened_at, "subject": subject}
    return known | {"variant": variant, "offer_id": offer, "shop_id": shop}


def shown(name, shown_at, variant, nth, used_at=None, *, offer="o1", shop="S1"):
    known = {"subject": "p1", "exposure_id": name, "shown_at": shown_at, "variant": variant}
    found = {"nth": nth, "used_at": used_at, "is_used": used_at is not None}
    return known | found | {"offer_id": offer, "shop_id": shop}


def test_a_use_is_of_the_last_showing_of_its_form_and_counts_once(frame):
    events = frame(
        "silver.app_events",
        event("u0", "offer_used", at(8)),  # never shown
        event("s1", "offer_shown", at(9)),
        event("s2", "offer_shown", at(10), "B"),
        event("s3", "offer_shown", at(11)),
        event("u3", "offer_used", at(11), shop="S2"),
        event("u4", "offer_used", at(12)),
        event("u2", "offer_used", at(13), "B"),
        event("x1", "offer_shown", at(9, 30), offer="o2", shop="S3"),
        event("x2", "scan", at(9, 40), offer=None, variant=None),
        event("y1", "offer_shown", at(9), subject="p2"),
        event("y2", "offer_shown", at(9), subject="p3"),
        event("w", "consent_withdrawn", at(14), None, offer=None),
        event("s5", "offer_shown", at(15)),  # after that
    )
    agreed = {"consents": ["analytics"], "valid_from": LONG_AGO}
    customers = frame(
        "silver.customers",
        {"subject": "p1"} | agreed,
        {"subject": "p2"} | agreed | {"consents": ["marketing"]},
    )
    expected = frame(
        "gold.exposures",
        shown("s1", at(9), "A", 1),
        shown("s2", at(10), "B", 2, at(13)),
        shown("s3", at(11), "A", 3, at(11)),
        shown("x1", at(9, 30), "A", 1, offer="o2", shop="S3"),
    ).drop("batch_id")
    actual = exposures.build(events, customers)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
