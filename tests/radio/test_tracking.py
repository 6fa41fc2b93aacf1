"""The filter over the floor's cells: by hand where it is small, and what it makes of evidence."""

import itertools

import numpy as np
import pandas as pd
import pytest

from lakehouse.radio import tracking

LEFT = {"zone_id": "left", "polygon": [[0.0, 0.0], [20.0, 0.0], [20.0, 10.0], [0.0, 10.0]]}
RIGHT = {"zone_id": "right", "polygon": [[20.0, 0.0], [40.0, 0.0], [40.0, 10.0], [20.0, 10.0]]}
ENDS = [
    {"anchor_id": "B1", "heard_by": "app", "x_m": 10.0, "y_m": 5.0},
    {"anchor_id": "B2", "heard_by": "app", "x_m": 30.0, "y_m": 5.0},
]


def heard(second, anchor, loss_db):
    [end] = [one for one in ENDS if one["anchor_id"] == anchor]
    return {**end, "second": second, "loss_db": loss_db, "accuracy_m": None, "is_gps": False}


def fix(second, x_m, accuracy_m, *, is_gps=False):
    nothing = {"anchor_id": None, "loss_db": None}
    at = {"second": second, "heard_by": "fix", "x_m": x_m, "y_m": 5.0, **nothing}
    return at | {"accuracy_m": accuracy_m, "is_gps": is_gps}


def likeliest(*evidence, zones=(LEFT, RIGHT)):
    """The likeliest zone of each instant."""
    presence = {
        "shop_id": "S1",
        "subject": "p1_a",
        "day_on": pd.Timestamp("1970-01-01").date(),
        "began_at": pd.Timestamp(0, unit="s"),
        "evidence": list(evidence),
        "anchors": ENDS,
        "zones": list(zones),
    }
    found = pd.concat([*tracking.zone_shares([pd.DataFrame([presence])])])
    assert found.groupby("at")["share"].sum().to_numpy() == pytest.approx(1.0)
    best = found.sort_values("share").groupby("at")["zone_id"].last()
    return dict(zip((at.timestamp() for at in best.index), best, strict=True))


def test_the_floor_is_what_the_zones_span_and_each_cell_lies_in_one():
    floor = tracking.floor_of([RIGHT, LEFT])
    assert floor.zone_ids == ("left", "right")
    assert (floor.columns, floor.rows) == (20, 5)
    assert [int((floor.zone == number).sum()) for number in (0, 1, -1)] == [50, 50, 0]
    assert floor.x_m[floor.zone == 0].max() < 20 < floor.x_m[floor.zone == 1].min()


def test_what_is_in_no_zone_is_told_apart():
    corner = {"zone_id": "c", "polygon": [[0.0, 0.0], [40.0, 0.0], [0.0, 40.0]]}
    floor = tracking.floor_of([corner])
    assert {*floor.zone} == {-1, 0}
    assert np.mean(floor.zone == 0) == pytest.approx(0.5, abs=0.05)


def test_without_a_polygon_there_is_no_floor():
    assert tracking.floor_of([{"zone_id": "z", "polygon": None}]) is None


def test_smoothing_is_the_sum_over_every_way_somebody_may_have_gone(monkeypatch):
    monkeypatch.setattr(tracking, "CELL_M", 10.0)
    floor = tracking.floor_of([LEFT, RIGHT])
    count = len(floor.x_m)
    assert count == 4
    likelihood = np.random.default_rng(3).uniform(0.1, 1.0, (3, count))

    def share(a, b):
        """Of those in cell a who are in cell b next."""
        total = 0.0
        for weight, sigma_m in ((0.8, 0.7), (0.2, 12.0)):
            near = np.exp(-0.5 * ((floor.x_m - floor.x_m[a]) / sigma_m) ** 2)
            total += weight * near[b] / near.sum()
        return total

    by_hand = np.zeros((3, count))
    for way in itertools.product(range(count), repeat=3):
        chance = np.prod([likelihood[step, cell] for step, cell in enumerate(way)])
        chance *= share(way[0], way[1]) * share(way[1], way[2])
        for step, cell in enumerate(way):
            by_hand[step, cell] += chance
    by_hand /= by_hand.sum(axis=1, keepdims=True)
    assert tracking.smoothed(likelihood, floor) == pytest.approx(by_hand)


def test_who_hears_a_beacon_loudly_is_in_its_zone_until_another_is_louder():
    early = [heard(second, "B1", 20.0) for second in range(0, 60, 10)]
    late = [heard(second, "B2", 20.0) for second in range(60, 120, 10)]
    zones = likeliest(*early, *late)
    assert len(zones) == 12
    assert [zones[second] for second in (0, 30, 50, 70, 110)] == [*["left"] * 3, *["right"] * 2]


def test_what_is_not_heard_speaks_too():
    # Both are as far as the middle by its level alone; the other would have been heard there.
    assert likeliest(*[heard(second, "B1", 25.0) for second in range(0, 50, 10)])[20] == "left"


def test_an_instant_at_which_nothing_was_heard_is_between_its_neighbours():
    zones = likeliest(heard(0, "B1", 15.0), heard(10, "B1", 15.0), heard(60, "B1", 15.0))
    assert [zones[second] for second in (20, 30, 40, 50)] == ["left"] * 4


def test_a_good_fix_counts_for_more_than_one_that_may_be_anywhere():
    assert likeliest(fix(0, 32.0, 4.0), fix(0, 8.0, 800.0))[0] == "right"
    assert likeliest(fix(0, 32.0, 6.0, is_gps=True), fix(0, 8.0, 6.0))[0] == "left"


def test_a_jump_of_one_fix_moves_nobody():
    still = [fix(second, 8.0, 6.0) for second in range(0, 100, 10) if second != 50]
    assert likeliest(*still, fix(50, 5_000.0, 6.0))[50] == "left"


def test_a_sighting_without_a_reading_is_no_silence():
    zones = likeliest(heard(0, "B1", None), heard(0, "B2", 25.0), heard(10, "B2", 20.0))
    assert set(zones.values()) == {"right"}
