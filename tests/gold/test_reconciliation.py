"""gold.reconciliation: tills, shelves, labels and notes beside each other, a product and day."""

from datetime import UTC, date, datetime

import pytest
from chispa import assert_df_equality

from lakehouse.gold import reconciliation

DAY = date(2026, 3, 4)


def at(hour, minute=0):
    return datetime(2026, 3, 4, hour, minute, tzinfo=UTC)


def shelf(hour, units, *, arrived=0, departed=0, unsure=0, device="A1", product="P1"):
    of = {"shop_id": "S1", "day_on": DAY, "product_id": product, "device_id": device}
    interval = {"units_low": units, "units_high": units + unsure}
    moved = {"arrived_units": arrived, "departed_units": departed}
    return of | {"hour_at": at(hour), "units": units} | interval | moved


def label(hour, *findings, device="L1", difference=None):
    of = {"shop_id": "S1", "day_on": DAY, "product_id": "P1", "device_id": device}
    found = {"till_difference_cents": difference, "findings": list(findings)}
    return of | {"hour_at": at(hour)} | found


def sold(paid_at, quantity, product="P1"):
    return {"shop_id": "S1", "paid_at": paid_at, "product_id": product, "quantity": quantity}


def noted(delivered_at, quantity, *epcs):
    of = {"shop_id": "S1", "delivered_at": delivered_at, "product_id": "P1"}
    return of | {"quantity": quantity, "epcs": list(epcs)}


@pytest.fixture
def table(frame):
    def of(*, shelves=(), labels=(), sales=(), deliveries=()):
        return reconciliation.build(
            frame("gold.shelf_stock", *shelves),
            frame("gold.price_checks", *labels),
            frame("silver.sales", *sales),
            frame("silver.deliveries", *deliveries),
        )

    return of


@pytest.fixture
def findings(table):
    def of(**given):
        [row] = table(**given).collect()
        return row.findings

    return of


def test_a_day_of_a_product_is_one_row_of_the_declared_columns(table, frame):
    actual = table(
        shelves=[
            shelf(6, 10, arrived=10, unsure=1),  # the first hour only opens
            shelf(7, 14, arrived=5, departed=1, unsure=7),
            shelf(9, 8, departed=6, unsure=2),
            shelf(7, 3, device="A2", unsure=4),
        ],
        labels=[
            label(7, "label_differs", "till_differs", difference=-30),
            label(7, device="L2", difference=-30),
            label(8),
        ],
        sales=[
            sold(at(6, 30), 100),
            sold(at(7, 30), 4),
            sold(at(9, 59), 1),
            sold(at(9), -3),
            sold(at(10), 100),
            sold(at(8), 100, "P2"),
        ],
        deliveries=[noted(at(7, 10), 8, "a.1", "a.2"), noted(at(8), 9), noted(at(5), 100)],
    )
    expected = frame(
        "gold.reconciliation",
        {
            "shop_id": "S1",
            "day_on": DAY,
            "product_id": "P1",
            "opening_units": 13,
            "closing_units": 11,
            "arrived_units": 5,
            "departed_units": 7,
            "unsure_units": 1 + 2 + 4 + 4,
            "sold_units": 5,
            "returned_units": 3,
            "noted_units": 17,
            "untagged_units": 6,
            "unpaid_units": 2,
            "unnoted_units": -12,
            "label_hours": 3,
            "wrong_label_hours": 1,
            "till_difference_cents": -30,
            "findings": ["delivery_short", "label_differs", "till_differs"],
        },
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_nullable=True)


@pytest.mark.parametrize(
    ("departed", "sold_units", "unsure", "expected"),
    [
        (3, 0, 0, ["shrinkage_suspected"]),
        (2, 0, 0, []),  # on their way to the till
        (3, 0, 1, []),
        (0, 3, 0, ["sold_not_departed"]),
        (54, 50, 0, []),  # within a tenth of what was sold
        (56, 50, 0, ["shrinkage_suspected"]),
    ],
)
def test_what_went_without_being_paid_is_suspected_beyond_what_the_count_may_be_off_by(
    findings, departed, sold_units, unsure, expected
):
    shelves = [shelf(7, 60), shelf(8, 60 - departed, departed=departed, unsure=unsure)]
    assert findings(shelves=shelves, sales=[sold(at(8, 1), sold_units)]) == expected


@pytest.mark.parametrize(
    ("arrived", "note", "expected"),
    [
        (9, noted(at(8), 12), ["delivery_short"]),
        (10, noted(at(8), 12), []),
        (12, noted(at(8), 13, *"abcdefghijkl"), ["delivery_short"]),  # a unit of it has no tag
        (12, noted(at(8), 12, *"abcdefghijkl"), []),
        (5, noted(at(8), 2), ["delivery_not_noted"]),
    ],
)
def test_a_delivery_is_held_against_what_arrived_and_against_its_tags(
    findings, arrived, note, expected
):
    shelves = [shelf(7, 1), shelf(8, 1 + arrived, arrived=arrived)]
    assert findings(shelves=shelves, deliveries=[note]) == expected


def test_a_product_whose_shelf_is_not_heard_is_reconciled_by_its_label_alone(table):
    [row] = table(labels=[label(7, "label_differs")], sales=[sold(at(3), 2)]).collect()
    assert (row.departed_units, row.unpaid_units, row.unnoted_units) == (None, None, None)
    assert (row.sold_units, row.findings) == (2, ["label_differs"])
