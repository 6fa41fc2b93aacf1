"""In which zone a subject was at each instant, by all that was heard of it before and after.

A hidden Markov model over the floor's cells: who stands goes on standing, who walks is near where
they were. Forward and backward, so that what is heard later says where somebody was (Rabiner,
Proc. IEEE 77(2), 1989). It carries a state from instant to instant, so it is numpy a presence; as
windows of Spark's own expressions it was less right and took longer (docs/decisions/visits.md).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.radio.location import LOGISTIC, NINE_IN_TEN

Floats = npt.NDArray[np.float64]
Heard = Mapping[str, Any]  # a struct of Spark's

EVERY_S = 10  # from one instant to the next; a phone in the background scans as often
CELL_M = 2.0  # with cells of 4 m the borders of zones are missed

# Loss on the way, against the power at 1 m that is advertised: MIT Lincoln Laboratory's logs at
# known distances (MIT-Matrix-Data, 2020) have -65.1 dBm at 1 m where -59 is advertised (the body),
# a fall by 19 dB a decade, and a spread of 8 dB about it.
_BODY_DB, _DECADE_DB, _SPREAD_DB = 6.0, 19.0, 8.0
_NEAREST_M = 1.0
# Degrees of freedom of Student's t: one anchor may be shut off, one fix be far off.
FREEDOM = 4.0
# A fix's accuracy is the radius of 68 % (Android's Location.getAccuracy) of a round normal
# distribution, in its standard deviation. Under a roof GPS says less than it errs: three times as
# much is allowed for (assumed).
RADIUS_68 = 1.515
GPS_INDOORS_WORSE = 3.0
# In ten seconds: four of five stand where they stood (a shelf takes half a minute), one walks about
# a metre a second (Bohannon and Andrews, Physiotherapy 97, 2011). Assumed, and not fitted.
_STANDS = 0.8
_STANDING_M, _WALKING_M = 0.7, 12.0

SHARES = (
    "shop_id string, subject string, day_on date, began_at timestamp, at timestamp, "
    "zone_id string, share double, error_m double"
)


@dataclass(frozen=True)
class Floor:
    """The floor cut into cells, row by row along x; `zone` is the index in `zone_ids`, -1 for none."""

    zone_ids: tuple[str, ...]
    columns: int
    rows: int
    x_m: Floats
    y_m: Floats
    zone: npt.NDArray[np.int64]


def zone_shares(presences: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """How likely a subject was in each zone, every EVERY_S seconds of each presence.

    Takes   presences  one row is one presence: shop_id, subject, day_on, began_at, and
              evidence  structs: second (of the epoch), heard_by (app, anchor, or fix), anchor_id,
                        x_m, y_m (of the fixed end, or the fix), loss_db (null: no reading),
                        accuracy_m, is_gps (of a fix)
              anchors   structs: anchor_id, heard_by, x_m, y_m: all that were there
              zones     structs: zone_id, polygon (corners x, y)
    Gives   SHARES: zone_id null is in none; error_m: nine in ten times no farther from the middle
    """
    for batch in presences:
        for one in batch.to_dict("records"):
            floor = floor_of(list(one["zones"]))
            if floor is None:
                continue
            first, scores = _scores(list(one["evidence"]), list(one["anchors"]), floor)
            likely = smoothed(np.exp(scores), floor)
            found = _by_zone(likely, floor)
            found["at"] = pd.to_datetime(first + found.pop("step") * EVERY_S, unit="s", utc=True)
            names = {name: one[name] for name in ("shop_id", "subject", "day_on", "began_at")}
            yield found.assign(**names)[[part.split()[0] for part in SHARES.split(", ")]]


def floor_of(zones: list[Heard]) -> Floor | None:
    """Cut what the zones' polygons span into cells; None without a polygon."""
    outlines = {
        one["zone_id"]: np.array([list(corner) for corner in one["polygon"]], dtype=np.float64)
        for one in sorted(zones, key=lambda one: str(one["zone_id"]))
        if one["polygon"] is not None and len(one["polygon"])
    }
    if not outlines:
        return None
    corners = np.concatenate(list(outlines.values()))
    low, high = corners.min(axis=0), corners.max(axis=0)
    columns, rows = (int(count) for count in np.maximum(np.ceil((high - low) / CELL_M), 1))
    x_m, y_m = np.meshgrid(
        low[0] + (np.arange(columns) + 0.5) * CELL_M,
        low[1] + (np.arange(rows) + 0.5) * CELL_M,
        indexing="ij",
    )
    zone = np.full(x_m.size, -1, dtype=np.int64)
    for number, outline in enumerate(outlines.values()):
        zone[(zone < 0) & _inside(x_m.ravel(), y_m.ravel(), outline)] = number
    return Floor(tuple(outlines), columns, rows, x_m.ravel(), y_m.ravel(), zone)


def _inside(x_m: Floats, y_m: Floats, outline: Floats) -> npt.NDArray[np.bool_]:
    """A ray to the right crosses the outline an odd number of times (as in dwelling.py)."""
    crossed = np.zeros(len(x_m), dtype=bool)
    for (from_x, from_y), (to_x, to_y) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if from_y == to_y:
            continue
        spans = (from_y > y_m) != (to_y > y_m)
        crossed ^= spans & (x_m < (to_x - from_x) * (y_m - from_y) / (to_y - from_y) + from_x)
    return crossed


