"""What is fitted on which tracks and judged on which. Each fold is to the functions a shop."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench.feeds import tracks
from bench.feeds.tracks import ROOM_M, TRACKS, Tracks
from lakehouse.radio import fading, location

# What is tried on the paths that are fitted on.
WIDTHS_S = (3.0, 5.0, 8.0)
SHADOWS_DB = (1.5, 2.0, 3.0, 4.0)
OFFSETS_DB = range(-12, 13, 2)


@dataclass(frozen=True)
class Fold:
    """What is fitted on, what is judged, and the two settings."""

    name: str
    fitted_on: tuple[str, ...]
    judged: tuple[str, ...]
    width_s: float = 5.0
    shadow_db: float = 2.0


@dataclass(frozen=True)
class Room:
    """The tracks, and how finely places and instants are looked at."""

    spark: SparkSession
    data: Tracks
    every_s: int = 1
    step_m: float = 0.4

    def sightings(self) -> DataFrame:
        """subject (the track), anchor_id, heard_at, rssi_dbm."""
        said = self.data.readings[["track", "anchor_id", "heard_s", "rssi_dbm"]]
        rows = self.spark.createDataFrame(
            list(said.itertuples(index=False, name=None)),
            "subject string, anchor_id string, heard_s double, rssi_dbm int",
        )
        heard_at = F.timestamp_millis(F.round(F.col("heard_s") * 1000).cast("bigint"))
        return rows.select("subject", "anchor_id", heard_at.alias("heard_at"), "rssi_dbm").persist()

    def levels(self, folds: list[Fold], sightings: DataFrame, anchors: DataFrame) -> DataFrame:
        """location.levels of the judged tracks of each fold, at its own width."""
        parts = []
        for width_s in sorted({fold.width_s for fold in folds}):
            own = [one for one in folds if one.width_s == width_s]
            judged = [(one.name, track) for one in own for track in one.judged]
            of = self.spark.createDataFrame(judged, "shop_id string, subject string")
            mine = sightings.join(F.broadcast(of), on="subject", how="inner")
            parts.append(location.levels(mine, anchors, self.every_s, width_s))
        levels = parts[0]
        for part in parts[1:]:
            levels = levels.unionByName(part)
        return levels

    def anchors(self, folds: list[Fold]) -> DataFrame:
        """The anchors of each fold, fitted on its tracks."""
        fits: dict[tuple[str, ...], pd.DataFrame] = {}
        parts = []
        for fold in folds:
            on = tuple(sorted(fold.fitted_on))
            if on not in fits:
                fits[on] = fading.fit(self.data.walk(on), self.data.anchors)
            parts.append(fits[on].assign(shop_id=fold.name, shadow_db=fold.shadow_db))
        return self.spark.createDataFrame(pd.concat(parts))

    def located(
        self,
        folds: list[Fold],
        sightings: DataFrame,
        *,
        is_offset_sought: bool = False,
        is_silence_heard: bool = True,
    ) -> pd.DataFrame:
        """What location.positions gives of the judged tracks, and miss_m: how far that was off."""
        anchors = self.anchors(folds)
        levels = self.levels(folds, sightings, anchors)
        if not is_silence_heard:
            levels = levels.where("readings > 0")
        areas = self.spark.createDataFrame(
            [(fold.name, *ROOM_M) for fold in folds],
            "shop_id string, from_x_m double, from_y_m double, to_x_m double, to_y_m double",
        )
        expected = location.expected(location.cells(areas, self.step_m), anchors).persist()
        if is_offset_sought:
            tried = self.spark.createDataFrame(
                [(float(db),) for db in OFFSETS_DB], "offset_db double"
            )
            found = location.offsets(levels, expected, tried, self.every_s * 10)
            levels = location.without_offset(levels, found)
        positions = location.positions(levels, expected).toPandas()
        expected.unpersist()
        return self.missed(positions)

    def missed(self, found: pd.DataFrame) -> pd.DataFrame:
        """`found` with miss_m, without what is before a track began or after it was over."""
        parts = []
        for track, mine in found.groupby("subject"):
            at_s = mine["at"].astype("datetime64[ns]").astype("int64").to_numpy() / 1e9
            away = mine[["x_m", "y_m"]].to_numpy() - self.data.truth(str(track), at_s)
            parts.append(mine.assign(miss_m=np.hypot(*away.T)))
        return pd.concat(parts).dropna(subset="miss_m")


def paths_left_out(among: Iterable[str], of: str = "") -> list[Fold]:
    """One fold for each path of these tracks, fitted on the rest of them."""
    wanted = tuple(among)
    folds = []
    for name, members in tracks.PATHS.items():
        judged = tuple(track for track in members if track in wanted)
        rest = tuple(track for track in wanted if track not in members)
        if judged:
            folds.append(Fold(of + name, rest, judged))
    return folds


def tracks_left_out(folds: list[Fold]) -> list[Fold]:
    """One fold a track, with the settings that were chosen without its path."""
    return [
        replace(fold, name=track, fitted_on=tuple(set(TRACKS) - {track}), judged=(track,))
        for fold in folds
        for track in fold.judged
    ]


def chosen(room: Room, folds: list[Fold], sightings: DataFrame) -> list[Fold]:
    """The folds with the settings under which the paths that they are fitted on, left out in turn,
    are likeliest where they truly were.
    """
    scores: dict[str, dict[tuple[float, float], float]] = {fold.name: {} for fold in folds}
    for width_s in WIDTHS_S:
        inner = [
            replace(one, name=f"{one.name}|{shadow_db}", width_s=width_s, shadow_db=shadow_db)
            for fold in folds
            for one in paths_left_out(fold.fitted_on, of=f"{fold.name}|")
            for shadow_db in SHADOWS_DB
        ]
        judged = room.located(inner, sightings)
        part = judged["shop_id"].str.split("|", expand=True)
        by = [part[0], part[2].astype(float)]
        for (name, shadow_db), score in _log_score(judged).groupby(by).mean().items():
            scores[name][width_s, shadow_db] = score
    best = {name: max(tried, key=tried.__getitem__) for name, tried in scores.items()}
    return [replace(one, width_s=best[one.name][0], shadow_db=best[one.name][1]) for one in folds]


def _log_score(judged: pd.DataFrame) -> "pd.Series[float]":
    """Log density of the true place in a round normal distribution with this error."""
    variance = (judged["error_m"] / 2.146) ** 2
    return -np.log(2 * np.pi * variance) - judged["miss_m"] ** 2 / (2 * variance)
