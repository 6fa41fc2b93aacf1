"""readings: all that the fixed sensors measure, as their gateways send it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lakehouse.settings import Faults, Simulation
from lakehouse.simulator import counts, draws, fridges, messages, places, series, stock, text
from lakehouse.simulator.fridges import Fridges
from lakehouse.simulator.periods import Instants
from lakehouse.simulator.plan import Floats, Ints
from lakehouse.simulator.series import Series
from lakehouse.simulator.stock import Stock
from lakehouse.simulator.walks import Walks

CLIMATE_S = 600
WEIGHT_S = 900
# Shops are kept at 21 degrees and 45 % of humidity, chilled zones at 17 (ASHRAE 55's comfort zone,
# and what stands in the aisle before open cabinets; assumed), with a daily swing.
ROOM_C, CHILLED_ROOM_C, SWING_C = 21.0, 17.0, 1.5
HUMIDITY, HUMIDITY_SWING = 45.0, 5.0
# Outdoor air has 420 ppm (NOAA, 2023); a person breathes out 0.0052 l/s (ASHRAE 62.1, 1.2 met),
# which at this exchange of air adds so many ppm for each person in a zone (worked out for 250 m3
# and three changes of air an hour).
OUTDOOR_PPM, PERSON_PPM = 420.0, 25.0
# Light at the shelves is 500 lx in opening hours (EN 12464-1: 300 at the least), 20 at night.
OPEN_LX, NIGHT_LX = 500.0, 20.0
QUIET_DB, PERSON_DB = 42.0, 2.0  # assumed
# A compressor takes 400 W when it runs and 15 W when not, and shakes by 0.8 m/s2 (assumed).
RUNNING_W, IDLE_W = 400.0, 15.0
RUNNING_M_S2, IDLE_M_S2 = 0.8, 0.05
# A scale under a shelf is right to 5 g (a load cell of 10 kg, class C3 of OIML R 60: 1/3000), and
# the empty shelf weighs nothing to it.
SCALE_KG = 0.005

# A metric's canonical unit as a device's label: value in it = value in canonical units * factor.
FACTORS = {"kg": 1.0, "g": 1000.0, "lb": 1 / 0.45359237}


def measure(
    cabinets: Fridges, walks: Walks, shelves: Stock, size: Simulation, seed: int
) -> list[Series]:
    """What all devices but the batteries' gauges measure, a metric of a kind of device each."""
    found = [cabinets.temperature, *_compressors(cabinets, size, seed)]
    found += [*_in_zones(walks, size, seed), _weights(shelves, size, seed)]
    return [one for one in found if len(one.devices)]  # few receipts: nothing stands on scales