def _scores(evidence: list[Heard], anchors: list[Heard], floor: Floor) -> tuple[int, Floats]:
    """The first instant, second of the epoch, and the log-likelihood of each cell at each, shape
    (instants, cells), the best of an instant 0.
    """
    steps = [int(one["second"] // EVERY_S) for one in evidence]
    first = min(steps)
    scans: defaultdict[tuple[int, str], list[Heard]] = defaultdict(list)
    for step, one in zip(steps, evidence, strict=True):
        scans[step - first, one["heard_by"]].append(one)
    losses = {
        (one["heard_by"], one["anchor_id"]): _loss(one, floor)
        for one in anchors
        if one["x_m"] is not None and one["y_m"] is not None
    }
    scores = np.zeros((max(steps) - first + 1, len(floor.x_m)))
    for (step, heard_by), heard in sorted(scans.items(), key=lambda scan: scan[0]):
        if heard_by == "fix":
            for fix in heard:
                scores[step] += _fix(fix, floor)
        else:
            listening = {name: loss for (by, name), loss in losses.items() if by == heard_by}
            scores[step] += _scan(heard, listening, floor)
    scores -= scores.max(axis=1, keepdims=True)
    return first * EVERY_S, scores


def _loss(end: Heard, floor: Floor) -> Floats:
    """dB lost from a fixed end to each cell."""
    away_m = np.maximum(np.hypot(floor.x_m - end["x_m"], floor.y_m - end["y_m"]), _NEAREST_M)
    return np.asarray(_BODY_DB + _DECADE_DB * np.log10(away_m))


def _scan(heard: list[Heard], listening: dict[str, Floats], floor: Floor) -> Floats:
    """Of what was heard in one scan, and of what was not: it would have been weaker."""
    score = np.zeros(len(floor.x_m))
    read = [one for one in heard if one["loss_db"] is not None and one["x_m"] is not None]
    for one in read:
        off_db = one["loss_db"] - _loss(one, floor)
        score -= (FREEDOM + 1) / 2 * np.log1p((off_db / _SPREAD_DB) ** 2 / FREEDOM)
    if read:
        most_db = max(one["loss_db"] for one in read)
        for name in listening.keys() - {one["anchor_id"] for one in heard}:
            score -= np.log1p(np.exp(-LOGISTIC * (listening[name] - most_db) / _SPREAD_DB))
    return score


def _fix(fix: Heard, floor: Floor) -> Floats:
    """Student's t in two dimensions about a fix."""
    worse = GPS_INDOORS_WORSE if fix["is_gps"] else 1.0
    deviation_m = max(fix["accuracy_m"], 1.0) / RADIUS_68 * worse
    away = ((floor.x_m - fix["x_m"]) ** 2 + (floor.y_m - fix["y_m"]) ** 2) / deviation_m**2
    return np.asarray(-(FREEDOM + 2) / 2 * np.log1p(away / FREEDOM))


def smoothed(likelihood: Floats, floor: Floor) -> Floats:
    """The probability of each cell at each instant, given all instants.

    Takes   likelihood  shape (instants, cells), above 0 somewhere in each instant
    Gives   the same shape; each instant sums to 1
    """
    shape = (floor.columns, floor.rows)
    moves = [
        (share, _spread(floor.columns, sigma_m), _spread(floor.rows, sigma_m))
        for share, sigma_m in ((_STANDS, _STANDING_M), (1 - _STANDS, _WALKING_M))
    ]
    seen = likelihood.reshape(-1, *shape)
    forward = np.empty_like(seen)
    now = np.full(shape, 1.0)
    for step, heard in enumerate(seen):
        if step:
            now = _moved(now, moves)
        now = now * heard
        now /= now.sum()
        forward[step] = now
    found = np.empty_like(seen)
    after = np.full(shape, 1.0)
    for step in range(len(seen) - 1, -1, -1):
        found[step] = forward[step] * after
        found[step] /= found[step].sum()
        after = after * seen[step]
        after = _moved(after, [(share, along.T, across.T) for share, along, across in moves])
        after /= after.sum()
    return np.asarray(found.reshape(likelihood.shape))


def _moved(likely: Floats, moves: list[tuple[float, Floats, Floats]]) -> Floats:
    """Ten seconds later, or earlier."""
    (stands, *standing), (walks, *walking) = moves
    return np.asarray(
        stands * standing[0] @ likely @ standing[1].T + walks * walking[0] @ likely @ walking[1].T
    )


def _spread(count: int, sigma_m: float) -> Floats:
    """Where who was in a cell of a line is next: shape (to, from), each column sums to 1."""
    cell = np.arange(count)
    near = np.exp(-0.5 * ((cell[:, None] - cell[None]) * CELL_M / sigma_m) ** 2)
    return np.asarray(near / near.sum(axis=0, keepdims=True))


def _by_zone(likely: Floats, floor: Floor) -> pd.DataFrame:
    """step, zone_id, share, error_m."""
    ids = [*floor.zone_ids, None]
    member = np.zeros((len(floor.x_m), len(ids)))
    member[np.arange(len(floor.x_m)), floor.zone] = 1.0  # -1, in no zone, is the last
    share = likely @ member
    mean_x, mean_y = likely @ floor.x_m, likely @ floor.y_m
    spread = likely @ (floor.x_m**2 + floor.y_m**2) - mean_x**2 - mean_y**2
    error_m = NINE_IN_TEN * np.sqrt(np.maximum(spread, 0.0))
    step = np.arange(len(likely))
    return pd.DataFrame(
        {
            "step": np.repeat(step, len(ids)),
            "zone_id": np.array(ids * len(likely), dtype=object),
            "share": share.ravel(),
            "error_m": np.repeat(error_m, len(ids)),
        }
    )
