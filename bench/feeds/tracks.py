"""Real Bluetooth with true positions: 12 anchors, one beacon carried along 9 tracks.

../shared/data/ble_tracks, whose SOURCE.txt says where it is from (Position-Annotated BLE RSSI
Dataset, CC0 1.0). It is read where it lies and is no part of the project.
"""

import ast
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import PROJECT

DATA = PROJECT.parent / "shared" / "data" / "ble_tracks"

# Tracks that walk the same path; a path is left out whole, so that none is judged by a fit that
# has been where it went.
PATHS = {
    "along y = 8.4": ("straight_01", "straight_04", "straight_05"),
    "along y = 4.3": ("straight_02",),
    "along x = 11.6": ("straight_03",),
    "rectangle": ("rectangular_with_rotation", "rectangular_without_rotation"),
    "zigzag": ("zigzagging_with_rotation", "zigzagging_without_rotation"),
}
TRACKS = tuple(track for tracks in PATHS.values() for track in tracks)
# cnf/tetam.par, `limits`; the tracks go 0.4 m beyond them towards +y.
ROOM_M = (0.0, 0.0, 20.8, 18.0)

_COLUMNS = ("heard_s", "anchor_id", "beacon_id", "rssi_dbm", "x_m", "y_m")


@dataclass(frozen=True)
class Tracks:
    """anchors   anchor_id, x_m, y_m
    readings  track, heard_s, anchor_id, rssi_dbm, and x_m, y_m: where the beacon truly was
    """

    anchors: pd.DataFrame
    readings: pd.DataFrame

    def walk(self, tracks: tuple[str, ...]) -> pd.DataFrame:
        """Readings of these tracks that are any: one of all is 42 dBm, which is none."""
        is_any = self.readings["rssi_dbm"].between(-126, -1)
        return self.readings[is_any & self.readings["track"].isin(tracks)]

    def truth(self, track: str, at_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """x and y at these instants; not a number before the first reading and after the last."""
        mine = self.readings[self.readings["track"] == track].sort_values("heard_s")
        known = {"left": np.nan, "right": np.nan}
        both = (np.interp(at_s, mine["heard_s"], mine[axis], **known) for axis in ("x_m", "y_m"))
        return np.stack(list(both), axis=1)


def read(folder: Path = DATA) -> Tracks:
    """All of it."""
    with gzip.open(folder / "cnf" / "tetam.dev.gz", "rt") as lines:
        named = ast.literal_eval(lines.readline().removeprefix("Dongles:"))
    anchors = pd.DataFrame(
        [(name, place[0], place[1]) for name, (place, *_) in sorted(named.items())],
        columns=["anchor_id", "x_m", "y_m"],
    )
    parts = []
    for track in TRACKS:
        path = folder / "trk" / f"{track}_all_sensors.mbd.gz"
        part = pd.read_csv(
            path, header=None, names=_COLUMNS, usecols=range(6), dtype={"anchor_id": str}
        )
        parts.append(part.assign(track=track))
    return Tracks(anchors, pd.concat(parts, ignore_index=True).drop(columns="beacon_id"))
