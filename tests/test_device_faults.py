"""silver.device_faults: devices of one shop, interleaved, each with one thing the matter with it."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from lakehouse.faults import KINDS, looks, scales
from lakehouse.silver import device_faults

pytestmark = pytest.mark.timeout(900)

DAY = datetime(2026, 3, 4, tzinfo=UTC)
FIRST, LAST = DAY - timedelta(days=2), DAY + timedelta(days=2)  # days of readings
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
TEN_MINUTES = 600.0
CHANCE = np.random.default_rng(7)


def at(hour, minute=0, *, day=0):
    return DAY + timedelta(days=day, hours=hour, minutes=minute)


class Sensor:
    """What a device sends in five days: a value every ten minutes, by a right clock, around a level
    with a little noise; then something may befall it.
    """

    def __init__(self, device, kind, metric, level, *, noise, digits=1, wave=0.0):
        count = int((LAST + timedelta(days=1) - FIRST).total_seconds() / TEN_MINUTES)
        phase = int(CHANCE.integers(0, 500))
        self.device, self.kind, self.metric, self.digits = device, kind, metric, digits
        self.gateway = None
        self.at = [FIRST + timedelta(seconds=phase + TEN_MINUTES * n) for n in range(count)]
        hours = np.array([one.hour + one.minute / 60 for one in self.at])
        self.value = level + wave * np.sin(hours / 24 * 2 * np.pi) + CHANCE.normal(0, noise, count)
        self.is_sent = np.ones(count, dtype=bool)
        self.behind = timedelta(0)
        self.wrong = np.zeros(count, dtype=bool)
        self.twice = np.zeros(count, dtype=int)

    def when(self, begins, ends):
        return np.array([begins <= one < ends for one in self.at])

    def rows(self):
        for n, (instant, value) in enumerate(zip(self.at, self.value, strict=True)):
            if self.is_sent[n]:
                stamped = instant - (self.behind if self.wrong[n] else timedelta(0))
                for again in range(self.twice[n] + 1):
                    after = timedelta(seconds=again)
                    yield (
                        instant + after,
                        {
                            "device_id": self.device,
                            "metric": self.metric,
                            "measured_at": stamped + after,
                            "value": round(float(value), self.digits),
                            "raw_value": f"{value:.{self.digits}f}",
                            "source_object": f"{self.gateway}_{instant:%Y%m%dT%H}",
                        },
                    )


def climate(device):
    return Sensor(device, "climate", "temperature", 21.0, noise=0.1, wave=1.5)


def sensors():
    """Device -> what it sends. Those named after a fault have it; the others have none."""
    made = [climate(f"healthy-{n}") for n in range(1, 4)]
    stuck, gap, spike, silent = map(climate, ("stuck", "gap", "spike", "silent"))
    drift, step, clock, dying, burst = map(climate, ("drift", "step", "clock", "dying", "burst"))

    here = stuck.when(at(9), at(17))
    stuck.value[here] = stuck.value[here][0]
    gap.is_sent[gap.when(at(22), at(3, day=1))] = False
    spike.value[spike.when(at(6), at(6, 10))] += 9.0
    silent.is_sent[silent.when(at(8), LAST + timedelta(days=9))] = False
    here = drift.when(at(4), at(12))
    drift.value[here] += np.linspace(0, 4.0, here.sum())
    step.value[step.when(at(3), at(11))] -= 1.5
    clock.wrong, clock.behind = clock.when(at(13), at(20)), timedelta(hours=5)
    here = dying.when(at(5), at(13))
    dying.is_sent[here] = CHANCE.random(here.sum()) < 0.4
    burst.twice[burst.when(at(15), at(15, 10))] = 4

    warm = Sensor("warm", "fridge_thermometer", "temperature", 3.0, noise=0.3)
    warm.value[warm.when(at(10), at(18))] += 3.0
    empty = Sensor("empty", "climate", "battery", 60.0, noise=0.0, digits=0)
    empty.is_sent[:] = False
    empty.is_sent[::18] = True
    empty.value[empty.when(at(12), at(18))] = 9.0
    once = Sensor("once", "doorbell", "noise", 40.0, noise=1.0)
    once.is_sent[:] = False
    once.is_sent[400] = True
    flat = Sensor("two-valued", "ambience", "motion", 0.0, noise=0.0, digits=0)
    odd = Sensor("irregular", "meter", "power", 400.0, noise=5.0)
    odd.is_sent[odd.when(at(7), at(19))] = False
    made += [stuck, gap, spike, silent, drift, step, clock, dying, burst]
    behind = [climate(f"behind-{n}") for n in range(1, 4)]
    for one in behind:  # their gateway has not handed in its last four hours
        one.gateway = "later"
        one.is_sent[one.when(LAST + timedelta(hours=20), LAST + timedelta(days=9))] = False
    made += behind
    return [*made, warm, empty, once, flat, odd, *weighed()]


def weighed():
    """Scales, from which units of 0.4 kg are taken and to which some are put back."""
    shelves = [Sensor(f"{name}", "scale", "weight", 6.0, noise=0.005, digits=3) for name in WEIGHED]
    for shelf in shelves:
        for day in range(-2, 3):
            for hour, units in ((1, -1), (10, 4), (14, -1), (16, -2), (20, -1)):
                shelf.value[shelf.when(at(hour, day=day), LAST + timedelta(days=9))] += 0.4 * units
    _, creeping, off = shelves
    here = creeping.when(at(2), at(9))
    creeping.value[here] += np.linspace(0, 1.1, here.sum())
    off.value[off.when(at(3), at(12))] += 0.93  # no number of units
    return shelves


WEIGHED = ("sold", "creeping", "off")
# Device -> its fault, and from when to when: none but these are to be found.
EXPECTED = {
    "stuck": ("stuck", at(9), at(17)),
    "gap": ("gap", at(22), at(3, day=1)),
    "spike": ("spike", at(6), at(6, 20)),
    "silent": ("silent", at(8), LAST + timedelta(days=1)),
    "drift": ("drift", at(4), at(12)),
    "step": ("step", at(3), at(11)),
    "clock": ("wrong_clock", at(13), at(20)),
    "dying": ("dying_battery", at(5), at(13)),
    "burst": ("burst", at(15), at(15, 20)),
    "warm": ("step", at(10), at(18)),
    "empty": ("low_battery", at(12), at(18)),
    "creeping": ("drift", at(2), at(9)),
    "off": ("step", at(3), at(12)),
    "never": ("silent", FIRST, LAST + timedelta(days=1)),
}
SLACK = timedelta(hours=1, minutes=40)  # drifts are seen when they are large enough


@pytest.fixture(scope="module")
def tables(frame):
    """Of all sensors and one that never sent anything; no calibration."""
    return tables_of(frame, sensors(), ("never", "climate", None))


def tables_of(frame, made, *silent):
    """The readings as a gateway hands them in, an object an hour, line after line as it heard them;
    the devices; no calibration.
    """
    heard = sorted((row for one in made for row in one.rows()), key=lambda pair: pair[0])
    lines = defaultdict(int)
    readings = []
    for number, (_, row) in enumerate(heard):
        lines[row["source_object"]] += 1
        place = {"source_line": lines[row["source_object"]], "event_id": f"e{number}"}
        readings.append({"shop_id": "S1", "zone_id": "Z1", **row, **place})
    known = [(one.device, one.kind, one.gateway) for one in made] + [*silent]
    devices = [
        {
            "device_id": device,
            "shop_id": "S1",
            "kind": kind,
            "gateway": gateway,
            "interval_s": None if device in ("irregular", "once") else TEN_MINUTES,
            "valid_from": LONG_AGO,
        }
        for device, kind, gateway in known
    ]
    return (
        frame("silver.readings", *readings),
        frame("silver.devices", *devices),
        frame("silver.calibrations"),
    )


@pytest.fixture(scope="module")
def found(tables):
    """All that is found in the five days."""
    return device_faults.build(*tables).toPandas()


def spans(found, device):
    """The faults of a device, those cut at midnight put together again: (fault, from, to)."""
    mine = found[found["device_id"] == device].sort_values(["fault", "from_at"])
    whole = []
    for row in mine.itertuples():
        begins, ends = (one.to_pydatetime().replace(tzinfo=UTC) for one in (row.from_at, row.to_at))
        if whole and whole[-1][0] == row.fault and whole[-1][2] == begins:
            whole[-1] = (row.fault, whole[-1][1], ends)
        else:
            whole.append((row.fault, begins, ends))
    return whole


@pytest.mark.parametrize("device", EXPECTED)
def test_a_device_has_the_fault_that_befell_it_then_and_no_other(found, device):
    fault, begins, ends = EXPECTED[device]
    [(said, from_at, to_at)] = spans(found, device)
    assert said == fault
    assert abs(from_at - begins) <= SLACK
    assert abs(to_at - ends) <= SLACK


def test_nothing_is_found_of_devices_that_nothing_befell(found):
    assert set(found["device_id"]) == set(EXPECTED)
    assert set(found["fault"]) <= set(KINDS)


def test_a_fault_over_midnight_is_cut_there(found):
    mine = found[found["device_id"] == "gap"].sort_values("from_at")
    assert list(mine["day_on"]) == [date(2026, 3, 4), date(2026, 3, 5)]
    midnight = datetime(2026, 3, 5)
    assert mine["to_at"].iloc[0] == midnight == mine["from_at"].iloc[1]
    lost = set(mine["evidence"])
    assert lost == {30.0}  # of the whole gap, in both parts


def test_a_score_says_how_far_beyond_its_limit_the_evidence_is(found):
    assert (found["score"] >= 1).all()
    [spike] = found[found["fault"] == "spike"].itertuples()
    assert spike.metric == "temperature"
    assert spike.evidence == pytest.approx(9, abs=1)
    clock = found[found["fault"] == "wrong_clock"].iloc[0]
    assert clock["evidence"] == pytest.approx(5 * 3600, abs=120)
    assert clock["score"] == pytest.approx(clock["evidence"] / 300, abs=0.01)


def test_a_day_follows_from_what_is_half_a_day_around_it(tables, found):
    readings, *others = tables
    near = readings.where("to_date(measured_at) BETWEEN '2026-03-03' AND '2026-03-05'")
    alone = device_faults.build(near, *others).where("day_on = '2026-03-04'").toPandas()
    same = found[found["day_on"] == date(2026, 3, 4)]
    order = ["device_id", "fault", "from_at"]
    expected = same.sort_values(order).reset_index(drop=True)
    assert len(expected) >= len(EXPECTED) - 1
    assert alone.sort_values(order).reset_index(drop=True).equals(expected)


def test_a_reading_is_looked_at_for_the_two_days_it_is_near(tables):
    readings, *others = tables
    early = readings.where("device_id = 'healthy-1' AND measured_at < '2026-03-02 23:00:00'")
    days = looks.around_each_day(early, *others).groupBy("day_on").count().collect()
    assert {row["day_on"]: row["count"] for row in days} == {
        date(2026, 3, 1): 72,
        date(2026, 3, 2): 138,
        date(2026, 3, 3): 66,
    }


def test_a_level_that_moves_as_a_calibration_takes_effect_is_said_and_a_calm_one_is_not(frame):
    made = [climate(name) for name in ("moved", "calm", *map(str, range(5)))]
    moved = made[0]
    moved.value[moved.when(at(10), LAST + timedelta(days=9))] += 1.5
    readings, devices, _ = tables_of(frame, made)
    told = {"valid_from": at(10)}
    calibrations = frame(
        "silver.calibrations", *({"device_id": name} | told for name in ("moved", "calm"))
    )
    found = device_faults.build(readings, devices, calibrations).toPandas()
    assert set(found["device_id"]) == {"moved"}
    [said] = found[found["fault"] == "step_at_calibration"].itertuples()
    assert said.from_at.to_pydatetime().replace(tzinfo=UTC) == at(10)
    assert said.evidence == pytest.approx(1.5, abs=0.2)


def test_one_device_does_not_say_when_its_gateway_was_heard(spark):
    hour = 3600.0
    rows = [
        (f"D{n}", "G", 600.0, second) for n in range(8) for second in (5 * hour + n, 9 * hour + n)
    ]
    rows += [("astray", "G", 600.0, second) for second in (2 * hour, 12 * hour)]
    rows += [("alone", "H", 600.0, 3 * hour), ("now and then", "G", None, hour)]
    named = "device_id string, gateway string, interval_s double, second double"
    righted = spark.createDataFrame(rows, named).selectExpr("*", "'S1' shop_id", "0 day_on")
    heard = {row.gateway: row for row in looks.heard_of_gateways(righted).collect()}
    assert (heard["G"].heard_from, heard["G"].heard_to) == (5 * hour + 1, 9 * hour + 6)
    assert (heard["H"].heard_from, heard["H"].heard_to) == (3 * hour, 3 * hour)


def test_jumps_that_undo_each_other_are_a_step_unless_they_are_units(spark):
    mark = "kind: string, metric: string, begins: double, ends: double, evidence: double"
    mark += ", limit: double, bridge_s: double, least: int, least_s: double"
    hour = 3600.0

    def jump(at_h, by):
        return (scales.JUMP, "weight", at_h * hour, at_h * hour, by, 0.01, 0.0, 1, 0.0)

    gap = ("gap", "weight", 0.0, 9.0, 3.0, 1.5, 0.0, 1, 0.0)
    devices = {
        "off": [gap, jump(1, 0.93), jump(2, -0.4), jump(3, -0.8), jump(6, -0.93)],
        "units": [jump(1, 1.2), jump(2, -0.4), jump(3, -0.8), jump(6, -1.2)],
        "a third of a unit": [jump(1, 0.4), jump(2, -1.2), jump(3, -1.2), jump(6, -0.4)],
        "for ever": [jump(1, 0.93), jump(2, -0.4), jump(3, -0.8), jump(30, -0.93)],
        "little to compare with": [jump(1, 0.93), jump(2, -0.4), jump(6, -0.93)],
    }
    marks = spark.createDataFrame(
        list(devices.items()), f"device_id string, marks array<struct<{mark}>>"
    )
    became = {row["device_id"]: row["marks"] for row in scales.with_steps(marks).collect()}
    assert {device for device, some in became.items() if some} == {"off"}
    [same, step] = became["off"]
    assert tuple(same) == gap
    assert (step["kind"], step["metric"], step["evidence"]) == ("step", "weight", 0.93)
    assert (step["begins"], step["ends"]) == (hour, 6 * hour)
