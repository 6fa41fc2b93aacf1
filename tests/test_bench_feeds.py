"""What `make bench-feeds` sets beside ours, and that nothing is judged by a fit that has seen it."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from bench.feeds import folds, labels, naive, tracks
from bench.feeds.shares import Share

ANCHORS = pd.DataFrame(
    [("A", 0.0, 0.0), ("B", 10.0, 0.0), ("C", 0.0, 8.0)], columns=["anchor_id", "x_m", "y_m"]
)


def levels(*heard):
    rows = [("S1", "t", datetime(2026, 3, 1, tzinfo=UTC), *one) for one in heard]
    names = ["shop_id", "subject", "at", "anchor_id", "level_dbm", "readings"]
    return pd.DataFrame(rows, columns=names)


def test_the_nearest_anchor_is_the_loudest_that_heard_anything():
    found = naive.nearest(levels(("A", -70.0, 2.0), ("B", -65.0, 1.0), ("C", -60.0, 0.0)), ANCHORS)
    assert found[["x_m", "y_m"]].to_numpy().tolist() == [[10.0, 0.0]]


def test_circles_that_meet_in_one_point_meet_there():
    # -40 dBm at 1 m, exponent 2: 5 m, √65 m and 5 m from (3, 4).
    heard = levels(("A", -53.9794, 1.0), ("B", -58.1291, 1.0), ("C", -53.9794, 1.0))
    found = naive.trilaterated(heard, ANCHORS, {"S1": (-40.0, 2.0)})
    assert found[["x_m", "y_m"]].to_numpy()[0] == pytest.approx([3.0, 4.0], abs=0.01)


def test_no_path_is_judged_by_a_fit_or_a_setting_that_has_seen_it():
    path_of = {track: path for path, members in tracks.PATHS.items() for track in members}
    outer = folds.paths_left_out(tracks.TRACKS)
    assert sorted(track for fold in outer for track in fold.judged) == sorted(tracks.TRACKS)
    for fold in outer:
        judged = {path_of[track] for track in fold.judged}
        assert not judged & {path_of[track] for track in fold.fitted_on}
        for inner in folds.paths_left_out(fold.fitted_on):
            tried = {path_of[track] for track in inner.judged}
            seen = {path_of[track] for track in inner.fitted_on}
            assert not tried & seen
            assert not judged & (tried | seen)
    for fold in folds.tracks_left_out(outer):
        assert not set(fold.judged) & set(fold.fitted_on)


def test_shares_of_worlds_add_up_and_say_how_many_they_are_and_their_interval():
    both = Share(8, 10, 0.95, 1, 4, "a coin") + Share(1, 10, 0.95, 2, 4, "a coin")
    [row] = both.rows("heads")
    assert (row.value, row.rival, row.rival_name, row.aim) == (0.45, 0.375, "a coin", 0.95)
    assert row.name == "heads (9 of 20; 95 %: 0.2582 to 0.6579)"


def test_a_wrong_price_is_met_by_the_hours_in_which_its_label_showed_it():
    def at(hour, minute=0):
        return pd.Timestamp(2026, 3, 4, hour, minute)

    wrong = pd.DataFrame(
        [
            ("e1", "L1", at(7, 2), at(7, 9)),
            ("e2", "L1", at(9, 30), at(11)),
            ("e3", "L2", at(7), at(8)),
        ],
        columns=["event_id", "device_id", "sent_at", "until"],
    )
    hours = [("L1", hour) for hour in (6, 7, 8, 9, 10, 11)]
    checks = pd.DataFrame(hours, columns=["device_id", "hour"])
    checks["hour_at"] = [at(hour) for hour in checks["hour"]]
    checks["at"] = [at(hour + 1) for hour in checks["hour"]]
    met = labels.met(wrong, checks)
    assert sorted(zip(met["event_id"], met["hour"], strict=True)) == [
        ("e1", 7),
        ("e2", 9),
        ("e2", 10),
    ]
