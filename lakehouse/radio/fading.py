"""How loud each anchor of a place hears a carried thing, by where that is.

Received power falls with the logarithm of the distance (Friis 1946; Rappaport, Wireless
Communications, 2002, 4.9). What hangs beside an anchor - its own antenna, the wall, a shelf - makes
it hear some directions better than others; that is a smooth pattern of four numbers an anchor.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

# What an anchor's row says: the level 1 m away, the fall with distance, and by how much it hears
# better towards +x, towards +y, along x rather than along y, along the diagonal.
PARAMETERS = ("level_dbm", "exponent", "x_db", "y_db", "xx_db", "xy_db")

# Anchors hang up to a metre or two above what is carried, so that nothing is nearer than that.
# (0.5 to 1.5 m made no difference on the tracks of docs/decisions/positions.md.)
_RISE_M = 1.0
# Degrees of freedom of Student's t: readings far off count for little. 3 to 10 made none either.
_FREEDOM = 5.0
# How far an anchor may differ from all of them together, as standard deviations: the more of its
# own readings there are, the less this says.
_PRIOR_SD = (6.0, 0.5, 2.0, 2.0, 2.0, 2.0)
_ROUNDS = 30


def towards(dx_m: Any, dy_m: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Squared distance, and the four terms of the pattern, of a place seen from an anchor.

    Takes   numpy arrays or Spark columns: this is the one statement of the geometry for both
    """
    squared = dx_m * dx_m + dy_m * dy_m + _RISE_M**2
    root = squared**0.5
    along = (dx_m * dx_m - dy_m * dy_m) / squared
    return squared, dx_m / root, dy_m / root, along, 2.0 * dx_m * dy_m / squared


def fit(walk: pd.DataFrame, anchors: pd.DataFrame) -> pd.DataFrame:
    """Fit every anchor, each drawn towards what fits all of them together.

    Takes   walk     anchor_id, x_m, y_m (where the thing truly was), rssi_dbm; numbers only
            anchors  anchor_id, x_m, y_m
    Gives   anchors in the same order, with PARAMETERS and
              fading_db  how far single readings lie from it: the scale of a Student t
    Raises  ValueError where an anchor has no reading or the walk has none at all
    """
    silent = sorted(set(anchors["anchor_id"]) - set(walk["anchor_id"]))
    if silent or walk.empty:
        raise ValueError(f"the walk has no reading of anchors {', '.join(silent) or '(any)'}")
    designs, levels = zip(*(_readings(walk, one) for one in anchors.itertuples()), strict=True)
    together, _ = _robust(
        np.concatenate(designs)[:, :2], np.concatenate(levels), np.array([-60.0, 2.0]), np.zeros(2)
    )
    prior = np.r_[together, np.zeros(4)]
    weight = np.asarray(_PRIOR_SD) ** -2.0
    fitted = [_robust(x, y, prior, weight) for x, y in zip(designs, levels, strict=True)]
    found = pd.DataFrame([found for found, _ in fitted], columns=list(PARAMETERS))
    found["fading_db"] = [scale for _, scale in fitted]
    return pd.concat([anchors[["anchor_id", "x_m", "y_m"]].reset_index(drop=True), found], axis=1)


def global_fit(walk: pd.DataFrame, anchors: pd.DataFrame) -> tuple[float, float]:
    """Level at 1 m and exponent that fit all anchors alike: what plain trilateration goes by."""
    parts = [_readings(walk, one) for one in anchors.itertuples()]
    design = np.concatenate([x for x, _ in parts])[:, :2]
    levels = np.concatenate([y for _, y in parts])
    (level, exponent), _ = _robust(design, levels, np.array([-60.0, 2.0]), np.zeros(2))
    return float(level), float(exponent)


def _readings(walk: pd.DataFrame, anchor: Any) -> tuple[Floats, Floats]:
    mine = walk[walk["anchor_id"] == anchor.anchor_id]
    dx_m = mine["x_m"].to_numpy(dtype=np.float64) - anchor.x_m
    dy_m = mine["y_m"].to_numpy(dtype=np.float64) - anchor.y_m
    squared, *pattern = towards(dx_m, dy_m)
    design = np.stack([np.ones_like(squared), -5.0 * np.log10(squared), *pattern], axis=-1)
    return design, mine["rssi_dbm"].to_numpy(dtype=np.float64)


def _robust(x: Floats, y: Floats, prior: Floats, weight: Floats) -> tuple[Floats, float]:
    """Coefficients and scale under Student's t, by reweighted least squares from the prior on."""
    found: Floats = prior.copy()
    scale = 5.0
    for _ in range(_ROUNDS):
        off = y - x @ found
        by = (_FREEDOM + 1) / (_FREEDOM + (off / scale) ** 2)
        scale = max(float(np.sqrt((by * off * off).mean())), 0.5)
        weighed = x.T * by / scale**2
        found = np.asarray(
            np.linalg.solve(weighed @ x + np.diag(weight), weighed @ y + weight * prior), np.float64
        )
    return found, scale
