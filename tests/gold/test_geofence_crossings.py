"""gold.geofence_crossings: each test is one sentence that must stay true."""

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.gold import geofence_crossings
from lakehouse.radio.fencing import GAP_S, METRES_A_DEGREE

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
HALF = 75 / METRES_A_DEGREE
FENCE = (
    f"POLYGON (({10 - HALF} {-HALF}, {10 + HALF} {-HALF}, {10 + HALF} {HALF}, {10 - HALF} {HALF}, "
    f"{10 - HALF} {-HALF}))"
)


def fix(second, east_m, accuracy_m=20.0, provider="gps", subject="p1_a"):
    """So many metres east of the middle of the fence, which is on the equator."""
    at = NOON + timedelta(seconds=second)
    said = {"shop_id": "S1", "subject": subject, "located_at": at, "event_id": f"{subject}{second}"}
    said |= {"latitude": 0.0, "longitude": 10.0 + east_m / METRES_A_DEGREE}
    return said | {"accuracy_m": accuracy_m, "provider": provider}


def customer(subject, *agreed):
    return {"subject": subject, "consents": list(agreed), "valid_from": LONG_AGO}


# Comes from the east at 8 m/s, stays for ten minutes, and goes back; by GPS and Wi-Fi in turns.
COMES = [fix(second, 800 - 8 * second) for second in range(0, 100, 20)]
STAYS = [
    fix(second, second % 9, 10.0, "wifi" if second % 80 == 20 else "gps")
    for second in range(100, 700, 40)
]
GOES = [fix(second, 8 * (second - 700)) for second in range(720, 860, 20)]


@pytest.fixture
def crossings(frame):
    """by, kind, crossed_at and known_at in seconds since noon."""

    def of(positions, customers=None, shops=({"geofence": FENCE},), app_events=()):
        found = geofence_crossings.build(
            frame("silver.positions", *positions),
            frame(
                "silver.shops", *({"shop_id": "S1", "valid_from": LONG_AGO} | one for one in shops)
            ),
            frame("silver.customers", *(customers or [customer("p1_a", "analytics")])),
            frame("silver.app_events", *app_events),
        ).collect()
        return [
            (
                row.fenced_by,
                row.kind,
                *(
                    (at.astimezone(UTC) - NOON).total_seconds()
                    for at in (row.crossed_at, row.known_at)
                ),
            )
            for row in sorted(found, key=lambda row: (row.fenced_by, row.known_at))
        ]

    return of


def test_who_comes_and_goes_crosses_the_fence_twice(crossings):
    by_all = [one[1:] for one in crossings(COMES + STAYS + GOES) if one[0] == "hybrid"]
    assert [kind for kind, *_ in by_all] == ["enter", "leave"]
    [(_, came, known), (_, went, _)] = by_all
    assert came == pytest.approx(90.6, abs=15)  # 725 m at 8 m/s
    assert went == pytest.approx(709.4, abs=20)
    assert came <= known <= came + 80


def test_the_app_and_the_network_each_see_what_their_fixes_say(crossings):
    found = crossings(COMES + STAYS + GOES)
    assert {by for by, *_ in found} == {"app", "hybrid", "network"}
    # The network hears nothing once the shop's Wi-Fi is left: ten minutes later they had gone.
    *_, (_, kind, went, known) = [one for one in found if one[0] == "network"]
    assert (kind, known - went) == ("leave", GAP_S)


def test_who_stands_at_the_fence_does_not_cross_it_with_each_fix(crossings):
    about = [
        fix(second, 75 + (60 if second % 60 else -60), 80.0) for second in range(700, 1900, 30)
    ]
    by_all = [one for one in crossings(COMES + STAYS + about) if one[0] == "hybrid"]
    assert len(by_all) <= 2


def test_a_cell_of_kilometres_and_one_jump_change_nothing(crossings):
    far = [fix(second + 5, 1500, 2500.0, "cell") for second in (300, 400, 500)]
    jump = [fix(450, 9000, 15.0)]
    plain = [one[:3] for one in crossings(COMES + STAYS + GOES) if one[0] == "hybrid"]
    odd = [one[:3] for one in crossings(COMES + STAYS + far + jump + GOES) if one[0] == "hybrid"]
    assert [one[:2] for one in odd] == [one[:2] for one in plain]
    assert odd[0][2] == pytest.approx(plain[0][2], abs=1)


def test_who_passes_by_crosses_nothing(crossings):
    assert crossings([fix(second, 300, 30.0) for second in range(0, 600, 30)]) == []


def test_two_visits_are_four_crossings(crossings):
    again = [one | {"located_at": one["located_at"] + timedelta(hours=2)} for one in STAYS]
    again = [one | {"event_id": f"again{number}"} for number, one in enumerate(again)]
    kinds = [kind for by, kind, *_ in crossings(COMES + STAYS + again) if by == "hybrid"]
    assert kinds == ["enter", "leave"] * 2


def test_only_who_agreed_is_followed_and_only_while_they_do(crossings):
    assert crossings(STAYS, [customer("p1_a", "marketing")]) == []
    withdrawn = {"subject": "p1_a", "kind": "consent_withdrawn", "happened_at": NOON}
    assert crossings(STAYS, app_events=[withdrawn]) == []


@pytest.mark.parametrize("fence", [None, "nothing", "POINT (1 2)"])
def test_a_shop_without_a_fence_has_no_crossings(crossings, fence):
    assert crossings(STAYS, shops=[{"geofence": fence}]) == []
