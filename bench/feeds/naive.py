"""What anyone would try first: the loudest anchor's place, and circles that are made to meet."""

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

_STEPS = 50


def nearest(levels: pd.DataFrame, anchors: pd.DataFrame) -> pd.DataFrame:
    """The place of the anchor with the greatest mean level, an instant each.

    Takes   levels   shop_id, subject, at, anchor_id, level_dbm, readings
    Gives   shop_id, subject, at, x_m, y_m
    """
    heard = levels[levels["readings"] > 0]
    loudest = heard.loc[heard.groupby(["shop_id", "subject", "at"])["level_dbm"].idxmax()]
    found = loudest.merge(anchors[["anchor_id", "x_m", "y_m"]], on="anchor_id")
    return found[["shop_id", "subject", "at", "x_m", "y_m"]]


def trilaterated(
    levels: pd.DataFrame, anchors: pd.DataFrame, falls: dict[str, tuple[float, float]]
) -> pd.DataFrame:
    """Each level a distance by one log-distance fit for all anchors; then least squares of these.

    Takes   falls  shop_id -> level at 1 m and exponent
    Gives   shop_id, subject, at, x_m, y_m
    """
    heard = levels[levels["readings"] > 0].merge(anchors, on="anchor_id")
    rows = []
    for (shop_id, subject, at), here in heard.groupby(["shop_id", "subject", "at"]):
        level, exponent = falls[shop_id]
        away_m = 10 ** ((level - here["level_dbm"].to_numpy()) / (10 * exponent))
        x_m, y_m = _meeting(here[["x_m", "y_m"]].to_numpy(), away_m)
        rows.append((shop_id, subject, at, x_m, y_m))
    return pd.DataFrame(rows, columns=["shop_id", "subject", "at", "x_m", "y_m"])


def _meeting(ends_m: Floats, away_m: Floats) -> Floats:
    """Where the squared misses of the distances are least: Levenberg's steps from the middle."""
    found, damping = ends_m.mean(axis=0), 1.0
    cost = np.inf
    for _ in range(_STEPS):
        lines = found - ends_m
        reach = np.maximum(np.hypot(*lines.T), 1e-6)
        miss = reach - away_m
        slope = lines / reach[:, None]
        step = np.linalg.solve(slope.T @ slope + damping * np.eye(2), slope.T @ miss)
        tried = found - step
        new = float((np.square(np.hypot(*(tried - ends_m).T) - away_m)).sum())
        if new < cost:
            found, cost, damping = tried, new, damping / 3
        else:
            damping *= 4
    return found
