"""gold.device_health: a day of a device in one line."""

from datetime import UTC, date, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse.gold import device_health

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 3, 4)


def at(hour, minute=0):
    return datetime(2026, 3, 4, hour, minute, tzinfo=UTC)


def reading(device, measured_at, metric="temperature", value=4.0):
    return {
        "shop_id": "S1",
        "device_id": device,
        "measured_at": measured_at,
        "metric": metric,
        "value": value,
    }


def fault(device, kind, from_at, to_at):
    return {
        "shop_id": "S1",
        "day_on": DAY,
        "device_id": device,
        "fault": kind,
        "from_at": from_at,
        "to_at": to_at,
    }


def device(name, interval_s, *, valid_from=LONG_AGO, valid_to=None):
    return {
        "device_id": name,
        "shop_id": "S1",
        "zone_id": f"Z-{name}",
        "kind": f"K-{name}",
        "interval_s": interval_s,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }


def test_a_device_has_its_readings_its_faults_and_its_health(frame):
    half_hours = [at(0) + timedelta(minutes=30 * n) for n in range(21)]
    readings = frame(
        "silver.readings",
        *(reading("D1", one) for one in half_hours),
        reading("D1", at(3), metric="humidity"),  # the same instant once more
        reading("D2", at(6)),
        reading("D2", at(1), metric="battery", value=50.0),
        reading("D2", at(7), metric="battery", value=40.0),
        reading("D3", at(2)),
        {**reading("D3", at(4)), "subject": "p1"},  # somebody's own device
    )
    devices = frame(
        "silver.devices",
        device("D1", 1800.0),
        device("D2", 3600.0, valid_from=at(5)),
        device("D3", None),
        device("D4", 1800.0, valid_from=LONG_AGO),
        device("D1", 7.0, valid_from=datetime(2025, 1, 1, tzinfo=UTC), valid_to=LONG_AGO),
    )
    faults = frame(
        "silver.device_faults",
        fault("D1", "drift", at(1), at(3)),
        fault("D1", "spike", at(2), at(2, 30)),
        fault("D1", "spike", at(5), at(5, 30)),
        fault("D4", "silent", at(0), at(10)),
    )
    [one, two, three, four] = (
        device_health.build(readings, devices, faults).orderBy("device_id").collect()
    )
    assert (one.kind, one.zone_id) == ("K-D1", "Z-D1")
    assert (one.readings_expected, one.readings_seen, one.seen_share) == (20, 21, 1.0)
    assert [tuple(pair) for pair in one.faults_s] == [("drift", 7200), ("spike", 3600)]
    assert one.faulty_s == 9000  # the first spike lies in the drift
    assert one.health == pytest.approx(1 - 9000 / 36000)
    assert one.last_seen_at.replace(tzinfo=UTC) == at(10)
    assert (two.readings_expected, two.readings_seen, two.seen_share) == (5, 1, 0.2)
    assert (two.battery_percent, two.faults_s, two.faulty_s, two.health) == (40.0, None, 0, 0.2)
    assert (three.readings_expected, three.seen_share, three.health) == (None, None, 1.0)
    assert (four.readings_seen, four.last_seen_at, four.health) == (0, None, 0.0)


def test_a_day_follows_from_its_own_rows(frame):
    readings = frame("silver.readings", reading("D1", at(1)), reading("D1", at(2)))
    later = reading("D1", at(2) + timedelta(days=1))
    devices, faults = frame("silver.devices", device("D1", 1800.0)), frame("silver.device_faults")
    alone = device_health.build(readings, devices, faults)
    both = device_health.build(readings.union(frame("silver.readings", later)), devices, faults)
    assert_df_equality(alone, both.where(f"day_on = '{DAY}'"), ignore_nullable=True)
