"""Where customers are, in zones: ours beside the zone of the beacon that is heard loudest.

Worlds of some days with seeds that nothing was tuned on (101 was used for that). Judged are those who
agreed to it and have the app or a tag. `SEEDS="31"` does one seed, DAYS=1 shorter worlds.
"""

import os

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from bench.feeds import shares, worlds
from bench.feeds.shares import Share
from bench.feeds.worlds import Lived
from bench.quality import matching
from bench.quality.matching import NOTHING, Score
from bench.results import Row
from lakehouse import tables
from lakehouse.simulator import places, plan

SEEDS = tuple(int(seed) for seed in os.environ.get("SEEDS", "31 32 33").split())
DAYS = int(os.environ.get("DAYS", "3"))

_FEEDS = (
    *("beacon_sightings", "positions", "app_events"),
    *("shops", "zones", "devices", "customers"),
)
_EVERY_S = 10
_STAY = pd.Timedelta(seconds=60)  # what is shorter need not be found
_LOUDEST = "zone of the end heard loudest"
_MINUTE = pd.Timedelta(minutes=1)


def figures(spark: SparkSession) -> list[Row]:
    """Every figure, over all seeds together."""
    right = shares.NOTHING
    stays, simple = NOTHING, NOTHING
    for seed in SEEDS:
        world = worlds.lived(
            spark,
            seed,
            days=DAYS,
            rates={},
            feeds=lambda feed, _: feed in _FEEDS,
            built=[tables.by_name("gold.visits")],
        )
        true = _true(world)
        found, loudest = _found(world), _loudest(world)
        right += _share(true, found, loudest)
        stays += _stays(true, found)
        simple += _stays(true, _runs(loudest))
        print(
            f"seed {seed}: {right.right}/{right.of}, {right.naive} by the loudest;", stays, simple
        )
    return [
        *right.rows("dwell time in the right zone"),
        *matching.rows(f"stays of {_STAY.seconds} s", stays, simple, _LOUDEST, (0.95, 0.95)),
    ]


def _true(world: Lived) -> pd.DataFrame:
    """subject (pseudonym), at, zone_id: every _EVERY_S seconds of each visit that is judged."""
    agreed = worlds.agreed(world)
    heard = world.read("silver.sightings", "DISTINCT subject")["subject"]
    agreed = agreed[agreed["subject"].isin(heard)]
    at = world.truth["positions"].merge(agreed, on="visit")
    at = at[at["at"].astype("datetime64[s]").astype("int64") % _EVERY_S == 0]
    shop = at["shop_id"].map(places.SHOP_IDS.index).to_numpy()
    zone = plan.zone_at(shop, at["x_m"].to_numpy(), at["y_m"].to_numpy())
    names = np.array([[f"{one}-{zone}" for zone in places.ZONE_NAMES] for one in places.SHOP_IDS])
    return at.assign(zone_id=names[shop, zone])[["subject", "at", "zone_id", "visit"]]


def _found(world: Lived) -> pd.DataFrame:
    return world.read("gold.visits", "subject", "zone_id", "entered_at", "left_at")


def _loudest(world: Lived) -> pd.DataFrame:
    """subject, at, zone_id: of each scan."""
    heard = world.read("silver.sightings", "subject", "heard_at", "zone_id", "rssi_dbm")
    heard = heard.dropna(subset=["subject", "rssi_dbm"])
    heard["at"] = heard["heard_at"].dt.floor(f"{_EVERY_S}s")
    best = heard.sort_values("rssi_dbm").groupby(["subject", "at"], as_index=False).last()
    return best[["subject", "at", "zone_id"]]


def _share(true: pd.DataFrame, found: pd.DataFrame, loudest: pd.DataFrame) -> Share:
    asked = true.assign(at=true["at"].astype("datetime64[us]")).sort_values("at")
    ours = pd.merge_asof(
        asked,
        found.rename(columns={"zone_id": "found"}).sort_values("entered_at"),
        left_on="at",
        right_on="entered_at",
        by="subject",
    )
    # (The last instant of a stay is its last scan; the next stay begins with the next.)
    is_there = ours["at"] <= ours["left_at"] + pd.Timedelta(seconds=_EVERY_S)
    theirs = pd.merge_asof(
        asked,
        loudest.rename(columns={"zone_id": "found"}).sort_values("at"),
        on="at",
        by="subject",
        tolerance=_MINUTE,
    )
    return Share(
        int((is_there & (ours["found"] == ours["zone_id"])).sum()),
        len(asked),
        0.95,
        int((theirs["found"] == theirs["zone_id"]).sum()),
        len(asked),
        _LOUDEST,
    )


def _runs(instants: pd.DataFrame) -> pd.DataFrame:
    """subject, zone_id, entered_at, left_at: instants of one zone, none a minute from the next."""
    ordered = instants.sort_values(["subject", "at"], ignore_index=True)
    before = ordered.shift()
    goes_on = (ordered[["subject", "zone_id"]] == before[["subject", "zone_id"]]).all(axis=1)
    goes_on &= ordered["at"] - before["at"] <= _MINUTE
    found = ordered.groupby((~goes_on).cumsum()).agg(
        subject=("subject", "first"),
        zone_id=("zone_id", "first"),
        entered_at=("at", "min"),
        left_at=("at", "max"),
    )
    return found.reset_index(drop=True)


def _stays(true: pd.DataFrame, found: pd.DataFrame) -> Score:
    """True stays of a minute that a found one of the zone meets; found ones that meet a true one."""
    really = _intervals(_runs(true))
    long = really[really["to_at"] - really["from_at"] >= _STAY]
    among = found[found["subject"].isin(true["subject"])]
    ours = _intervals(among)
    none = pd.Timedelta(0)
    recall, precision = (matching.intervals(one, ours, none) for one in (long, really))
    return Score(recall.planted, recall.hit, precision.found, precision.right)


def _intervals(stays: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "device_id": stays["subject"].astype(str) + " " + stays["zone_id"].astype(str),
            "from_at": stays["entered_at"].astype("datetime64[us]"),
            "to_at": stays["left_at"].astype("datetime64[us]"),
        }
    )
