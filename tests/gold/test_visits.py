"""gold.visits: each test is one sentence that must stay true."""

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.gold import visits
from lakehouse.radio.fencing import METRES_A_DEGREE

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = {"Z1": (0.0, 20.0), "Z2": (20.0, 40.0)}


def heard(second, beacon, rssi_dbm=-75, *, subject="p1_a", by="app"):
    at = NOON + timedelta(seconds=second)
    said = {"subject": subject, "heard_at": at, "heard_by": by, "beacon_id": beacon}
    return said | {"shop_id": "S1", "rssi_dbm": rssi_dbm, "tx_power_dbm": -59}


def fix(second, east_m, accuracy_m, subject="p1_a"):
    """So many metres east of the middle of the floor plan, which is on the equator."""
    of = {"shop_id": "S1", "subject": subject, "located_at": NOON + timedelta(seconds=second)}
    at = {"latitude": 0.0, "longitude": 10.0 + east_m / METRES_A_DEGREE}
    return of | at | {"accuracy_m": accuracy_m, "provider": "wifi"}


def customer(subject, *agreed):
    return {"subject": subject, "consents": list(agreed), "valid_from": LONG_AGO}


AGREES = customer("p1_a", "analytics")


@pytest.fixture
def stays(frame):
    """zone, first and last second since noon, located_by of each stay."""
    ends = [
        {"device_id": f"{kind}{number}", "shop_id": "S1", "kind": kind, "x_m": x_m, "y_m": 5.0}
        for kind in ("beacon", "anchor")
        for number, x_m in ((1, 10.0), (2, 30.0))
    ]
    zones = [
        {"zone_id": name, "polygon": [[a, 0.0], [b, 0.0], [b, 10.0], [a, 10.0]]}
        for name, (a, b) in ZONES.items()
    ]
    shop = {"shop_id": "S1", "latitude": 0.0, "longitude": 10.0, "valid_from": LONG_AGO}

    def of(sightings, positions=(), customers=(AGREES,), app_events=()):
        found = visits.build(
            frame("silver.sightings", *sightings),
            frame("silver.positions", *positions),
            frame("silver.shops", shop),
            frame(
                "silver.zones", *(one | {"shop_id": "S1", "valid_from": LONG_AGO} for one in zones)
            ),
            frame("silver.devices", *(one | {"valid_from": LONG_AGO} for one in ends)),
            frame("silver.customers", *customers),
            frame("silver.app_events", *app_events),
        ).collect()
        for row in found:
            assert row.dwell_s == (row.left_at - row.entered_at).total_seconds()
            assert row.error_m > 0
        return [
            (
                row.subject,
                row.zone_id,
                *(
                    (at.astimezone(UTC) - NOON).total_seconds()
                    for at in (row.entered_at, row.left_at)
                ),
                row.located_by,
            )
            for row in sorted(found, key=lambda row: (row.subject, row.entered_at))
        ]

    return of


def minutes(first, last, beacon, **more):
    return [heard(second, beacon, **more) for second in range(first * 60, last * 60, 10)]


def test_who_goes_from_one_beacon_to_the_other_has_two_stays_of_the_time_at_each(stays):
    first, second = stays(minutes(0, 3, "beacon1") + minutes(3, 6, "beacon2"))
    assert (first[1], first[2], first[4]) == ("Z1", 0, ["app"])
    assert (second[1], second[3]) == ("Z2", 350)
    assert first[3] == pytest.approx(180, abs=20)
    assert second[2] == pytest.approx(180, abs=20)


def test_one_scan_that_hears_the_other_beacon_is_no_stay(stays):
    there = [*minutes(0, 3, "beacon1"), heard(180, "beacon2"), *minutes(4, 6, "beacon1")]
    assert [stay[1:4] for stay in stays(there)] == [("Z1", 0, 350)]


def test_who_comes_back_after_ten_minutes_has_come_twice(stays):
    found = stays(minutes(0, 3, "beacon1") + minutes(20, 23, "beacon1"))
    assert [stay[1:4] for stay in found] == [("Z1", 0, 170), ("Z1", 1200, 1370)]


def test_a_tag_that_anchors_hear_is_placed_likewise_and_nobody_without_a_subject(stays):
    known = minutes(0, 3, "anchor2", by="anchor")
    unknown = minutes(0, 3, "anchor1", by="anchor", subject=None)
    assert stays(known + unknown) == [("p1_a", "Z2", 0, 170, ["anchor"])]


def test_the_phones_own_fixes_count_while_it_hears_beacons_and_alone_open_no_visit(stays):
    weak = minutes(0, 3, "beacon1", rssi_dbm=-98)
    fixes = [fix(second, 12.0, 4.0) for second in range(0, 180, 40)]
    [stay] = stays(weak, [*fixes, fix(-300, 0.0, 4.0)])
    assert (stay[1], stay[2], stay[4]) == ("Z2", 0, ["app", "fix"])
    assert stays([], fixes) == []


def test_a_jump_or_a_word_from_the_cell_alone_moves_nobody(stays):
    fixes = [fix(60, 9_000.0, 5.0), fix(90, 10.0, 2_000.0)]
    assert [stay[1:4] for stay in stays(minutes(0, 3, "beacon1"), fixes)] == [("Z1", 0, 170)]


def test_nobody_is_followed_who_has_not_agreed_or_agrees_no_longer(stays):
    both = minutes(0, 3, "beacon1") + minutes(0, 3, "beacon2", subject="p1_b")
    agreed = (customer("p1_a", "personalisation"), customer("p1_b", "analytics"))
    assert {stay[0] for stay in stays(both, customers=agreed)} == {"p1_b"}
    word = {"subject": "p1_b", "kind": "consent_withdrawn", "happened_at": NOON}
    assert stays(both, customers=agreed, app_events=[word]) == []


def test_what_is_heard_for_more_than_twelve_hours_lies_there(stays):
    lies = [heard(second, "beacon1") for second in range(0, 13 * 3600, 300)]
    assert stays(lies) == []
