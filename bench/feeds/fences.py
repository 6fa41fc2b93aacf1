"""Who crossed a shop's geofence when: three ways of fencing on the same tracks, and what each costs.

Worlds of some days with seeds that nothing was tuned on (101 was used for that). Judged are those who
agreed to it and have the app. In the real purchases a card pays twice within minutes now and then, and is
walked twice at once then: nobody can tell when such a card came or went, so those visits are a row of their
own, with all others. `SEEDS="41"` does one seed, DAYS=1 shorter worlds.
"""

import os

import numpy as np
import pandas as pd
import shapely
from pyspark.sql import SparkSession

from bench.feeds import worlds
from bench.feeds.worlds import Lived
from bench.quality import matching
from bench.quality.matching import NOTHING, Score
from bench.results import Row
from lakehouse import tables
from lakehouse.radio.fencing import WAYS

SEEDS = tuple(int(seed) for seed in os.environ.get("SEEDS", "41 42 43").split())
DAYS = int(os.environ.get("DAYS", "3"))

_FEEDS = ("positions", "app_events", "shops", "customers")
_SLACK = pd.Timedelta(seconds=60)  # two fixes
_WAY = pd.Timedelta(seconds=450)  # to the shop and home, a fix more
_BY_POINT = "each fix in or out of the polygon"
# Of a battery, a fix: a Nokia N95 lasts 9 hours by GPS, 40 by Wi-Fi, 60 by the cell (Constandache et al.,
# "EnLoc", INFOCOM 2009), taken as a fix every 30 s; Bluetooth as Wi-Fi (assumed).
_HOURS = {"gps": 9, "wifi": 40, "bluetooth": 40, "cell": 60}
_BATTERY_PERCENT = {provider: 100 / (hours * 120) for provider, hours in _HOURS.items()}
_AIMS = {"hybrid": (0.97, 0.97)}


def figures(spark: SparkSession) -> list[Row]:
    """Every figure, over all seeds together."""
    found: dict[str, Score] = dict.fromkeys(WAYS, NOTHING)
    simple, everybody = NOTHING, NOTHING
    waits: dict[str, list[float]] = {way: [] for way in WAYS}
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in SEEDS:
        world = worlds.lived(
            spark,
            seed,
            days=DAYS,
            rates={},
            feeds=lambda feed, _: feed in _FEEDS,
            built=[tables.by_name("gold.geofence_crossings")],
        )
        true = worlds.agreed(world).merge(world.truth["crossings"], on="visit")
        fixes = world.read("silver.positions", "*")
        fixes = fixes[fixes["subject"].isin(true["subject"])]
        ours = world.read("gold.geofence_crossings")
        everybody += _score(true, ours[ours["fenced_by"] == "hybrid"])[0]
        twice, visits = _twice(true), true["visit"].nunique()
        true, ours, naive = (_without(twice, one) for one in (true, ours, _by_point(world, fixes)))
        for way, providers in WAYS.items():
            score, delays = _score(true, ours[ours["fenced_by"] == way])
            found[way] += score
            waits[way] += delays
            mine = fixes[fixes["provider"].isin(providers)]
            cost = mine["provider"].map(_BATTERY_PERCENT).sum()
            spent[way].append(cost / visits)
        simple += _score(true, naive)[0]
        print(f"seed {seed}:", found["hybrid"], simple)
    rows = []
    for way in WAYS:
        aims = _AIMS.get(way, ())
        rows += matching.rows(f"geofence crossings, {way}", found[way], simple, _BY_POINT, aims)
        rows += [
            Row(f"{way}, known after a crossing, median", float(np.median(waits[way])), "s"),
            Row(f"{way}, of a battery a visit", float(np.mean(spent[way])), "%"),
        ]
    rows += matching.rows("hybrid, with cards that walk twice at once", everybody, None, "", ())
    return rows


def _twice(true: pd.DataFrame) -> pd.DataFrame:
    """subject, from_at, to_at: the visits of a subject that is on the way to another at the time."""
    ends = true.pivot_table(
        index=["visit", "subject"], columns="kind", values="at", aggfunc="first"
    )
    ends = ends.reset_index().assign(
        from_at=lambda of: of["enter"] - _WAY, to_at=lambda of: of["leave"] + _WAY
    )
    pairs = ends.merge(ends, on="subject", suffixes=("", "_other"))
    meets = (pairs["from_at"] <= pairs["to_at_other"]) & (pairs["from_at_other"] <= pairs["to_at"])
    pairs = pairs[meets & (pairs["visit"] != pairs["visit_other"])]
    return pairs[["subject", "from_at", "to_at"]].drop_duplicates()


def _without(twice: pd.DataFrame, crossed: pd.DataFrame) -> pd.DataFrame:
    """Crossings, true or found, but for those of the visits of `_twice`."""
    at = crossed["at" if "at" in crossed else "crossed_at"].rename("of_at")
    numbered = pd.concat([crossed["subject"], at], axis=1).reset_index(names="row")
    pairs = numbered.merge(twice, on="subject")
    among = pairs["of_at"].between(pairs["from_at"], pairs["to_at"])
    return crossed.drop(index=pairs.loc[among, "row"].unique())


def _score(true: pd.DataFrame, found: pd.DataFrame) -> tuple[Score, list[float]]:
    """Each true crossing is met by one found within _SLACK; how many seconds later it was known."""
    asked = true.assign(
        at=true["at"].astype("datetime64[us]"), true_at=true["at"].astype("datetime64[us]")
    )
    met = pd.merge_asof(
        found.sort_values("crossed_at"),
        asked.sort_values("at"),
        left_on="crossed_at",
        right_on="at",
        by=["subject", "shop_id", "kind"],
        direction="nearest",
        tolerance=_SLACK,
    ).dropna(subset=["true_at"])
    met = met.drop_duplicates(["visit", "kind"])
    delays = (met["known_at"] - met["true_at"]).dt.total_seconds()
    return Score(len(true), len(met), len(found), len(met)), delays.tolist()


def _by_point(world: Lived, fixes: pd.DataFrame) -> pd.DataFrame:
    """Crossings as one sees them who takes each fix at its word."""
    fences = world.read("silver.shops", "shop_id", "geofence").drop_duplicates("shop_id")
    polygons = {one.shop_id: shapely.from_wkt(one.geofence) for one in fences.itertuples()}
    ordered = fixes.sort_values(["shop_id", "subject", "located_at"], ignore_index=True)
    is_in = np.zeros(len(ordered), dtype=bool)
    for shop_id, polygon in polygons.items():
        mine = (ordered["shop_id"] == shop_id).to_numpy()
        at = ordered.loc[mine, ["longitude", "latitude"]].to_numpy()
        is_in[mine] = shapely.contains_xy(polygon, *at.T)
    same = ordered[["shop_id", "subject"]].eq(ordered[["shop_id", "subject"]].shift()).all(axis=1)
    was_in = np.r_[False, is_in[:-1]] & same.to_numpy()
    crossed = ordered[is_in != was_in]
    return crossed.assign(
        kind=np.where(is_in[is_in != was_in], "enter", "leave"),
        crossed_at=crossed["located_at"],
        known_at=crossed["located_at"],
    )[["shop_id", "subject", "kind", "crossed_at", "known_at"]]
