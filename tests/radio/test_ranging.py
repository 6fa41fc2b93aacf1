"""How far away a beacon is: each test is one sentence that must stay true."""

import math

import numpy as np
import pandas as pd
import pytest

from lakehouse.radio import ranging

METRES = (0.9, 1.2, 1.8, 2.4, 3.6, 4.6)


def labelled(carriers=40, seed=3):
    """Carriers whose level and exponent differ, with 2 dB of noise."""
    chance = np.random.default_rng(seed)
    rows = [
        (f"c{number}", distance_m, level - 10 * exponent * math.log10(distance_m) + noise)
        for number, level, exponent in zip(
            range(carriers),
            chance.normal(-62, 5, carriers),
            chance.normal(1.6, 0.3, carriers),
            strict=True,
        )
        for distance_m, noise in zip(METRES, chance.normal(0, 2, len(METRES)), strict=True)
    ]
    return pd.DataFrame(rows, columns=["carrier", "distance_m", "level_dbm"])


def test_mean_spread_and_noise_are_found():
    found = ranging.fit(labelled(carriers=120))
    np.testing.assert_allclose(found.mean, [-62, 1.6], atol=1.0)
    between_levels, between_exponents = np.sqrt(np.diag(found.spread))
    assert between_levels == pytest.approx(5, abs=0.6)
    assert between_exponents == pytest.approx(0.3, abs=0.08)  # noise alone would add as much again
    assert math.sqrt(found.noise) == pytest.approx(2, abs=0.15)


def test_nine_in_ten_intervals_hold_the_distance_of_carriers_never_heard():
    found, judged = ranging.fit(labelled()), labelled(carriers=400, seed=4)
    by = ranging.parameters(found)
    held = np.array(ranging._misses(judged, by)) <= by["stretch"]
    assert 0.86 <= held.mean() <= 0.94


def test_who_is_known_has_the_narrower_interval_about_its_own_fall():
    data = labelled()
    found, own = ranging.fit(data), data[data["carrier"] == "c0"]
    unknown, known = ranging.parameters(found), ranging.parameters(found, own)
    assert known["noise_db"] < unknown["noise_db"] / 1.5
    fall = np.polyfit(-10 * np.log10(own["distance_m"]), own["level_dbm"], 1)
    assert unknown["exponent"] < known["exponent"] < fall[0]  # drawn to the mean
    assert known["level_dbm"] == pytest.approx(fall[1], abs=2.0)


def test_with_fewer_than_four_carriers_the_spread_would_be_a_guess():
    with pytest.raises(ValueError, match="3 carriers in the labelled data; it needs at least 4"):
        ranging.fit(labelled(carriers=3))


def test_distance_and_interval_are_those_of_all_distances_weighed_one_by_one(spark):
    by = {
        "level_dbm": -60.0,
        "exponent": 1.7,
        "noise_db": 6.0,
        "usual_log10_m": 0.3,
        "usual_sd": 0.25,
        "stretch": 1.645,
    }
    carriers = spark.createDataFrame(pd.DataFrame([{"beacon_id": "B1", **by}]))
    levels = spark.createDataFrame(
        [("e1", "B1", -71.0), ("e2", "B2", -71.0)],
        "event_id string, beacon_id string, level_dbm double",
    )
    known, unknown = sorted(ranging.distances(levels, carriers).collect())
    log10_m = np.linspace(-3, 3, 60_001)
    off = (-71.0 - (-60.0 - 17.0 * log10_m)) / 6.0
    weight = np.exp(-0.5 * off**2 - 0.5 * ((log10_m - 0.3) / 0.25) ** 2)
    share = np.cumsum(weight) / weight.sum()
    wanted = [10 ** float(np.interp(at, share, log10_m)) for at in (0.5, 0.05, 0.95)]
    assert [known.distance_m, known.from_m, known.to_m] == pytest.approx(wanted, rel=2e-3)
    assert list(unknown) == ["e2", "B2", -71.0, None, None, None]
