"""silver.readings: typed, converted, calibrated and placed; no message is dropped."""

from datetime import UTC, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse.silver import readings
from tests.silver.conftest import ARRIVED, FROM

MOVED, NINE, TEN = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (8, 9, 10))
A_SECOND = timedelta(seconds=1)

# Case -> device, instant, metric, value and unit as sent; value, unit and zone as they become.
CASES = {
    "Fahrenheit": ("T2", TEN, "temperature", "41", "F", 5.0, "C", "Z9"),
    "a number": ("T2", TEN, "humidity", 0.5, "1", 50.0, "%", "Z9"),
    "an unknown unit": ("T2", TEN, "temperature", "9", "Réaumur", None, None, "Z9"),
    "another metric's unit": ("T2", TEN, "humidity", "9", "C", None, None, "Z9"),
    "no unit": ("T2", TEN, "temperature", "9", None, None, None, "Z9"),
    "an unknown metric": ("T2", TEN, "mood", "9", "C", None, None, "Z9"),
    "NaN": ("T2", TEN, "temperature", "NaN", "C", None, "C", "Z9"),
    "Infinity": ("T2", TEN, "temperature", "Infinity", "C", None, "C", "Z9"),
    "-inf": ("T2", TEN, "temperature", "-inf", "C", None, "C", "Z9"),
    "more than a double holds": ("T2", TEN, "temperature", "1e999", "C", None, "C", "Z9"),
    "words": ("T2", TEN, "temperature", "hot", "C", None, "C", "Z9"),
    "nothing": ("T2", TEN, "temperature", None, "C", None, "C", "Z9"),
    "before it was calibrated": ("T1", NINE - A_SECOND, "temperature", "50", "F", 10.0, "C", "Z2"),
    "calibrated": ("T1", NINE, "temperature", "50", "F", 21.0, "C", "Z2"),
    "before it was again": ("T1", TEN - A_SECOND, "temperature", "50", "F", 21.0, "C", "Z2"),
    "calibrated again": ("T1", TEN, "temperature", "50", "F", 29.0, "C", "Z2"),
    "before it moved": ("T1", MOVED - A_SECOND, "temperature", "50", "F", 10.0, "C", "Z1"),
    "before it was known": ("T1", FROM - A_SECOND, "temperature", "50", "F", 10.0, "C", None),
    "an unknown device": ("T3", TEN, "temperature", "50", "F", 10.0, "C", None),
    "no device": (None, TEN, "temperature", "50", "F", 10.0, "C", None),
}


@pytest.fixture(scope="module")
def build(events, frame):
    """Build the table from messages; T1 moved at 8 and was calibrated at 9 and 10."""
    devices = frame(
        "silver.devices",
        {
            "device_id": "T1",
            "shop_id": "S2",
            "zone_id": "Z1",
            "valid_from": FROM,
            "valid_to": MOVED,
        },
        {
            "device_id": "T1",
            "shop_id": "S2",
            "zone_id": "Z2",
            "kind": "fridge_thermometer",
            "valid_from": MOVED,
        },
        {"device_id": "T2", "shop_id": "S9", "zone_id": "Z9", "valid_from": FROM},
    )
    calibrations = frame(
        "silver.calibrations",
        {"device_id": "T1", "scale": 2.0, "offset": 1.0, "valid_from": NINE, "valid_to": TEN},
        {"device_id": "T1", "scale": 3.0, "offset": -1.0, "valid_from": TEN},
    )
    return lambda *messages: readings.build(events("readings", *messages), devices, calibrations)


@pytest.fixture(scope="module")
def became(build):
    """Case -> the row it became."""
    messages = [
        {
            "event_id": case,
            "device_id": device,
            "shop_id": "S1",
            "emitted_at": at,
            "payload": {"metric": metric, "value": value, "unit": unit},
        }
        for case, (device, at, metric, value, unit, *_) in CASES.items()
    ]
    rows = build(*messages).collect()
    assert len(rows) == len(CASES)
    return {row.event_id: row for row in rows}


@pytest.mark.parametrize("case", CASES)
def test_a_value_is_in_the_canonical_unit_calibrated_at_its_instant_or_null(became, case):
    *_, value, unit, zone = CASES[case]
    row = became[case]
    assert row.value == (None if value is None else pytest.approx(value))
    assert (row.unit, row.zone_id) == (unit, zone)


@pytest.mark.parametrize(
    ("case", "shop", "kind"),
    [
        ("calibrated", "S2", "fridge_thermometer"),
        ("an unknown device", "S1", None),
        ("before it was known", "S1", None),
    ],
)
def test_the_shop_is_that_of_the_device_and_else_that_of_the_message(became, case, shop, kind):
    assert (became[case].shop_id, became[case].device_kind) == (shop, kind)


def test_a_reading_has_every_column_in_its_place(build, silver):
    actual = build(
        {
            "event_id": "e7",
            "device_id": "T1",
            "shop_id": "S1",
            "subject": "p1",
            "emitted_at": NINE,
            "arrived_at": TEN + timedelta(hours=2, seconds=1),
            "payload": {"metric": "weight", "value": "500", "unit": "g"},
        }
    )
    late = TEN + timedelta(hours=2, seconds=1)
    expected = silver(
        "silver.readings",
        (
            "S2",
            NINE,
            "e7",
            "T1",
            "Z2",
            "p1",
            "weight",
            2.0,
            "kg",
            "500",
            "g",
            [],
            True,
            late,
            "object",
            1,
            500.0,
            "fridge_thermometer",
        ),
        extra="value_as_sent double, device_kind string",
    )
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_a_reading_that_arrived_in_time_is_not_late(became):
    assert became["calibrated"].arrived_at.timestamp() == ARRIVED.timestamp()
    assert became["calibrated"].is_late is False
