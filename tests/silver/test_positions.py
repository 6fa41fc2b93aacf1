"""silver.positions: fixes typed, swapped coordinates told apart from a far journey and a jump."""

from datetime import UTC, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse.silver import positions
from tests.silver.conftest import ARRIVED, FROM

FIXED = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
EARLY = FIXED - timedelta(hours=6)
BEFORE = FROM - timedelta(seconds=1)

# Case -> shop, instant, latitude and longitude as sent; whether they are swapped. S1 is in Denver.
CASES = {
    "at the shop": ("S1", FIXED, 39.74, -104.98, False),
    "a jump of 20 km": ("S1", FIXED, 39.9, -104.8, False),
    "swapped": ("S1", FIXED, -104.98, 39.74, True),
    "swapped, and a degree off": ("S1", FIXED, -105.9, 40.6, True),
    "on a journey": ("S1", FIXED, 52.5, 13.4, False),
    "swapped on a journey": ("S1", FIXED, 13.4, 52.5, False),
    "one of them is near": ("S1", FIXED, 39.74, 39.74, False),
    "where swapping changes little": ("S2", FIXED, 45.4, 44.9, False),
    "no longitude": ("S1", FIXED, 39.74, None, False),
    "a shop without a place": ("S3", FIXED, -104.98, 39.74, None),
    "an unknown shop": ("S4", FIXED, -104.98, 39.74, None),
    "no shop": (None, FIXED, -104.98, 39.74, None),
    "before the shop was known": ("S1", BEFORE, -104.98, 39.74, None),
}


@pytest.fixture(scope="module")
def build(events, frame):
    """Build the table from messages; S1 is in Denver, S2 where north and east are alike."""
    shops = frame(
        "silver.shops",
        {"shop_id": "S1", "latitude": 39.75, "longitude": -105.0, "valid_from": FROM},
        {"shop_id": "S2", "latitude": 45.0, "longitude": 45.0, "valid_from": FROM},
        {"shop_id": "S3", "valid_from": FROM},
    )
    return lambda *messages: positions.build(events("positions", *messages), shops)


def fix(shop, at, latitude, longitude, accuracy=8, **envelope):
    said = {"latitude": latitude, "longitude": longitude, "accuracy_m": accuracy}
    payload = {**said, "provider": "gps"}
    return {"shop_id": shop, "emitted_at": at, "payload": payload, **envelope}


def test_a_fix_is_typed_and_none_is_dropped(build, silver):
    actual = build(
        fix("S1", FIXED, "39.74", -104.98, "12.5", subject="p1", device_id="G1"),
        fix("S1", EARLY, 91, "NaN", "about", subject="p2"),
        {"shop_id": "S8", "emitted_at": FIXED, "payload": "[]"},
    )
    source = (ARRIVED, "object")
    expected = silver(
        "silver.positions",
        ("S1", FIXED, "e1", "p1", 39.74, -104.98, 12.5, "gps", False, *source, 1, False),
        ("S1", EARLY, "e2", "p2", 91.0, None, None, "gps", True, *source, 2, False),
        ("S8", FIXED, "e3", None, None, None, None, None, False, *source, 3, None),
        extra="is_swapped boolean",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_fix_is_swapped_where_it_is_near_its_shop_only_once_it_is_turned_round(build):
    found = build(*(fix(*case[:4], event_id=name) for name, case in CASES.items())).collect()
    assert {row.event_id: row.is_swapped for row in found} == {
        name: case[4] for name, case in CASES.items()
    }
