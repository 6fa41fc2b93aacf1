"""How the bench compares what was found with what was planted, at its limits first."""

import pandas as pd
import pytest

from bench.quality import matching
from bench.quality.matching import Score

NONE = pd.Timedelta(0)


def spans(*rows):
    frame = pd.DataFrame(rows, columns=["device_id", "from_at", "to_at"])
    times = {name: pd.to_datetime("2026-03-01 " + frame[name]) for name in ("from_at", "to_at")}
    return frame.assign(**times)


PLANTED = spans(("A", "01:00", "02:00"), ("A", "05:00", "06:00"), ("B", "01:00", "02:00"))


def test_the_truth_against_itself_is_whole():
    assert matching.intervals(PLANTED, PLANTED, NONE) == Score(3, 3, 3, 3)


def test_another_device_or_another_time_is_no_hit():
    found = spans(("B", "05:00", "06:00"), ("A", "02:30", "04:30"))
    assert matching.intervals(PLANTED, found, NONE) == Score(3, 0, 2, 0)
    assert matching.intervals(PLANTED, found, pd.Timedelta(minutes=30)) == Score(3, 2, 2, 1)


def test_two_that_meet_one_are_both_right_and_hit_it_once():
    found = spans(("A", "00:30", "01:10"), ("A", "01:20", "01:30"))
    assert matching.intervals(PLANTED, found, NONE) == Score(3, 1, 2, 2)


def test_nothing_found_is_no_recall_and_no_precision():
    score = matching.intervals(PLANTED, PLANTED.iloc[:0], NONE)
    assert score == Score(3, 0, 0, 0)
    assert score.recall == 0
    assert pd.isna(score.precision)


def test_what_was_cut_at_midnight_is_one_again():
    at = pd.to_datetime
    found = pd.DataFrame(
        [
            ("A", "gap", at("2026-03-01 22:00"), at("2026-03-02 00:00")),
            ("A", "gap", at("2026-03-02 00:00"), at("2026-03-02 01:00")),
            ("A", "step", at("2026-03-02 00:00"), at("2026-03-02 01:00")),
            ("B", "gap", at("2026-03-02 01:00"), at("2026-03-02 02:00")),
        ],
        columns=["device_id", "fault", "from_at", "to_at"],
    )
    whole = matching.whole(found)
    assert list(zip(whole["device_id"], whole["fault"], strict=True)) == [
        ("A", "gap"),
        ("A", "step"),
        ("B", "gap"),
    ]
    assert list(whole["to_at"] - whole["from_at"]) == [pd.Timedelta(hours=h) for h in (3, 1, 1)]


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634)],
)
def test_the_interval_is_that_of_wilson(right, of, low, high):
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, method 3.
    assert matching.wilson(right, of) == pytest.approx((low, high), abs=5e-4)


def test_a_row_says_how_many_there_were_and_whether_the_aim_is_met():
    recall, precision = matching.rows("gap", Score(4, 3, 2, 2), None, "", (0.9, 0.9))
    assert (recall.name, recall.value, recall.met) == ("gap: recall", 0.75, False)
    assert recall.unit.startswith("3 of 4, ")
    assert (precision.value, precision.met) == (1.0, True)
