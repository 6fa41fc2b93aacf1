"""How far away a beacon is, by how loud it is heard: an estimate with an honest interval.

Levels fall with the logarithm of the distance, and every way of carrying a phone shifts them and
bends the fall. Turned round (Bayes, with the distances of the labelled data as what is usual), the
logarithm of the distance given a level is normal, so that both ends are in closed form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Floats = npt.NDArray[np.float64]

SHARE = 0.9  # of intervals that hold the distance

# What a row of parameters says; `apply` reads them.
PARAMETERS = ("level_dbm", "exponent", "noise_db", "usual_log10_m", "usual_sd", "stretch")

_LEAST_VARIANCE = 1e-3


@dataclass(frozen=True)
class Fit:
    """What labelled data say of carriers in general. (Level at 1 m and exponent: arrays of two.)

    mean, spread    of level and exponent over carriers, and their covariance
    noise           variance of a level about its own carrier's fall, dB²
    usual_log10_m   mean and standard deviation of log10 of the distances: what is usual
    stretch         of intervals of unknown carriers and of known ones, so that SHARE of them hold
    """

    mean: Floats
    spread: Floats
    noise: float
    usual_log10_m: tuple[float, float]
    stretch: tuple[float, float] = (1.0, 1.0)


def fit(labelled: pd.DataFrame) -> Fit:
    """Fit all carriers together, and stretch the intervals by what was left out in turn.

    Takes   labelled  carrier (a way to carry the phone, or one beacon), distance_m, level_dbm
    Raises  ValueError with fewer than four carriers: the spread between them would be a guess
    """
    if (count := labelled["carrier"].nunique()) < 4:
        raise ValueError(f"there are {count} carriers in the labelled data; it needs at least 4")
    lines = _lines(labelled)
    unknown: list[float] = []
    known: list[float] = []
    for carrier, mine in labelled.groupby("carrier"):
        others = _together(lines.drop(index=carrier), labelled["distance_m"])
        unknown += _misses(mine, parameters(others))
        for distance_m, judged in mine.groupby("distance_m"):
            own = mine[mine["distance_m"] != distance_m]
            known += _misses(judged, parameters(others, own))
    stretch = (float(np.quantile(unknown, SHARE)), float(np.quantile(known, SHARE)))
    return replace(_together(lines, labelled["distance_m"]), stretch=stretch)


def parameters(found: Fit, own: pd.DataFrame | None = None) -> dict[str, float]:
    """PARAMETERS of a carrier of which nothing is known, or of one with labelled data of its own.

    Takes   own  distance_m, level_dbm of this carrier; what few of them say is drawn to the mean
    """
    mean, spread = found.mean, found.spread
    if own is not None and len(own):
        design = _design(own["distance_m"])
        levels = own["level_dbm"].to_numpy(dtype=np.float64)
        within = design @ spread @ design.T + found.noise * np.eye(len(own))
        gain = np.linalg.solve(within, design @ spread).T
        mean, spread = mean + gain @ (levels - design @ mean), spread - gain @ design @ spread
    usual, usual_sd = found.usual_log10_m
    at_usual = np.array([1.0, -10.0 * usual])
    noise = found.noise + at_usual @ spread @ at_usual
    stretch = found.stretch[0 if own is None else 1]
    values = (mean[0], mean[1], np.sqrt(noise), usual, usual_sd, stretch)
    return dict(zip(PARAMETERS, map(float, values), strict=True))


def distances(levels: DataFrame, carriers: DataFrame) -> DataFrame:
    """Add the distance, and from where to where it lies in SHARE of all cases.

    Takes   levels    level_dbm, and the columns that `carriers` is told apart by
            carriers  PARAMETERS, and those columns: which of them a level belongs to
    Gives   the columns of `levels`, and distance_m, from_m, to_m; null where no carrier fits
    """
    names = [name for name in carriers.columns if name not in PARAMETERS]
    of = carriers.withColumnRenamed("level_dbm", "_at_1_m_dbm")
    by = {name: F.col(name) for name in PARAMETERS} | {"level_dbm": F.col("_at_1_m_dbm")}
    middle, sureness = _log_distance(F.col("level_dbm"), by)
    half = F.col("stretch") / sureness**0.5
    return levels.join(F.broadcast(of), on=names, how="left").select(
        *levels.columns,
        F.pow(F.lit(10.0), middle).alias("distance_m"),
        F.pow(F.lit(10.0), middle - half).alias("from_m"),
        F.pow(F.lit(10.0), middle + half).alias("to_m"),
    )


def _log_distance(level_dbm: Any, by: Mapping[str, Any]) -> tuple[Any, Any]:
    """Mean and precision of log10 of the distance given a level: numpy arrays or Spark columns."""
    slope, noise, usual = 10.0 * by["exponent"], by["noise_db"] ** 2, by["usual_sd"] ** -2.0
    sureness = usual + slope * slope / noise
    drop_db = by["level_dbm"] - level_dbm
    return (usual * by["usual_log10_m"] + slope * drop_db / noise) / sureness, sureness


def _design(distance_m: "pd.Series[float]") -> Floats:
    fall = -10.0 * np.log10(distance_m.to_numpy(dtype=np.float64))
    return np.stack([np.ones_like(fall), fall], axis=-1)


def _lines(labelled: pd.DataFrame) -> pd.DataFrame:
    """Least squares a carrier: level and exponent, how noise blurs them, squares, freedom."""
    rows = {}
    for carrier, mine in labelled.groupby("carrier"):
        design = _design(mine["distance_m"])
        levels = mine["level_dbm"].to_numpy(dtype=np.float64)
        line = np.linalg.lstsq(design, levels, rcond=None)[0]
        off = levels - design @ line
        blur = np.linalg.inv(design.T @ design)
        rows[carrier] = (*line, *blur.ravel(), float(off @ off), len(mine) - 2)
    names = ["level_dbm", "exponent", "b11", "b12", "b21", "b22", "squares", "freedom"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def _together(lines: pd.DataFrame, distance_m: "pd.Series[float]") -> Fit:
    """What lies between the carriers is their spread less what noise alone would make."""
    noise = float(lines["squares"].sum() / lines["freedom"].sum())
    each = lines[["level_dbm", "exponent"]].to_numpy(dtype=np.float64)
    blur = lines[["b11", "b12", "b21", "b22"]].to_numpy(dtype=np.float64).mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(each.T) - noise * blur.reshape(2, 2))
    spread = vectors @ np.diag(np.maximum(values, _LEAST_VARIANCE)) @ vectors.T
    log10_m = np.log10(distance_m.to_numpy(dtype=np.float64))
    return Fit(each.mean(axis=0), spread, noise, (float(log10_m.mean()), float(log10_m.std())))


def _misses(judged: pd.DataFrame, by: dict[str, float]) -> list[float]:
    """How many standard deviations the true log-distances lie from the estimates."""
    middle, sureness = _log_distance(judged["level_dbm"].to_numpy(dtype=np.float64), by)
    true = np.log10(judged["distance_m"].to_numpy(dtype=np.float64))
    return [float(miss) for miss in np.abs(true - middle) * np.sqrt(sureness)]