def simulate(
    measured: list[Series], rates: Faults, size: Simulation, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Everything measured, and what went wrong with which device.

    Gives   readings as of series.sent, and episodes as of series.plan
    """
    names = sorted({name for one in measured for name in one.devices})
    episodes = series.plan(names, rates, size, seed)
    runs_down = [name for name in names if "fridge" not in name and "compressor" not in name]
    shop = np.array([places.SHOP_IDS.index(name.partition("-")[0]) for name in runs_down], np.int64)
    gauges = series.batteries(runs_down, shop, episodes, size, seed)
    parts = [series.sent(one, episodes, seed) for one in (*measured, gauges)]
    return pd.concat(parts, ignore_index=True), episodes


def build(readings: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Each reading as its device sends it; a gateway hands in one object a shop and hour.

    Takes   readings  as of `simulate`, with value, and fault, how and true_value where one is planted
    Gives   messages of the feed readings
    """
    is_shelf = readings["device_id"].str.contains("-scale-", regex=False).to_numpy(dtype=bool)
    payload = {
        "metric": text.quoted_ids(readings["metric"]),
        "value": text.numbers(readings["value"]),
        "unit": text.quoted(readings["unit"]),
    }
    return messages.handed_in(
        "readings",
        text.pick(["sensors", "shelves"], is_shelf.astype(np.int64)),
        readings["shop"].to_numpy(dtype=np.int64),
        readings["stamped_at"],
        payload,
        seed=seed,
        queued_at=readings["measured_at"],
        **{name: readings[name] for name in ("device_id", "fault", "how", "true_value")},
    )


def native(read: pd.Series, unit: pd.Series, digits: pd.Series) -> Floats:
    """A reading in the device's own unit, to the digits that it sends."""
    value = read.to_numpy(dtype=float)
    units = unit.to_numpy(dtype=object)
    value = np.where(units == "F", value * 9 / 5 + 32, value)
    for label, factor in FACTORS.items():
        value = np.where(units == label, value * factor, value)
    power = 10.0 ** digits.to_numpy(dtype=float)
    return np.asarray(np.round(value * power) / power + 0.0)  # never minus zero


def _compressors(cabinets: Fridges, size: Simulation, seed: int) -> list[Series]:
    """What the compressors of the fridges take and how they shake."""
    names = [name.replace("fridge", "compressor") for name in cabinets.temperature.devices]
    chance = draws.stream(seed, "compressors")
    at = series.instants(len(names), CLIMATE_S, size, chance)
    runs = fridges.runs(cabinets, at)
    power = np.where(runs, RUNNING_W, IDLE_W)
    shakes = np.where(runs, RUNNING_M_S2, IDLE_M_S2)
    shop, watts = cabinets.temperature.shop, ["W"] * len(names)
    return [
        Series("power", names, shop, watts, at, power, power, 5.0, 0),
        Series("vibration", names, shop, ["m/s2"] * len(names), at, shakes, shakes, 0.02, 3),
    ]


def _in_zones(walks: Walks, size: Simulation, seed: int) -> list[Series]:
    """Climate and ambience of every zone, with the people who are in it."""
    shops, zones = len(places.SHOPS), len(places.ZONES)
    shop, zone = np.divmod(np.arange(shops * zones), zones)
    chance = draws.stream(seed, "zones")
    at = series.instants(len(shop), CLIMATE_S, size, chance)
    people = _people(walks, at)
    hour = at.astype("datetime64[m]").astype(np.int64) / 60 % 24
    is_open = (hour >= 12) | (hour < 5)
    wave = np.sin((hour - 15) / 24 * 2 * np.pi)
    is_chilled = np.array([one.kind == "chilled" for one in places.ZONES])[zone][:, None]
    room = np.where(is_chilled, CHILLED_ROOM_C, ROOM_C)
    metrics: dict[str, tuple[str, str, Floats, float, int]] = {
        "temperature": ("climate", "C", room + SWING_C * wave, 0.1, 1),
        "humidity": ("climate", "%", HUMIDITY - HUMIDITY_SWING * wave, 0.8, 1),
        "co2": ("climate", "ppm", OUTDOOR_PPM + PERSON_PPM * people, 12.0, 0),
        "light": ("ambience", "lx", np.where(is_open, OPEN_LX, NIGHT_LX), 4.0, 0),
        "noise": ("ambience", "dB", QUIET_DB + PERSON_DB * people, 1.0, 1),
        "motion": ("ambience", "1", (people > 0).astype(float), 0.0, 0),
    }
    return [
        Series(
            metric,
            [
                f"{places.SHOP_IDS[s]}-{kind}-{places.ZONE_NAMES[z]}"
                for s, z in zip(shop, zone, strict=True)
            ],
            shop,
            [unit] * len(shop),
            at,
            true,
            true,
            noise,
            digits,
        )
        for metric, (kind, unit, true, noise, digits) in metrics.items()
    ]


def _people(walks: Walks, at: Instants) -> Floats:
    """How many people stood in each shop's zone, row by row of (shop, zone), at each instant."""
    found = np.zeros(at.shape)
    cell = walks.visits["shop"].to_numpy()[walks.stops["visit"]] * len(places.ZONES)
    cell = cell + walks.stops["zone"].to_numpy()
    came, went = (walks.stops[name].to_numpy() for name in ("arrived_at", "left_at"))
    for row in range(len(at)):
        mine = cell == row
        found[row] = counts.present(came[mine], went[mine], at[row])
    return found


def _weights(shelves: Stock, size: Simulation, seed: int) -> Series:
    """What the scales under the shelves weigh."""
    goods = shelves.goods
    weighed: Ints = np.flatnonzero(~goods["is_tagged"].to_numpy(dtype=bool))
    names: Sequence[str] = goods["device_id"].to_numpy()[weighed].tolist()
    at = series.instants(len(names), WEIGHT_S, size, draws.stream(seed, "scales"))
    units = shelves.at(np.repeat(weighed, at.shape[1]), at.ravel()).reshape(at.shape)
    true = units * goods["unit_g"].to_numpy()[weighed][:, None] / 1000
    labels = [stock.native_unit(name) for name in names]
    return Series(
        "weight", names, goods["shop"].to_numpy()[weighed], labels, at, true, true, SCALE_KG, 3
    )
