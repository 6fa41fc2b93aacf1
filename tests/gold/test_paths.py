"""gold.paths: each test is one sentence that must stay true."""

from datetime import UTC, date, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse.gold import paths

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = date(2026, 3, 4)
DDL = (
    "shop_id string, day_on date, from_zone_id string, to_zone_id string, moves bigint, "
    "visitors bigint, stayed_mean_s double, without_receipt bigint"
)


def stay(subject, zone, first, last):
    """Minutes since noon."""
    entered, left = (NOON + timedelta(minutes=minute) for minute in (first, last))
    of = {"shop_id": "S1", "day_on": DAY, "subject": subject, "zone_id": zone}
    return of | {"entered_at": entered, "left_at": left, "dwell_s": (last - first) * 60}


def receipt(subject, minute, quantity=1):
    paid_at = NOON + timedelta(minutes=minute)
    return {"shop_id": "S1", "subject": subject, "paid_at": paid_at, "quantity": quantity}


@pytest.fixture
def expect(frame, spark):
    """What stays and receipts must give."""

    def of(stays, receipts, *rows):
        built = paths.build(frame("gold.visits", *stays), frame("silver.sales", *receipts))
        expected = spark.createDataFrame([("S1", DAY, *row) for row in rows], DDL)
        assert_df_equality(
            built, expected, ignore_row_order=True, ignore_nullable=True, ignore_column_order=False
        )

    return of


def test_ways_are_counted_with_who_went_them_and_how_long_they_had_stayed(expect):
    expect(
        [
            stay("p1_a", "Z1", 0, 2),
            stay("p1_a", "Z2", 3, 10),
            stay("p1_a", "Z1", 11, 15),
            stay("p1_b", "Z1", 0, 5),
            stay("p1_b", "Z2", 6, 9),
        ],
        [receipt("p1_a", 14), receipt("p1_b", 9)],
        ("outside", "Z1", 2, 2, None, None),
        ("Z1", "Z2", 2, 2, 210.0, None),
        ("Z2", "Z1", 1, 1, 420.0, None),
        ("Z1", "outside", 1, 1, 240.0, 0),
        ("Z2", "outside", 1, 1, 180.0, 0),
    )


def test_who_is_away_for_more_than_ten_minutes_has_left_and_come_again(expect):
    expect(
        [stay("p1_a", "Z1", 0, 2), stay("p1_a", "Z2", 30, 34)],
        [receipt("p1_a", 2)],
        ("outside", "Z1", 1, 1, None, None),
        ("Z1", "outside", 1, 1, 120.0, 0),
        ("outside", "Z2", 1, 1, None, None),
        ("Z2", "outside", 1, 1, 240.0, 1),
    )


def test_a_receipt_counts_until_ten_minutes_after_and_what_was_brought_back_does_not(expect):
    expect(
        [stay("p1_a", "Z1", 0, 2), stay("p1_b", "Z1", 0, 4), stay("p1_c", "Z1", 0, 6)],
        [receipt("p1_a", 12), receipt("p1_b", 15), receipt("p1_c", 5, quantity=-1)],
        ("outside", "Z1", 3, 3, None, None),
        ("Z1", "outside", 3, 3, 240.0, 2),
    )
