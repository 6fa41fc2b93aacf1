"""readings: what the fridge thermometers measure, in their own units."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import changes, draws, messages, places, text
from lakehouse.simulator.purchases import END

Floats = npt.NDArray[np.float64]

INTERVAL_S = 300
# A chilled cabinet is held below 5 degrees Celsius (41 F: FDA Food Code 2017, 3-501.16). Set points
# are assumed between 2 and 3 with a switching band of 1 K and a compressor cycle of 20 to 40
# minutes.
SET_POINT_C = (2.0, 3.0)
BAND_C = 1.0
CYCLE_S = (1200.0, 2400.0)
# A door is opened about every half hour in shop hours; it lets in 0.3 to 1.2 K, of which a third
# is left after 10 minutes (assumed).
OPENINGS_A_STEP = 0.17
OPENING_C = (0.3, 1.2)
RECOVERY_S = 600.0
# One warm episode a shop: a compressor fails for 3 to 8 hours, and the air nears 9 to 12 degrees
# with a time constant of 45 minutes (assumed).
EPISODE_H = (3.0, 8.0)
EPISODE_C = (9.0, 12.0)
WARMING_S = 2700.0
# Noise of a digital thermometer from reading to reading (DS18B20: resolution 0.0625 K).
NOISE_C = 0.06


@dataclass(frozen=True)
class Fridges:
    """The readings of all fridges, and their truth.

    readings  device, shop (indices of places.fridges() and SHOPS), measured_at, temperature_c
              (true), raw_c (what the device reads), unit
    episodes  device_id, shop_id, from_at, to_at
    """

    readings: pd.DataFrame
    episodes: pd.DataFrame


def simulate(size: Simulation, seed: int) -> Fridges:
    """Every thermometer's true temperature and what it reads of it, by device and instant."""
    fridges = places.fridges()
    chance = draws.stream(seed, "fridges")
    steps = size.sensor_days * 24 * 3600 // INTERVAL_S
    first_at = END - np.timedelta64(size.sensor_days, "D")
    phase_ms = chance.integers(0, (INTERVAL_S - 5) * 1000, len(fridges))
    late_ms = chance.integers(0, 2000, (len(fridges), steps))
    since_ms = (np.arange(steps) * (INTERVAL_S * 1000))[None, :] + phase_ms[:, None] + late_ms
    measured_at = first_at + since_ms.astype("timedelta64[ms]")

    episodes = _episodes(size, seed) if steps else pd.DataFrame(columns=["device_id", "shop_id"])
    true_c = _cycle(since_ms / 1000, chance) + _doors(measured_at, chance)
    for episode in episodes.itertuples():
        row = [fridge.device_id for fridge in fridges].index(str(episode.device_id))
        true_c[row] = _warmed(true_c[row], measured_at[row], episode, chance)

    count = true_c.size
    device = np.repeat(np.arange(len(fridges)), steps)
    readings = pd.DataFrame(
        {
            "device": device,
            "shop": device // places.FRIDGES,
            "measured_at": measured_at.reshape(count),
            "temperature_c": true_c.reshape(count).round(3),
            "raw_c": (_raw(true_c, measured_at, size, seed)
                      + chance.normal(0, NOISE_C, true_c.shape)).reshape(count),
            "unit": np.array([fridge.native_unit for fridge in fridges], dtype=object)[device],
        }
    )  # fmt: skip
    return Fridges(readings, episodes)


def build(readings: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Each reading as its device sends it; the gateway hands in one object a shop and hour.

    Takes   readings  as of Fridges; and, where a fault has been planted, the columns value, unit,
                      fault, how, true_value of `faults.wrong_units`
    Gives   messages of the feed readings
    """
    count = len(readings)
    fridges = places.fridges()
    payload = {
        "metric": '"temperature"',
        "value": text.numbers(readings["value"]),
        "unit": text.quoted(readings["unit"]),
    }
    planted = {name: readings[name] for name in ("fault", "how", "true_value") if name in readings}
    return messages.frame(
        "readings",
        count,
        event_id=draws.event_ids(seed, "readings", count),
        device_id=text.pick([fridge.device_id for fridge in fridges], readings["device"]),
        shop_id=text.pick(places.SHOP_IDS, readings["shop"]),
        emitted_at=readings["measured_at"],
        payload=text.objects(payload),
        receiver=text.pick([f"{shop}-sensors" for shop in places.SHOP_IDS], readings["shop"]),
        **messages.on_time("readings", readings["measured_at"]),
        **planted,
    )


def native(raw_c: pd.Series, unit: pd.Series) -> pd.Series:
    """A reading in the device's own unit, to a tenth as its display shows it."""
    return raw_c.where(unit == "C", raw_c * 9 / 5 + 32).round(1) + 0.0  # never minus zero


def _cycle(since_s: Floats, chance: np.random.Generator) -> Floats:
    """Saw teeth: the compressor cools for a third of its cycle, the cabinet warms for the rest."""
    rows = (len(since_s), 1)
    part = (since_s / chance.uniform(*CYCLE_S, rows) + chance.random(rows)) % 1
    tooth = np.where(part < 1 / 3, 1 - 3 * part, (part - 1 / 3) * 1.5)
    return chance.uniform(*SET_POINT_C, rows) + BAND_C * (tooth - 0.5)


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
    rows = []
    for shop_id in places.SHOP_IDS:
        hours = chance.uniform(*EPISODE_H)
        start_h = chance.uniform(0, size.sensor_days * 24 - hours - 2)
        from_at = END - np.timedelta64(int((size.sensor_days * 24 - start_h) * 3_600_000), "ms")
        to_at = from_at + np.timedelta64(int(hours * 3_600_000), "ms")
        number = chance.integers(1, places.FRIDGES + 1)
        rows.append((f"{shop_id}-fridge-{number}", shop_id, from_at, to_at))
    return pd.DataFrame(rows, columns=["device_id", "shop_id", "from_at", "to_at"])


def _warmed(
    true_c: Floats,
    measured_at: npt.NDArray[np.datetime64],
    episode: object,
    chance: np.random.Generator,
) -> Floats:
    """The same fridge with its compressor off during the episode, and cold again after it."""
    from_at, to_at = (np.datetime64(getattr(episode, name), "ms") for name in ("from_at", "to_at"))
    on_s = (np.minimum(measured_at, to_at) - from_at) / np.timedelta64(1, "s")
    after_s = (measured_at - to_at) / np.timedelta64(1, "s")
    share = 1 - np.exp(-np.maximum(on_s, 0) / WARMING_S)
    share = share * np.exp(-np.maximum(after_s, 0) / WARMING_S)
    return np.asarray(true_c + share * (chance.uniform(*EPISODE_C) - true_c))


def _raw(
    true_c: Floats, measured_at: npt.NDArray[np.datetime64], size: Simulation, seed: int
) -> Floats:
    """What a device that needs its calibration reads: the calibration in force undone."""
    raw_c = true_c.copy()
    names = [fridge.device_id for fridge in places.fridges()]
    for calibration in changes.calibrations(size, seed):
        row = names.index(calibration.device_id)
        since = measured_at[row] >= calibration.valid_from
        undone = (true_c[row] - calibration.offset_c) / calibration.scale
        raw_c[row] = np.where(since, undone, raw_c[row])
    return raw_c
