"""The fridges: how cold they really are, and what their thermometers read of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import changes, devices, draws, periods, places, series
from lakehouse.simulator.periods import Instants, Period
from lakehouse.simulator.plan import Floats
from lakehouse.simulator.purchases import END
from lakehouse.simulator.series import Series

INTERVAL_S = 300
# A chilled cabinet is held below 5 degrees Celsius (41 F: FDA Food Code 2017, 3-501.16). Set points
# are assumed between 2 and 3 with a switching band of 1 K and a compressor cycle of 20 to 40
# minutes.
SET_POINT_C = (2.0, 3.0)
BAND_C = 1.0
CYCLE_S = (1200.0, 2400.0)
RUNNING_SHARE = 1 / 3
# A door is opened about every half hour in shop hours; it lets in 0.3 to 1.2 K, of which a third
# is left after 10 minutes (assumed).
OPENINGS_A_STEP = 0.17
OPENING_C = (0.3, 1.2)
RECOVERY_S = 600.0
# Every 8 hours the evaporator is defrosted: 20 minutes in which the cabinet warms by 1.5 K
# (assumed).
DEFROST_H, DEFROST_S, DEFROST_C = 8.0, 1200.0, 1.5
# One warm episode a shop: a compressor fails for 3 to 8 hours, and the air nears 9 to 12 degrees
# with a time constant of 45 minutes (assumed).
EPISODE_H = (3.0, 8.0)
EPISODE_C = (9.0, 12.0)
WARMING_S = 2700.0
# Noise of a digital thermometer from reading to reading (DS18B20: resolution 0.0625 K).
NOISE_C = 0.06


@dataclass(frozen=True)
class Fridges:
    """The thermometers of all fridges, and the truth about the cabinets.

    temperature  the series of the thermometers, by device
    cycles       (n, 2): period of each compressor in seconds, and its phase as a share of it
    episodes     device_id, shop_id, from_at, to_at: when a compressor had failed
    """

    temperature: Series
    cycles: Floats
    episodes: pd.DataFrame


def simulate(size: Simulation, seed: int) -> Fridges:
    """Every thermometer's true temperature and what it reads of it."""
    fridges = [device for shop in places.SHOPS for device in devices.fridges(shop)]
    names = [fridge.device_id for fridge in fridges]
    chance = draws.stream(seed, "fridges")
    at = series.instants(len(fridges), INTERVAL_S, size, chance)
    episodes = _episodes(size, seed)
    rows = (len(fridges), 1)
    cycles = np.concatenate([chance.uniform(*CYCLE_S, rows), chance.random(rows)], axis=1)
    true_c = _cycle(at, cycles, chance) + _doors(at, chance) + _defrosts(at, chance)
    for episode in periods.each(episodes):
        row = names.index(episode.device_id)
        true_c[row] = _warmed(true_c[row], at[row], episode, chance)
    shop = np.repeat(np.arange(len(places.SHOPS)), devices.FRIDGES)
    units = [str(fridge.native_unit) for fridge in fridges]
    raw_c = _raw(names, true_c, at, size, seed)
    temperature = Series("temperature", names, shop, units, at, true_c, raw_c, NOISE_C, 1)
    return Fridges(temperature, cycles, episodes)


def runs(cabinets: Fridges, at: Instants) -> npt.NDArray[np.bool_]:
    """Whether the compressor of each fridge ran at each instant, (n, steps)."""
    found = _part(at, cabinets.cycles) < RUNNING_SHARE
    for episode in periods.each(cabinets.episodes):
        row = list(cabinets.temperature.devices).index(episode.device_id)
        found[row] &= ~episode.holds(at[row])
    return np.asarray(found)


def _part(at: Instants, cycles: Floats) -> Floats:
    """Where in its compressor's cycle each instant lies, from 0 to 1."""
    since_s = (at - np.datetime64("2017-01-01", "ms")) / np.timedelta64(1, "s")
    return np.asarray((since_s / cycles[:, :1] + cycles[:, 1:]) % 1)


