"""Where a carried beacon was, on real tracks: ours beside nearest anchor and trilateration.

A path is left out whole (bench/feeds/tracks.py): anchors are fitted on the others, and so are the
two settings, by leaving out one of the others in turn. Nothing is chosen on what is judged.
"""

from dataclasses import replace

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench.feeds import folds, naive, tracks
from bench.feeds.folds import Fold, Room
from bench.results import Row
from lakehouse.radio import fading

AIMS_M = {"median": 1.5, "p90": 3.0}
# A device that is this much weaker than the one the anchors were fitted with.
PLANTED_DB = -8
# What a frugal gateway reports: of every so many seconds the first advertisement, and of it the
# strongest anchors only.
FRUGAL_S, FRUGAL_ANCHORS = 5, 3

_AT = {"median": 0.5, "p90": 0.9}


def figures(spark: SparkSession) -> list[Row]:
    """Every figure of the tracks."""
    data = tracks.read()
    room = Room(spark, data)
    plain = room.sightings()
    quick = replace(room, every_s=5, step_m=0.8)
    out = folds.chosen(quick, folds.paths_left_out(tracks.TRACKS), plain)
    print("settings:", ", ".join(f"{o.name}: {o.width_s} s, {o.shadow_db} dB" for o in out))
    found = room.located(out, plain)
    for track, mine in found.groupby("subject"):
        print(f"  {track}: {_quantiles(mine)}")
    rivals = _rivals(room, out, plain)
    weaker = plain.withColumn("rssi_dbm", F.col("rssi_dbm") + PLANTED_DB)
    frugal = _frugal(plain)
    rows = [
        *_rows("a path left out", found, *rivals.items(), aims=AIMS_M),
        _share(found, rivals["nearest anchor"]),
        Row("true place within error_m (says: nine in ten)", _covered(found), "share"),
        *_rows("a track left out", room.located(folds.tracks_left_out(out), plain)),
        *_rows(
            f"device {PLANTED_DB:+d} dB, estimated",
            room.located(out, weaker, is_offset_sought=True),
            ("not estimated", room.located(out, weaker)),
        ),
        *_rows(
            f"{FRUGAL_ANCHORS} strongest each {FRUGAL_S} s, silence counts",
            room.located(out, frugal),
            ("it does not", room.located(out, frugal, is_silence_heard=False)),
        ),
    ]
    plain.unpersist()
    return rows


def _frugal(sightings: DataFrame) -> DataFrame:
    window = F.floor(F.unix_millis("heard_at") / (1000 * FRUGAL_S)).alias("window")
    first = sightings.groupBy("subject", window).agg(F.min("heard_at").alias("first_at"))
    kept = sightings.select("*", window).join(first, on=["subject", "window"], how="inner")
    # Anchors hear one advertisement within some milliseconds; the next comes after 450.
    kept = kept.where(F.unix_millis("heard_at") - F.unix_millis("first_at") < 100)
    loudest = F.struct((-F.col("rssi_dbm")).alias("by"), "anchor_id", "heard_at", "rssi_dbm")
    best = F.slice(F.array_sort(F.collect_list(loudest)), 1, FRUGAL_ANCHORS)
    return (
        kept.groupBy("subject", "window")
        .agg(best.alias("best"))
        .select("subject", F.explode("best").alias("one"))
        .select("subject", "one.anchor_id", "one.heard_at", "one.rssi_dbm")
    )


def _rivals(room: Room, out: list[Fold], sightings: DataFrame) -> dict[str, pd.DataFrame]:
    """Each at the better of two widths: they are shown at their best."""
    data = room.data
    falls = {fold.name: fading.global_fit(data.walk(fold.fitted_on), data.anchors) for fold in out}
    tried: dict[str, list[pd.DataFrame]] = {"nearest anchor": [], "trilateration": []}
    for width_s in (1.0, 5.0):
        same = [replace(fold, width_s=width_s) for fold in out]
        levels = room.levels(same, sightings, room.anchors(same)).toPandas()
        nearest = naive.nearest(levels, data.anchors)
        meeting = naive.trilaterated(levels, data.anchors, falls)
        tried["nearest anchor"].append(room.missed(nearest))
        tried["trilateration"].append(room.missed(meeting))
    return {name: min(some, key=lambda one: one["miss_m"].median()) for name, some in tried.items()}


def _quantiles(found: pd.DataFrame) -> dict[str, float]:
    """Over all instants of all judged tracks."""
    return {name: round(float(found["miss_m"].quantile(at)), 3) for name, at in _AT.items()}


def _rows(
    what: str,
    found: pd.DataFrame,
    *rivals: tuple[str, pd.DataFrame],
    aims: dict[str, float] | None = None,
) -> list[Row]:
    rows = []
    for name, value in _quantiles(found).items():
        said = Row(f"{name} error, {what}", value, "m", (aims or {}).get(name), is_at_most=True)
        beside = [replace(said, rival=_quantiles(one)[name], rival_name=of) for of, one in rivals]
        rows += beside or [said]
    return rows


def _share(found: pd.DataFrame, nearest: pd.DataFrame) -> Row:
    ours, theirs = _quantiles(found), _quantiles(nearest)
    worst = max(ours[name] / theirs[name] for name in ours)
    name = "of nearest anchor's error, at the median or p90, whichever is worse"
    return Row(name, worst, "share", 0.5, is_at_most=True)


def _covered(found: pd.DataFrame) -> float:
    return float((found["miss_m"] <= found["error_m"]).mean())
