"""Series of readings: what fixed sensors measure at their intervals, and how they fail.

A sensor may drift, be off by a step, stick, fall silent, run out of battery or have a wrong clock:
each for some hours, never two at once. The truth keeps the right values and the periods.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lakehouse.settings import Faults, Simulation
from lakehouse.simulator import draws, periods
from lakehouse.simulator.periods import Instants
from lakehouse.simulator.plan import Floats, Ints
from lakehouse.simulator.purchases import begin

# What befalls a device for hours; the rates are shares of the days of devices.
EPISODES = ("drift", "offset", "stuck", "gap", "dying_battery", "wrong_clock")
# Hours that each lasts, from some instant of the first half of a day: assumed.
LASTS_H = {"gap": (0.5, 6.0)}
USUALLY_H = (6.0, 12.0)
# How far a device is off, in spreads of what it measures: a drift's end, a step (assumed; small
# enough that a threshold at three spreads misses most of them).
OFF_SPREADS = (1.0, 3.0)
# What a clock is behind by: a battery pulled and set by hand, a wrong zone (assumed).
BEHIND_S = (600, 43_200)
# The share of messages that a device sends while its battery dies (assumed).
DYING_SHARE = 0.4


@dataclass(frozen=True)
class Series:
    """One metric of several devices, `steps` values each.

    devices  names, n of them; shop (index of SHOPS) and unit (as they send it) of each
    at       (n, steps) instants of measurement, by a right clock
    true     (n, steps) in the canonical unit of the metric
    raw      (n, steps) what the device reads, in the canonical unit, before noise and faults
    noise    standard deviation from reading to reading; digits are those it sends
    """

    metric: str
    devices: Sequence[str]
    shop: Ints
    unit: Sequence[str]
    at: Instants
    true: Floats
    raw: Floats
    noise: float
    digits: int


def instants(
    count: int, interval_s: int, size: Simulation, chance: np.random.Generator
) -> Instants:
    """(count, steps): every interval of the sensors' period, each device at its own second."""
    steps = size.sensor_days * 86_400 // interval_s
    phase_ms = chance.integers(0, (interval_s - 5) * 1000, (count, 1))
    late_ms = chance.integers(0, 2000, (count, steps))
    since_ms = np.arange(steps) * (interval_s * 1000) + phase_ms + late_ms
    first_at = begin(size)
    return np.asarray(first_at + since_ms.astype("timedelta64[ms]"))


def plan(devices: Sequence[str], rates: Faults, size: Simulation, seed: int) -> pd.DataFrame:
    """device_id, kind, from_at, to_at, strength (-1 to 1): what goes wrong with which device."""
    chance = draws.stream(seed, "episodes")
    days = size.sensor_days
    count = len(devices) * days
    edges = np.cumsum([getattr(rates, kind) for kind in EPISODES])
    chosen = np.searchsorted(edges, chance.random(count), "right")
    kind = np.array([*EPISODES, None], dtype=object)[chosen]
    low, high = (
        np.array([LASTS_H.get(name, USUALLY_H) for name in kind.tolist()]).reshape(count, 2).T
    )
    start_h = chance.uniform(0, 11, count)
    lasts_h = low + (high - low) * chance.random(count)
    day = np.tile(np.arange(days), len(devices))
    first_at = begin(size)
    from_at = first_at + ((day * 24 + start_h) * 3_600_000).astype("timedelta64[ms]")
    strength = chance.uniform(-1, 1, count)
    found = pd.DataFrame(
        {
            "device_id": np.repeat(np.asarray(devices, dtype=object), days),
            "kind": kind,
            "from_at": from_at,
            "to_at": from_at + (lasts_h * 3_600_000).astype("timedelta64[ms]"),
            "strength": strength,
        }
    )
    return found[found["kind"].notna()].reset_index(drop=True)


def sent(series: Series, episodes: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The readings of a series as they go out, one row each.

    Gives   device_id, shop, metric, measured_at (by a right clock), stamped_at (by its own), true,
            read (canonical), spread (of the device), unit, digits, is_faulty (in an episode); those
            never sent are left out
    """
    chance = draws.stream(seed, "readings", series.metric, series.devices[0])
    read = series.raw + chance.normal(0, series.noise, series.raw.shape)
    stamped_at = series.at.copy()
    is_sent = np.ones(read.shape, dtype=bool)
    is_faulty = np.zeros(read.shape, dtype=bool)
    has_steps = series.true.shape[1] > 0
    spread = np.maximum(series.true.std(axis=1) if has_steps else 0.0, series.noise)
    spread = np.broadcast_to(spread, len(series.devices))
    row_of = {name: row for row, name in enumerate(series.devices)}
    mine = episodes[episodes["device_id"].isin(row_of)]
    for episode in periods.each(mine):
        row = row_of[episode.device_id]
        begin, end = np.searchsorted(series.at[row], [episode.from_at, episode.to_at])
        if begin == end:
            continue
        here = slice(begin, end)
        is_faulty[row, here] = True
        low, high = OFF_SPREADS
        off = spread[row] * np.copysign(
            low + (high - low) * abs(episode.strength), episode.strength
        )
        if episode.kind == "drift":
            read[row, here] += off * np.linspace(0, 1, end - begin)
        elif episode.kind == "offset":
            read[row, here] += off
        elif episode.kind == "stuck":
            read[row, here] = read[row, begin]
        elif episode.kind == "gap":
            is_sent[row, here] = False
        elif episode.kind == "dying_battery":
            is_sent[row, here] = chance.random(end - begin) < DYING_SHARE
        else:
            behind_s = BEHIND_S[0] + (BEHIND_S[1] - BEHIND_S[0]) * abs(episode.strength)
            stamped_at[row, here] -= np.timedelta64(int(behind_s), "s")
    device, _ = np.nonzero(is_sent)
    return pd.DataFrame(
        {
            "device_id": np.asarray(series.devices, dtype=object)[device],
            "shop": series.shop[device],
            "metric": series.metric,
            "measured_at": series.at[is_sent],
            "stamped_at": stamped_at[is_sent],
            "true": series.true[is_sent],
            "read": read[is_sent],
            "spread": spread[device],
            "unit": np.asarray(series.unit, dtype=object)[device],
            "digits": series.digits,
            "is_faulty": is_faulty[is_sent],
        }
    )


def batteries(
    devices: Sequence[str], shop: Ints, episodes: pd.DataFrame, size: Simulation, seed: int
) -> Series:
    """The charge of battery-powered devices; it runs out where an episode says so."""
    chance = draws.stream(seed, "batteries")
    at = instants(len(devices), 3 * 3600, size, chance)
    charge = chance.uniform(40, 100, (len(devices), 1)) - np.linspace(0, 1, at.shape[1])
    row_of = {name: row for row, name in enumerate(devices)}
    dying = episodes[(episodes["kind"] == "dying_battery") & episodes["device_id"].isin(row_of)]
    for episode in periods.each(dying):
        row = row_of[episode.device_id]
        here = episode.holds(at[row])
        share = (at[row][here] - episode.from_at) / (episode.to_at - episode.from_at)
        charge[row, here] = 20 - 18 * share
    units = ["%"] * len(devices)
    return Series("battery", devices, shop, units, at, charge, charge, 0.0, 0)
