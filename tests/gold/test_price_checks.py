"""gold.price_checks: label against till against what is due, hour by hour."""

from datetime import UTC, date, datetime

import pytest
from chispa import assert_df_equality

from lakehouse.gold import price_checks

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour, minute=0, second=0, day=4):
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def told(sent_at, price, promotion=None, *, answers=None, label="L1", product="P1"):
    """A price sent to a label, and its answer."""
    of = {"shop_id": "S1", "device_id": label, "product_id": product, "price_cents": price}
    of |= {"promotion_id": promotion, "valid_from": sent_at.replace(second=0)}
    sent = of | {"sent_at": sent_at, "event_id": f"{label}-{sent_at}", "is_acknowledged": False}
    answer = of | {"sent_at": answers, "event_id": f"{label}-{answers}", "is_acknowledged": True}
    return [sent, answer] if answers else [sent]


def sold(paid_at, quantity, cents, product="P1"):
    of = {"shop_id": "S1", "paid_at": paid_at, "product_id": product}
    return of | {"quantity": quantity, "amount_cents": cents}


def promotion(name, price, starts_at, ends_at, product="P1"):
    of = {"promotion_id": name, "shop_id": "S1", "product_id": product, "price_cents": price}
    return of | {"priority": 1, "starts_at": starts_at, "ends_at": ends_at, "valid_from": LONG_AGO}


@pytest.fixture
def checks(frame):
    """The table out of label messages, sales and promotions; P1 is listed at 200, P2 at 300."""

    def of(messages, sales=(), promotions=()):
        listed = {"P1": 200, "P2": 300}
        products = [
            {"product_id": name, "list_price_cents": price, "valid_from": LONG_AGO}
            for name, price in listed.items()
        ]
        return price_checks.build(
            frame("silver.prices", *messages),
            frame("silver.sales", *sales),
            frame("silver.promotions", *promotions),
            frame("silver.products", *products),
        )

    return of


def found(rows, label="L1"):
    """The findings of a label by day and hour, where there are any."""
    told = [row for row in rows.collect() if row.device_id == label and row.findings]
    return {(row.day_on.day, row.hour_at.astimezone(UTC).hour): row.findings for row in told}


def test_an_hour_says_what_is_listed_due_shown_and_paid(checks, frame):
    actual = checks(
        told(at(5, 0, 1), 200, answers=at(5, 0, 6))
        + told(at(7, 0, 2), 150, "a", answers=at(7, 0, 7)),
        [sold(at(7, 20), 2, 290), sold(at(7, 30), -1, -150), sold(at(7, 40), 1, 300, "P2")],
        [promotion("a", 150, at(7), at(9))],
    ).where("hour_at = TIMESTAMP '2026-03-04T07:00:00Z'")
    expected = frame(
        "gold.price_checks",
        {
            "shop_id": "S1",
            "day_on": date(2026, 3, 4),
            "product_id": "P1",
            "device_id": "L1",
            "hour_at": at(7),
            "list_price_cents": 200,
            "due_price_cents": 150,
            "due_promotion_id": "a",
            "label_price_cents": 150,
            "label_promotion_id": "a",
            "told_at": at(7, 0, 2),
            "acknowledged_at": at(7, 0, 7),
            "heard_at": at(7, 0, 7),
            "wrong_messages": 0,
            "sold_units": 2,
            "sold_cents": 290,
            "till_difference_cents": -10,
            "findings": ["till_differs"],
        },
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_a_label_that_shows_the_price_before_differs_until_it_is_told_again(checks):
    rows = checks(
        told(at(5, 0, 1), 200, answers=at(5, 0, 6))
        + told(at(7, 0, 2), 200, "a", answers=at(7, 0, 7))
        + told(at(9, 30), 150, "a", answers=at(9, 30, 5)),
        promotions=[promotion("a", 150, at(7), at(22))],
    )
    wrong = ["label_differs", "promotion_not_started"]
    assert found(rows) == {(4, 7): wrong, (4, 8): wrong}


def test_a_wrong_price_that_is_put_right_before_the_hour_ends_is_found_in_that_hour(checks):
    messages = (
        told(at(6, 50), 200, answers=at(6, 51))
        + told(at(7, 0, 2), 200, "a", answers=at(7, 0, 7))
        + told(at(7, 4), 150, "a", answers=at(7, 5))
    )
    rows = checks(messages, promotions=[promotion("a", 150, at(7), at(22))])
    assert found(rows) == {(4, 7): ["label_differs"]}
    [wrong] = rows.where("hour(hour_at) = 7").collect()
    assert (wrong.wrong_messages, wrong.label_price_cents) == (2, 150)


def test_a_price_that_a_label_is_told_before_it_holds_is_judged_when_it_holds(checks):
    early = told(at(5, 0, 1), 200, answers=at(5, 0, 6)) + told(at(6, 59), 150, "a")
    early[-1]["valid_from"] = at(7)
    rows = checks(early, promotions=[promotion("a", 150, at(7), at(22))])
    assert {row.wrong_messages for row in rows.collect()} == {0}


def test_a_price_that_a_label_does_not_acknowledge_is_found_after_five_minutes(checks):
    silent = told(at(5, 10), 200) + told(at(7, 58), 210) + told(at(8, 1), 210, answers=at(8, 2))
    rows = checks(silent)
    assert found(rows)[4, 5] == found(rows)[4, 6] == ["label_unacknowledged"]
    assert found(rows)[4, 7] == ["label_differs"]  # told two minutes ago
    assert found(rows)[4, 8] == ["label_differs"]


def test_a_promotion_that_a_label_did_not_acknowledge_has_not_surely_started(checks):
    messages = told(at(6, 0, 1), 200, answers=at(6, 0, 6)) + told(at(7, 0, 2), 150, "a")
    rows = checks(messages, promotions=[promotion("a", 150, at(7), at(22))])
    assert found(rows) == {(4, 7): ["label_unacknowledged", "promotion_not_started"]}


def test_a_day_goes_on_with_what_the_day_before_told_and_a_label_is_silent_after_twelve_hours(
    checks,
):
    kept = told(at(20, 30), 200, answers=at(20, 31))
    other = told(at(10, 5, day=5), 300, answers=at(10, 6, day=5), label="L2", product="P2")
    rows = checks(kept + other)
    assert found(rows) == {(5, hour): ["label_silent"] for hour in (8, 9, 10)}
    assert rows.where("device_id = 'L1'").count() == 4 + 11
