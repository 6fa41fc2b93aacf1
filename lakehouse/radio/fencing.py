"""When subjects crossed a shop's geofence, by fixes that say how far off they may be.

A hidden Markov model of two states, within and without, run forward as the fixes come, so that it says
what could have been known when. A fix counts by how much likelier it is from within than from without:
one by a cell of two kilometres says next to nothing, and one that lies far off is believed less than a
normal distribution would (Student's t). Who stands at the fence does not cross it with each fix, as a
crossing takes nine in ten (Rabiner, Proc. IEEE 77(2), 1989, for the model).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lakehouse.radio.tracking import FREEDOM, GPS_INDOORS_WORSE, RADIUS_68

Floats = npt.NDArray[np.float64]

# Who does the fencing, and which providers of a phone's fixes they have.
WAYS: dict[str, tuple[str, ...]] = {
    "app": ("gps", "bluetooth"),
    "network": ("cell", "wifi"),
    "hybrid": ("gps", "bluetooth", "cell", "wifi"),
}
# Who is not heard for longer had gone; two stays of one person are farther apart than that.
GAP_S = 600.0
# Mean time on either side before a crossing: a quarter of an hour, of the order of a visit (assumed).
_STAY_S = 900.0
_SURE = 0.9
_BEFORE = 0.1  # how likely somebody is within before anything is heard of them
# Without is as far as this: a few minutes' drive around the fence, from where people come.
_AROUND_M = 500.0
_CELL_M = 10.0
_THINNED = 7  # of the places without, which are many, every so manieth
_LEAST = 1e-300
METRES_A_DEGREE = 111_320.0  # of latitude

CROSSINGS = (
    "shop_id string, subject string, day_on date, fenced_by string, kind string, "
    "crossed_at timestamp, known_at timestamp, fixes bigint"
)


@dataclass(frozen=True)
class Fence:
    """Places within and without a geofence, shape (n, 2), metres east and north of its middle."""

    within_m: Floats
    without_m: Floats
    longitude: float
    latitude: float

    @classmethod
    def of(cls, outline: str) -> "Fence | None":
        """The fence of a polygon in WGS84 (well-known text); None where the text is none."""
        polygon = shapely.from_wkt(outline, on_invalid="ignore")
        if polygon is None or not polygon.area:
            return None
        middle = polygon.centroid
        metres = shapely.transform(polygon, lambda at: _metres(at, middle.x, middle.y))
        reach_m = max(map(abs, metres.bounds)) + _AROUND_M
        line = np.arange(-reach_m, reach_m, _CELL_M) + _CELL_M / 2
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        is_in = shapely.contains_xy(metres, *grid.T)
        return cls(grid[is_in], grid[~is_in][::_THINNED], middle.x, middle.y)

    def evidence(self, east_north_m: Floats, spread_m: Floats) -> Floats:
        """By how much each fix is likelier from within than from without, as a logarithm.

        Takes   east_north_m  shape (n, 2)
                spread_m      shape (n,): standard deviation on each axis
        """
        within, without = (
            np.log(np.maximum(_density(places, east_north_m, spread_m), _LEAST))
            for places in (self.within_m, self.without_m)
        )
        return np.asarray(within - without)


def crossings(presences: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """When a subject came and went, as each of WAYS saw it.

    Takes   presences  one row is one presence: shop_id, subject, day_on, geofence (well-known
                       text), and
              fixes  structs: second (of the epoch), latitude, longitude, accuracy_m, provider; in
                     the order of time
    Gives   CROSSINGS: kind is enter or leave; crossed_at the instant, known_at the fix that made it
            sure, or GAP_S after the last one; fixes how many of that way there were
    """
    fences: dict[str, Fence | None] = {}
    names = [part.split()[0] for part in CROSSINGS.split(", ")]
    for batch in presences:
        found: list[tuple[Any, ...]] = []
        for one in batch.to_dict("records"):
            outline = str(one["geofence"])
            if outline not in fences:
                fences[outline] = Fence.of(outline)
            if (fence := fences[outline]) is not None:
                found += [
                    (one["shop_id"], one["subject"], one["day_on"], *crossing)
                    for crossing in _of(list(one["fixes"]), fence)
                ]
        frame = pd.DataFrame(found, columns=names)
        for column in ("crossed_at", "known_at"):
            millis = (frame[column].astype("float64") * 1000).round().astype("int64")
            frame[column] = pd.to_datetime(millis, unit="ms", utc=True)
        yield frame


def _of(fixes: Sequence[Mapping[str, Any]], fence: Fence) -> Iterator[tuple[Any, ...]]:
    """fenced_by, kind, crossed_at, known_at (seconds of the epoch), fixes."""
    second, latitude, longitude, accuracy_m = (
        np.array([one[name] for one in fixes], dtype=np.float64)
        for name in ("second", "latitude", "longitude", "accuracy_m")
    )
    provider = np.array([one["provider"] for one in fixes])
    at = np.stack([longitude, latitude], axis=1)
    # GPS under a roof says less than it errs, and nobody knows yet whether there is a roof.
    worse = np.where(provider == "gps", GPS_INDOORS_WORSE**0.5, 1.0)
    spread_m = np.maximum(accuracy_m * worse / RADIUS_68, _CELL_M)
    evidence = fence.evidence(_metres(at, fence.longitude, fence.latitude), spread_m)
    for way, providers in WAYS.items():
        mine = np.isin(provider, providers)
        for kind, crossed_at, known_at in _crossed(second[mine], evidence[mine]):
            yield way, kind, crossed_at, known_at, int(mine.sum())


def _crossed(second: Floats, evidence: Floats) -> Iterator[tuple[str, float, float]]:
    """kind, crossed_at, known_at: the state that is sure changes."""
    likely, is_in, since, before = _BEFORE, False, 0, -np.inf
    for number, (now, weight) in enumerate(zip(second, evidence, strict=True)):
        change = (1 - np.exp(-2 * (now - before) / _STAY_S)) / 2 if number else 0.0
        likely = likely * (1 - change) + (1 - likely) * change
        odds = likely / (1 - likely) * np.exp(np.clip(weight, -50, 50))
        likely, before = min(max(odds / (1 + odds), 1e-9), 1 - 1e-9), now
        if likely > _SURE if not is_in else likely < 1 - _SURE:
            while_so = slice(since, number + 1)
            for_it = evidence[while_so] * (-1 if is_in else 1)
            is_in, since = not is_in, number
            yield "enter" if is_in else "leave", _when(second[while_so], for_it), now
    if is_in:
        yield "leave", before, before + GAP_S


def _when(second: Floats, for_it: Floats) -> float:
    """The mean instant of a crossing before one of some fixes, by the evidence from there on.

    As likely at any instant as at any other beforehand; before the first fix there is none to tell.
    """
    since = np.cumsum(for_it[::-1])[::-1]
    began = np.concatenate([second[:1], second[:-1]])
    weight = np.exp(since - since.max()) * np.maximum(second - began, 1.0)
    return float(((began + second) / 2 * weight).sum() / weight.sum())


def _density(places: Floats, at: Floats, spread_m: Floats) -> Floats:
    """Mean over places of the density with which each fix comes from there (Student's t, round)."""
    found = np.empty(len(at))
    for number, (one, spread) in enumerate(zip(at, spread_m, strict=True)):
        square = ((places - one) ** 2).sum(axis=1) / (FREEDOM * spread**2)
        found[number] = ((1 + square) ** (-(FREEDOM + 2) / 2)).mean()
    return found


def _metres(at: Floats, longitude: float, latitude: float) -> Floats:
    """East and north of a place, in metres, near it; `at` is longitude and latitude."""
    east = (at[..., 0] - longitude) * np.cos(np.radians(latitude))
    return np.stack([east, at[..., 1] - latitude], axis=-1) * METRES_A_DEGREE
