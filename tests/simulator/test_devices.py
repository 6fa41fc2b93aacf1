"""Readings, calibrated, are true values."""

import numpy as np
import pandas as pd

from lakehouse.settings import Simulation
from tests.simulator.zone import Zone, arrival


def test_readings_calibrated_are_the_true_values(whole):
    truth = whole.truth["readings"].set_index(["device_id", "metric", "measured_at"])["true_value"]
    factors = {"g": 1 / 1000, "lb": 0.45359237}
    calibrations = sorted(
        (m["payload"] for m in whole.of("calibrations")), key=lambda row: row["valid_from"]
    )
    errors = {}
    for message in whole.of("readings"):
        payload = message["payload"]
        value = payload["value"] * factors.get(payload["unit"], 1)
        value = (value - 32) * 5 / 9 if payload["unit"] == "F" else value
        right = value
        for row in calibrations:
            is_its_own = row["device_id"] == message["device_id"]
            if is_its_own and row["valid_from"] <= message["emitted_at"]:
                right = row["scale"] * value + row["offset"]
        at = pd.Timestamp(message["emitted_at"]).tz_localize(None)
        error = right - truth[(message["device_id"], payload["metric"], at)]
        errors.setdefault(payload["metric"], []).append(error)
    assert len(errors["temperature"]) == 3 * 4 * 288 + 3 * 9 * 144
    # Five standard deviations of the noise, and what a display rounds away.
    limits = {"temperature": 0.6, "humidity": 4, "co2": 70, "light": 25, "noise": 6, "motion": 0}
    limits |= {"power": 30, "vibration": 0.12, "weight": 0.03, "battery": 0.6}
    assert set(errors) == set(limits)
    for metric, limit in limits.items():
        assert max(map(abs, errors[metric])) <= limit, metric
        assert abs(np.mean(errors[metric])) <= limit / 20, metric


def test_one_calibration_arrives_two_days_after_readings_that_it_covers():
    zone = Zone(Simulation(receipt_days=1, receipt_share=0.01, sensor_days=3))
    [late] = [
        (arrival(key), message["payload"])
        for (key, _), message in zone.messages.items()
        if message["feed"] == "calibrations" and message["payload"]["row_count"] == 1
    ]
    wait = late[0] - pd.Timestamp(late[1]["valid_from"])
    assert pd.Timedelta(days=2) < wait < pd.Timedelta(days=2, minutes=2)
    covered = [
        key
        for (key, _), message in zone.messages.items()
        if message["device_id"] == late[1]["device_id"]
        and message["emitted_at"] > late[1]["valid_from"]
        and arrival(key) < late[0]
    ]
    assert len(covered) > 500


def test_each_shop_has_one_warm_fridge_and_the_others_stay_cold(whole):
    episodes = whole.truth["episodes"]
    readings = whole.truth["readings"]
    readings = readings[readings["device_id"].str.contains("-fridge-")]
    readings = readings.merge(episodes, on=["device_id", "shop_id"], how="left")
    assert sorted(episodes["shop_id"]) == ["S1", "S2", "S3"]
    is_on = (readings["measured_at"] >= readings["from_at"] + pd.Timedelta(hours=2)) & (
        readings["measured_at"] <= readings["to_at"]
    )
    assert (readings.loc[is_on, "true_value"] > 5).all()
    never = readings[readings["from_at"].isna()]
    assert (never["true_value"] > 5).mean() < 0.03  # doors and defrosting
