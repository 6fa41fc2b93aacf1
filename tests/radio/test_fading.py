"""How loud anchors hear: what was planted in a walk is found again."""

import numpy as np
import pandas as pd
import pytest

from lakehouse.radio import fading

ANCHORS = pd.DataFrame(
    [("north", 2.0, 9.0), ("east", 8.0, 3.0)], columns=["anchor_id", "x_m", "y_m"]
)
PLANTED = {
    "north": (-52.0, 2.1, 1.5, -2.5, 0.8, -0.4),
    "east": (-55.0, 1.9, -1.0, 2.0, -0.6, 1.2),
}


def walk(noise_db=1.0):
    """A walk over the whole floor that both anchors hear, each by what was planted."""
    chance = np.random.default_rng(5)
    parts = []
    for anchor_id, end_x, end_y in ANCHORS.itertuples(index=False):
        x_m, y_m = chance.uniform(0, 10, (2, 2_000))
        squared = (x_m - end_x) ** 2 + (y_m - end_y) ** 2 + 1.0
        level, exponent, east, north, along, across = PLANTED[anchor_id]
        heard = level - 10 * exponent * np.log10(np.sqrt(squared))
        heard += (east * (x_m - end_x) + north * (y_m - end_y)) / np.sqrt(squared)
        heard += along * ((x_m - end_x) ** 2 - (y_m - end_y) ** 2) / squared
        heard += across * 2 * (x_m - end_x) * (y_m - end_y) / squared
        heard += chance.normal(0, noise_db, len(heard))
        parts.append(
            pd.DataFrame({"anchor_id": anchor_id, "x_m": x_m, "y_m": y_m, "rssi_dbm": heard})
        )
    return pd.concat(parts, ignore_index=True)


def found_in(readings):
    found = fading.fit(readings, ANCHORS).set_index("anchor_id")
    return {name: found.loc[name, list(fading.PARAMETERS)].to_numpy(float) for name in PLANTED}


def test_level_fall_and_pattern_of_every_anchor_are_found():
    for name, parameters in found_in(walk()).items():
        np.testing.assert_allclose(parameters, PLANTED[name], atol=0.4)


def test_one_reading_in_twenty_that_is_far_off_changes_next_to_nothing():
    readings = walk()
    readings.loc[::20, "rssi_dbm"] += 40.0
    for name, parameters in found_in(readings).items():
        np.testing.assert_allclose(parameters, PLANTED[name], atol=0.5)


def test_the_fading_is_the_spread_of_single_readings():
    quiet, loud = (fading.fit(walk(noise), ANCHORS)["fading_db"] for noise in (1.0, 4.0))
    # The scale of a Student t with 5 degrees of freedom is 0.87 of the deviation of normal noise.
    assert list(quiet.round(1)) == [0.9, 0.9]
    assert all(loud.between(3.2, 3.8))


def test_an_anchor_of_few_readings_is_drawn_towards_all_together():
    readings = walk()
    is_few = (readings["anchor_id"] == "north").to_numpy()
    is_few[np.flatnonzero(is_few)[:3]] = False
    few = found_in(readings[~is_few])["north"]
    _, exponent = fading.global_fit(readings[~is_few], ANCHORS)
    assert abs(few[1] - exponent) < 0.5
    assert np.abs(few[2:]).max() < 2.5


def test_an_anchor_that_the_walk_never_heard_is_refused_by_name():
    readings = walk()
    with pytest.raises(ValueError, match="no reading of anchors east"):
        fading.fit(readings[readings["anchor_id"] == "north"], ANCHORS)
