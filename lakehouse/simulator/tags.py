"""rfid_reads: what the antennas at the shelves read of the tags there, and of others."""

import numpy as np
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import counts, draws, messages, text
from lakehouse.simulator.plan import Floats, Ints
from lakehouse.simulator.purchases import END, begin
from lakehouse.simulator.stock import Stock

CYCLE_S = 900
# A cycle finds 60 to 70 % of the tags that are there (what is reported of shelves with liquids and
# metal; assumed); which share depends on the goods, and is drawn once for each.
FOUND_SHARE = (0.60, 0.70)
# Of the tags read, some are the next antenna's and a few of goods that left (assumed).
STRAY_SHARE, GHOST_SHARE = 0.03, 0.002
RSSI_DBM, RSSI_SD = -58.0, 5.0
STRAY_DB = -9.0
_ROUND_MS = 4_000  # a cycle's reads come within so long


def build(shelves: Stock, size: Simulation, seed: int) -> pd.DataFrame:
    """Every read of every cycle, as the gateway of the shelves sends it; none has a fault of its
    own: what a cycle misses or reads too much is how antennas are.

    Gives   messages of the feed rfid_reads
    """
    chance = draws.stream(seed, "tags")
    goods, units = shelves.goods, shelves.units
    units = units[goods["is_tagged"].to_numpy(dtype=bool)[units["good"]]].reset_index(drop=True)
    first_at = begin(size)
    phase_s = chance.uniform(0, CYCLE_S - 10, len(goods))
    good = units["good"].to_numpy()

    def cycle(column: str) -> Floats:
        since_s = (units[column].to_numpy() - first_at) / np.timedelta64(1, "s")
        return np.asarray(np.ceil((since_s - phase_s[good]) / CYCLE_S))

    first, last = (cycle(name).astype(np.int64) for name in ("came_at", "gone_at"))
    first = np.maximum(first, 0)
    last = np.minimum(last, size.sensor_days * 86_400 // CYCLE_S)
    cycles = np.maximum(last - first, 0)
    unit = np.repeat(np.arange(len(units)), cycles)
    turn = counts.within(cycles) + first[unit]
    share = chance.uniform(*FOUND_SHARE, len(goods))
    is_found = chance.random(len(unit)) < share[good[unit]]
    unit, turn = unit[is_found], turn[is_found]

    there = good[unit]
    is_stray = chance.random(len(unit)) < STRAY_SHARE
    antenna = np.where(is_stray, _next_antenna(goods)[there], there)
    is_ghost = chance.random(len(unit)) < GHOST_SHARE
    ghost = chance.integers(0, max(len(units), 1), len(unit))
    is_gone = units["gone_at"].to_numpy()[ghost] < END if len(units) else is_ghost
    seen = np.where(is_ghost & is_gone, ghost, unit)
    since_ms = ((turn * CYCLE_S + phase_s[antenna]) * 1000).astype(np.int64)
    since_ms = since_ms + chance.integers(0, _ROUND_MS, len(unit))
    rssi = RSSI_DBM + RSSI_SD * chance.standard_normal(len(unit)) + STRAY_DB * is_stray
    order = np.argsort(since_ms, kind="stable")
    at = first_at + since_ms[order].astype("timedelta64[ms]")
    antenna, seen, rssi = antenna[order], seen[order], rssi[order]

    shop = goods["shop"].to_numpy(dtype=np.int64)[antenna]
    payload = {
        "epc": text.quoted_ids(text.pick(units["epc"].tolist(), seen)),
        "antenna": '"1"',
        "rssi_dbm": text.numbers(rssi.round().astype(np.int64)),
    }
    device_id = text.pick(goods["device_id"].tolist(), antenna)
    return messages.handed_in(
        "rfid_reads", "shelves", shop, at, payload, seed=seed, device_id=device_id
    )


def _next_antenna(goods: pd.DataFrame) -> Ints:
    """The antenna beside that of each good: the next one of its shop."""
    found = np.arange(len(goods))
    for _, mine in goods[goods["is_tagged"]].groupby("shop"):
        found[mine.index.to_numpy()] = np.roll(mine.index.to_numpy(), -1)
    return found