def _cycle(at: Instants, cycles: Floats, chance: np.random.Generator) -> Floats:
    """Saw teeth: the compressor cools for a third of its cycle, the cabinet warms for the rest."""
    part = _part(at, cycles)
    tooth = np.where(part < RUNNING_SHARE, 1 - part / RUNNING_SHARE, (part - RUNNING_SHARE) * 1.5)
    return np.asarray(chance.uniform(*SET_POINT_C, (len(at), 1)) + BAND_C * (tooth - 0.5))


def _defrosts(at: Instants, chance: np.random.Generator) -> Floats:
    """The warmth of each defrosting, which comes every so many hours and fades again."""
    every_s = DEFROST_H * 3600
    since_s = (at - np.datetime64("2017-01-01", "ms")) / np.timedelta64(1, "s")
    part_s = (since_s + chance.uniform(0, every_s, (len(at), 1))) % every_s
    rising = np.minimum(part_s / DEFROST_S, 1.0)
    fading = np.exp(-np.maximum(part_s - DEFROST_S, 0) / RECOVERY_S)
    return np.asarray(DEFROST_C * rising * fading)


def _doors(measured_at: npt.NDArray[np.datetime64], chance: np.random.Generator) -> Floats:
    hour = measured_at.astype("datetime64[h]").astype(np.int64) % 24
    is_open = (hour >= 12) | (hour < 5)  # UTC; few receipts fall outside (worked out from them)
    opened = (chance.random(measured_at.shape) < OPENINGS_A_STEP) & is_open
    jumps = opened * chance.uniform(*OPENING_C, measured_at.shape)
    kept = np.exp(-INTERVAL_S / RECOVERY_S)
    warmth = np.zeros(measured_at.shape)
    for step in range(1, measured_at.shape[1]):
        warmth[:, step] = warmth[:, step - 1] * kept + jumps[:, step]
    return warmth


def _episodes(size: Simulation, seed: int) -> pd.DataFrame:
    chance = draws.stream(seed, "warm episodes")
    rows: list[tuple[str, str, np.datetime64, np.datetime64]] = []
    if not size.sensor_days:
        return pd.DataFrame(rows, columns=["device_id", "shop_id", "from_at", "to_at"])
    for shop_id in places.SHOP_IDS:
        hours = chance.uniform(*EPISODE_H)
        start_h = chance.uniform(0, size.sensor_days * 24 - hours - 2)
        from_at = END - np.timedelta64(int((size.sensor_days * 24 - start_h) * 3_600_000), "ms")
        to_at = from_at + np.timedelta64(int(hours * 3_600_000), "ms")
        number = chance.integers(1, devices.FRIDGES + 1)
        rows.append((f"{shop_id}-fridge-{number}", shop_id, from_at, to_at))
    return pd.DataFrame(rows, columns=["device_id", "shop_id", "from_at", "to_at"])


def _warmed(
    true_c: Floats,
    measured_at: npt.NDArray[np.datetime64],
    episode: Period,
    chance: np.random.Generator,
) -> Floats:
    """The same fridge with its compressor off during the episode, and cold again after it."""
    on_s = (np.minimum(measured_at, episode.to_at) - episode.from_at) / np.timedelta64(1, "s")
    after_s = (measured_at - episode.to_at) / np.timedelta64(1, "s")
    share = 1 - np.exp(-np.maximum(on_s, 0) / WARMING_S)
    share = share * np.exp(-np.maximum(after_s, 0) / WARMING_S)
    return np.asarray(true_c + share * (chance.uniform(*EPISODE_C) - true_c))


def _raw(names: list[str], true_c: Floats, at: Instants, size: Simulation, seed: int) -> Floats:
    """What a device that needs its calibration reads: the calibration in force undone."""
    raw_c = true_c.copy()
    for calibration in changes.calibrations(size, seed):
        row = names.index(calibration.device_id)
        since = at[row] >= calibration.valid_from
        undone = (true_c[row] - calibration.offset_c) / calibration.scale
        raw_c[row] = np.where(since, undone, raw_c[row])
    return raw_c
