"""Stays in zones: each test is one sentence that must stay true."""

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.radio import dwelling

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def stays(spark):
    """Stays out of (zone, share) a second; None: nothing is heard then. Held 3 s, gap 10 s."""

    def of(*seconds):
        rows = []
        for second, heard in enumerate(seconds):
            if heard is not None:
                zone, share = heard
                at = NOON + timedelta(seconds=second)
                rows.append(("S1", "p1_a", at, zone, share, 2.0 + second))
                rows.append(("S1", "p1_a", at, "elsewhere", 1 - share, 2.0 + second))
        ddl = (
            "shop_id string, subject string, at timestamp, "
            "zone_id string, share double, error_m double"
        )
        found = dwelling.stays(spark.createDataFrame(rows, ddl), 3.0, 10.0).collect()
        return [
            (row.zone_id, *((at.astimezone(UTC) - NOON).total_seconds() for at in row[3:5]))
            for row in sorted(found, key=lambda row: row.entered_at)
        ]

    return of


def test_a_cell_is_in_the_zone_whose_outline_it_lies_within(spark):
    cells = spark.createDataFrame(
        [("S1", x_m, y_m) for x_m in (0.5, 2.5, 4.5) for y_m in (0.5, 2.5)] + [("S2", 0.5, 0.5)],
        "shop_id string, x_m double, y_m double",
    )
    corner = [[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [1.0, 1.0], [1.0, 4.0], [0.0, 4.0]]
    square = [[2.0, 2.0], [2.0, 3.0], [3.0, 3.0], [3.0, 2.0]]
    zones = spark.createDataFrame(
        [("S1", "corner", corner), ("S1", "square", square), ("S2", "far", square)],
        "shop_id string, zone_id string, polygon array<array<double>>",
    )
    found = {tuple(row[:3]): row.zone_id for row in dwelling.zoned(cells, zones).collect()}
    assert found == {
        ("S1", 0.5, 0.5): "corner",
        ("S1", 0.5, 2.5): "corner",
        ("S1", 2.5, 0.5): "corner",
        ("S1", 2.5, 2.5): "square",
        ("S1", 4.5, 0.5): None,
        ("S1", 4.5, 2.5): None,
        ("S2", 0.5, 0.5): None,
    }


def test_standing_at_a_border_is_one_stay(stays):
    here, there = ("aisle", 0.9), ("dairy", 0.55)  # likelier, but not surely
    assert stays(here, *[there, here] * 6, there, there, there, there, here) == [("aisle", 0, 17)]


def test_a_sure_zone_that_is_not_held_is_passed_through(stays):
    here, there = ("aisle", 0.9), ("dairy", 0.9)
    assert stays(*[here] * 5, there, there, *[here] * 5) == [("aisle", 0, 11)]


def test_a_zone_that_is_held_is_a_stay_of_its_own_from_its_first_instant(stays):
    here, there = ("aisle", 0.9), ("dairy", 0.9)
    assert stays(*[here] * 5, *[there] * 6, *[here] * 4) == [
        ("aisle", 0, 4),
        ("dairy", 5, 10),
        ("aisle", 11, 14),
    ]


def test_who_is_not_heard_for_longer_than_the_gap_comes_again(stays):
    here = ("aisle", 0.9)
    assert stays(*[here] * 4, *[None] * 9, *[here] * 4) == [("aisle", 0, 16)]
    assert stays(*[here] * 4, *[None] * 11, *[here] * 4) == [("aisle", 0, 3), ("aisle", 15, 18)]


def test_who_is_nowhere_surely_has_no_stay(stays):
    assert stays(*[("aisle", 0.55)] * 9) == []


def test_dwell_and_error_are_of_the_stay(spark):
    rows = [
        ("S1", "p1_a", NOON + timedelta(seconds=4 * step), "aisle", 0.8, error_m)
        for step, error_m in enumerate((2.0, 3.0, 7.0))
    ]
    ddl = (
        "shop_id string, subject string, at timestamp, zone_id string, share double, error_m double"
    )
    [row] = dwelling.stays(spark.createDataFrame(rows, ddl), 3.0, 10.0).collect()
    assert (row.shop_id, row.subject, row.dwell_s, row.error_m) == ("S1", "p1_a", 8.0, 4.0)
