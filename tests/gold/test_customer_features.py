"""gold.customer_features: what was known of a subject at a date, and nothing of its future."""

from datetime import UTC, date, datetime

import pytest
from chispa import assert_df_equality

from lakehouse.gold import customer_features

MARCH, APRIL, MAY = (date(2017, month, 1) for month in (3, 4, 5))
LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)


def line(subject, basket, paid_at, *cells):
    own = {"subject": subject, "shop_id": "S1", "basket_id": basket}
    names = ("product_id", "amount_cents", "discount_cents")
    paid = {"paid_at": datetime(2017, *paid_at, tzinfo=UTC)}
    return own | paid | dict(zip(names, cells, strict=True))


SALES = (
    line("p1", "b1", (3, 17, 21, 59), "P1", 500, 25),  # Friday
    line("p1", "b1", (3, 17, 21, 59), "P2", 70, 0),
    line("p1", "b2", (3, 31, 23, 59), "P2", -90, 0),  # Friday evening, the last minute of March
    line("p1", "b3", (4, 1, 0, 0), "P1", 8, 1),  # Saturday night, the first of April
    line("p2", "b4", (4, 9, 6, 0), "P3", 0, 0),  # Sunday morning, given away
    line(None, "b5", (3, 17, 12, 0), "P1", 1000, 100),
)


@pytest.fixture(scope="module")
def build(frame):
    """Describe the subjects of some sales on the first of March, April and May."""
    products = frame(
        "silver.products",
        {"product_id": "P1", "department": "OLD", "valid_from": LONG_AGO, "valid_to": LONG_AGO},
        {"product_id": "P1", "department": "GROCERY", "valid_from": LONG_AGO},
        {"product_id": "P2", "department": "DELI", "valid_from": LONG_AGO},
    )
    calendar = frame("gold.calendar", {"month_on": MARCH}, {"month_on": APRIL})
    return lambda *sales: customer_features.build(frame("silver.sales", *sales), products, calendar)


def known(subject, on, *numbers, departments, since):
    names = ("recency_d", "baskets", "items", "net_revenue_cents", "discount_cents")
    names += ("discounted_items", "weekend_items", "evening_items")
    said = dict(zip(names, numbers, strict=True))
    own = {"subject": subject, "as_of_on": on, "departments": departments, "first_bought_on": since}
    return own | said


def test_only_what_was_paid_before_a_date_counts(build, frame):
    first = date(2017, 3, 17)
    expected = frame(
        "gold.customer_features",
        known(
            "p1",
            APRIL,
            1,
            2,
            3,
            480,
            25,
            1,
            0,
            1,
            departments=[("DELI", -20), ("GROCERY", 500)],
            since=first,
        ),
        known(
            "p1",
            MAY,
            30,
            3,
            4,
            488,
            26,
            2,
            1,
            2,
            departments=[("DELI", -20), ("GROCERY", 508)],
            since=first,
        ),
        known("p2", MAY, 22, 1, 1, 0, 0, 0, 1, 0, departments=[(None, 0)], since=date(2017, 4, 9)),
    ).drop("batch_id")
    assert_df_equality(build(*SALES), expected, ignore_row_order=True, ignore_nullable=True)


def test_what_comes_later_changes_nothing_that_was_known(build):
    before = [sale for sale in SALES if sale["paid_at"] < datetime(2017, 4, 1, tzinfo=UTC)]
    april = f"as_of_on = '{APRIL}'"
    known_then, known_now = build(*before).where(april), build(*SALES).where(april)
    assert_df_equality(known_now, known_then, ignore_row_order=True)
