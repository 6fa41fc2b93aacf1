"""Each fault of a device is in the truth, with its period."""

import numpy as np
import pandas as pd

from lakehouse.settings import Faults

PERIODS = ("drift", "offset", "stuck", "gap", "dying_battery", "wrong_clock", "frozen_camera")


def test_every_fault_has_a_rate_and_leaves_its_mark(faulty):
    faults = faulty.truth["faults"]
    assert set(faults["kind"]) == set(Faults.model_fields)
    lasting = faults[faults["kind"].isin(PERIODS)]
    assert (lasting["from_at"] < lasting["to_at"]).all()
    assert lasting["device_id"].notna().all()
    others = faults[~faults["kind"].isin((*PERIODS, "late_object"))]
    assert others[["event_id", "object", "line"]].notna().all(axis=None)
    assert others["from_at"].isna().all()


def test_a_device_is_at_fault_only_in_its_period(faulty):
    faults = faulty.truth["faults"]
    true = faulty.truth["readings"].set_index(["device_id", "metric", "measured_at"])["true_value"]
    by_kind = {kind: faults[faults["kind"] == kind] for kind in PERIODS}
    sent = pd.DataFrame(
        [
            (m["device_id"], m["payload"]["metric"], m["payload"]["value"], m["emitted_at"])
            for m in faulty.of("readings")
        ],
        columns=["device_id", "metric", "value", "at"],
    )
    sent["at"] = pd.to_datetime(sent["at"]).dt.tz_localize(None)

    def within(period, metric):
        here = (sent["device_id"] == period.device_id) & (sent["metric"] == metric)
        return sent[here & (sent["at"] >= period.from_at) & (sent["at"] < period.to_at)]

    stuck = [within(one, "co2")["value"].nunique() for one in by_kind["stuck"].itertuples()]
    assert set(stuck) <= {0, 1}
    assert 1 in stuck
    assert not any(len(within(one, "co2")) for one in by_kind["gap"].itertuples())
    for period in by_kind["drift"].itertuples():
        off = [
            abs(row.value - true[(row.device_id, row.metric, row.at)])
            for row in within(period, "humidity").itertuples()
            if (row.device_id, row.metric, row.at) in true.index
        ]
        if len(off) > 20:
            assert np.mean(off[-5:]) > np.mean(off[:5])
    clocks = set(by_kind["wrong_clock"]["device_id"])
    stamped = set(zip(sent["device_id"], sent["metric"], sent["at"], strict=True))
    unknown = {device for device, metric, at in stamped - set(true.index)}
    assert unknown == {device for device in clocks if device in unknown}
    assert unknown


def test_a_z_score_a_device_finds_at_most_half_of_the_drifts(faulty):
    faults = faulty.truth["faults"]
    drifts = faults[faults["kind"] == "drift"]
    sent = pd.DataFrame(
        [
            (m["device_id"], m["payload"]["metric"], m["payload"]["value"], m["emitted_at"])
            for m in faulty.of("readings")
            if m["device_id"] in set(drifts["device_id"]) and m["payload"]["metric"] != "battery"
        ],
        columns=["device_id", "metric", "value", "at"],
    )
    sent["at"] = pd.to_datetime(sent["at"]).dt.tz_localize(None)
    by_device = sent.groupby(["device_id", "metric"])["value"]
    sent["z"] = (sent["value"] - by_device.transform("mean")) / by_device.transform("std")
    found = [
        (
            sent[
                (sent["device_id"] == drift.device_id)
                & (sent["at"] >= drift.from_at)
                & (sent["at"] < drift.to_at)
            ]["z"].abs()
            > 3
        ).any()
        for drift in drifts.itertuples()
    ]
    assert len(found) >= 8
    assert np.mean(found) <= 0.5
