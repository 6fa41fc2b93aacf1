"""gold.fridge_hours: an hour of a fridge, with its warm seconds, its compressor's and its door's."""

from datetime import UTC, date, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse.gold import fridge_hours

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 3, 4)


def at(hour, minute=0, second=0):
    return datetime(2026, 3, 4, hour, minute, second, tzinfo=UTC)


def reading(device, metric, measured_at, value, **others):
    return {
        "shop_id": "S1",
        "zone_id": "Z1",
        "device_id": device,
        "event_id": f"{device} {metric} {measured_at}",
        "metric": metric,
        "measured_at": measured_at,
        "value": value,
    } | others


def device(name, kind, interval_s=None, x_m=0.0, **others):
    known = {"device_id": name, "shop_id": "S1", "zone_id": "Z1", "kind": kind}
    place = {"x_m": x_m, "y_m": 2.0, "interval_s": interval_s, "valid_from": LONG_AGO}
    return known | place | others


def warmths(*values, start):
    """Every five minutes."""
    every = timedelta(minutes=5)
    return [
        reading("F1", "temperature", start + n * every, value) for n, value in enumerate(values)
    ]


@pytest.fixture
def hours(frame):
    """The hours of two fridges, F1 at 0 m and F2 at 9 m, by (device, hour)."""
    devices = frame(
        "silver.devices",
        device("F1", "fridge_thermometer", 300.0),
        device("F2", "fridge_thermometer", 300.0, x_m=9.0),
        device("F8", "fridge_thermometer", 300.0, x_m=1.0, valid_to=at(0)),  # no more there
        device("C1", "compressor_meter", 600.0, x_m=1.0),
        device("D1", "door_contact", x_m=8.0),
        device("D2", "door_contact", x_m=8.0, zone_id="Z2"),
        device("T1", "climate", 600.0),
    )
    shops = frame("silver.shops", {"shop_id": "S1", "time_zone": "America/New_York"})

    def of(*readings, faults=()):
        faults = frame("silver.device_faults", *faults)
        built = fridge_hours.build(frame("silver.readings", *readings), devices, faults, shops)
        return {(row.device_id, row.hour_at.hour): row for row in built.collect()}

    return of


def test_an_hour_of_a_fridge_is_one_row_of_the_declared_columns(frame):
    readings = frame(
        "silver.readings",
        *warmths(3.0, 5.0, 5.5, -0.25, start=at(4, 30)),
        reading("C1", "power", at(4, 20), 400.0),
        reading("C1", "power", at(4, 30), 15.0),
        reading("D1", "door_open", at(4, 50), 1.0),
        reading("D1", "door_open", at(4, 52), 0.0),
        reading("F1", "temperature", at(4, 31), 80.0, subject="p1"),
    )
    devices = frame(
        "silver.devices",
        device("F1", "fridge_thermometer", 300.0),
        device("C1", "compressor_meter", 600.0),
        device("D1", "door_contact"),
    )
    shops = frame("silver.shops", {"shop_id": "S1", "time_zone": "America/New_York"})
    faults = frame(
        "silver.device_faults",
        {
            "shop_id": "S1",
            "day_on": DAY,
            "device_id": "F1",
            "fault": "drift",
            "from_at": at(4, 45),
            "to_at": at(4, 50),
        },
    )
    first = {
        "shop_id": "S1",
        "day_on": DAY,
        "device_id": "F1",
        "hour_at": at(4),
        "business_on": date(2026, 3, 3),
        "readings": 4,
        "mean_c": 3.31,
        "max_c": 5.5,
        "measured_s": 1500,  # the last one holds for two intervals
        "too_warm_s": 300,
        "too_cold_s": 600,
        "doubted_s": 600,
        "metered_s": 1800,
        "running_s": 600,
        "duty": 0.3333,
        "door_open_s": 120,
        "door_left_open_s": 60,
    }
    actual = fridge_hours.build(readings, devices, faults, shops).where("hour(hour_at) = 4")
    expected = frame("gold.fridge_hours", first).drop("batch_id")
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_a_reading_is_cut_at_the_hour_and_a_longer_gap_is_not_filled(hours):
    found = hours(*warmths(6.0, start=at(4, 57)), *warmths(7.0, 4.0, start=at(6, 0)))
    assert (found["F1", 4].measured_s, found["F1", 5].measured_s) == (180, 420)
    assert (found["F1", 5].readings, found["F1", 5].mean_c, found["F1", 5].too_warm_s) == (
        0,
        None,
        420,
    )
    assert (found["F1", 6].measured_s, found["F1", 6].too_warm_s) == (900, 300)


def test_a_burst_at_one_instant_and_a_lost_reading_are_the_seconds_that_passed(hours):
    twice = [reading("F1", "temperature", at(4, 0), 9.0, event_id=name) for name in ("a", "b")]
    found = hours(*twice, *warmths(9.0, start=at(4, 10)))
    assert (found["F1", 4].readings, found["F1", 4].too_warm_s) == (3, 1200)


def test_meters_and_doors_are_those_of_the_nearest_fridge_in_the_zone(hours):
    found = hours(
        reading("C1", "power", at(4), 400.0),
        reading("D1", "door_open", at(4), 1.0),
        reading("D1", "door_open", at(4, 30), 0.0),
        reading("D2", "door_open", at(4), 1.0, zone_id="Z2"),
        reading("T1", "temperature", at(4), 21.0),
        *warmths(5.0, start=at(4)),
    )
    assert set(found) == {("F1", 4), *(("F2", hour) for hour in range(4, 17))}
    assert (found["F1", 4].running_s, found["F1", 4].duty) == (1200, 1.0)
    assert (found["F1", 4].door_open_s, found["F1", 4].door_left_open_s) == (None, None)
    assert (found["F2", 4].door_open_s, found["F2", 4].door_left_open_s) == (1800, 1740)
    assert (found["F2", 4].metered_s, found["F2", 4].duty) == (0, None)


def test_a_door_that_says_again_that_it_is_open_was_not_opened_again(hours):
    said = ((0, 1.0), (59, 1.0), (61, 1.0), (62, 0.0), (63, 1.0), (64, 0.0))
    found = hours(
        *(reading("D1", "door_open", at(4) + timedelta(minutes=n), value) for n, value in said)
    )
    assert (found["F2", 4].door_open_s, found["F2", 4].door_left_open_s) == (3600, 3540)
    assert (found["F2", 5].door_open_s, found["F2", 5].door_left_open_s) == (180, 120)


def test_a_day_follows_from_the_rows_of_its_reach(frame, hours):
    evening = [reading("D1", "door_open", at(0) - timedelta(hours=3), 1.0)]
    night = [reading("D1", "door_open", at(2), 0.0)]
    weeks_ago = [reading("D1", "door_open", at(2) - timedelta(days=9), 1.0)]
    both, more = hours(*evening, *night), hours(*weeks_ago, *evening, *night)
    assert both["F2", 1] == more["F2", 1]
    assert (both["F2", 1].door_open_s, both["F2", 1].door_left_open_s) == (3600, 3600)
