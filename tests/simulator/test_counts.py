"""Doors and cameras count the walks that were."""

from collections import Counter

import pandas as pd


def test_door_counts_are_those_of_the_walks(whole):
    passages, visits = whole.truth["passages"], whole.truth["visits"]
    since = passages["from_at"].min()  # some are inside by then
    doors = passages[passages["device_id"].str.contains("-door-")]
    counted = doors.groupby("shop_id")[["entries", "exits"]].sum()
    came = visits[visits["entered_at"] >= since].groupby("shop_id").size()
    assert counted["entries"].to_dict() == came.to_dict()
    until = passages["to_at"].max()
    left = visits[visits["left_at"] < until].groupby("shop_id").size()
    assert counted["exits"].to_dict() == left.to_dict()
    for zone, one in passages[~passages["device_id"].str.contains("-door-")].groupby("device_id"):
        before = (visits["entered_at"] < since).sum()
        inside = (one["entries"] - one["exits"]).cumsum()
        assert inside.min() >= -before, zone


def test_counters_miss_some_and_never_count_more(whole):
    truth = whole.truth["passages"].set_index(["device_id", "to_at"])
    missed = Counter()
    for message in whole.of("footfall"):
        at = pd.Timestamp(message["emitted_at"]).tz_localize(None)
        right = truth.loc[(message["device_id"], at)]
        for name in ("entries", "exits"):
            assert 0 <= message["payload"][name] <= right[name]
            missed["missed"] += right[name] - message["payload"][name]
            missed["all"] += right[name]
    assert 0.02 < missed["missed"] / missed["all"] < 0.04


def test_cameras_see_people_queues_gaps_and_hands_that_are_there(whole):
    seen = Counter(message["payload"]["label"] for message in whole.of("detections"))
    there = whole.truth["scenes"].groupby("label")["count"].size()
    assert set(seen) == {"people", "queue", "shelf_gap", "spill", "pick_up", "put_back"}
    for label in ("people", "queue", "pick_up"):
        assert 0.7 * there[label] < seen[label] <= there[label]
    confidence = [message["payload"]["confidence"] for message in whole.of("detections")]
    assert min(confidence) > 0
    assert max(confidence) < 1
    assert {m["payload"]["model_version"] for m in whole.of("detections")} == {"1.4.0", "1.5.0"}
