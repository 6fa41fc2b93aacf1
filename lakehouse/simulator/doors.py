"""footfall: what the counters at the doors and zones count of the walks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Faults, Simulation
from lakehouse.simulator import draws, messages, places, plan, text
from lakehouse.simulator.plan import Ints
from lakehouse.simulator.purchases import begin
from lakehouse.simulator.walks import Walks

DOOR_S, ZONE_S = 300, 900
# Overhead counters see 95 to 98 % of those who pass (what vendors promise); who walks beside
# another is missed.
MISSED_SHARE = 0.03
FAULTS = ("negative_count", "counter_reset")


@dataclass(frozen=True)
class Passages:
    """Everyone who passed a counter: counter (index of `counters`), at, is_in."""

    counter: Ints
    at: npt.NDArray[np.datetime64]
    is_in: npt.NDArray[np.bool_]


def counters() -> list[tuple[str, int, int]]:
    """Device, shop and seconds of an interval of each counter: the doors', then the zones'."""
    doors = [(f"{shop}-door-1", number, DOOR_S) for number, shop in enumerate(places.SHOP_IDS)]
    zones = [
        (f"{shop}-counter-{zone}", number, ZONE_S)
        for number, shop in enumerate(places.SHOP_IDS)
        for zone in places.ZONE_NAMES
    ]
    return doors + zones


def passages(walks: Walks) -> Passages:
    """Who really went in and out, of the shops and of their zones."""
    visits = walks.visits
    shop = visits["shop"].to_numpy(dtype=np.int64)
    tracks = walks.every(1.0)
    visit = tracks["visit"].to_numpy()
    zone = plan.zone_at(shop[visit], tracks["x_m"].to_numpy(), tracks["y_m"].to_numpy())
    changes = np.flatnonzero((visit[1:] == visit[:-1]) & (zone[1:] != zone[:-1])) + 1
    at = tracks["at"].to_numpy()[changes]
    base = len(places.SHOPS) + shop[visit[changes]] * len(places.ZONES)
    # Everyone begins and ends in the entrance: who comes in enters it, who goes leaves it.
    entrance = len(places.SHOPS) + shop * len(places.ZONES)
    came, went = visits["entered_at"].to_numpy(), visits["left_at"].to_numpy()
    count = len(visits)
    return Passages(
        np.r_[shop, shop, entrance, entrance, base + zone[changes], base + zone[changes - 1]],
        np.r_[came, went, came, went, at, at],
        np.repeat([True, False, True, False, True, False], [count] * 4 + [len(changes)] * 2),
    )


def build(
    passed: Passages, rates: Faults, size: Simulation, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each interval of each counter as it sends it, and what really passed.

    A counter that was reset begins again at nought in the middle of an interval; one with a wrong
    sign sends negative counts.

    Gives   messages of the feed footfall; device_id, shop_id, from_at, to_at, entries, exits (true)
    """
    chance = draws.stream(seed, "footfall")
    first_at = begin(size)
    frames = []
    is_seen = chance.random(len(passed.at)) >= MISSED_SHARE
    for number, (device_id, shop, interval_s) in enumerate(counters()):
        steps = size.sensor_days * 86_400 // interval_s
        mine = passed.counter == number
        slot = ((passed.at - first_at) // np.timedelta64(interval_s, "s")).astype(np.int64)
        counted = {}
        for name, way in (("entries", True), ("exits", False)):
            here = mine & (passed.is_in == way) & (slot >= 0) & (slot < steps)
            counted[name] = np.bincount(slot[here], minlength=steps)
            counted[f"{name}_seen"] = np.bincount(slot[here & is_seen], minlength=steps)
        from_at = first_at + (np.arange(steps) * interval_s * 1000).astype("timedelta64[ms]")
        frames.append(
            pd.DataFrame(
                {"device_id": device_id, "shop": shop, "interval_s": interval_s, "from_at": from_at}
                | counted
            )
        )
    rows = pd.concat(frames, ignore_index=True)
    rows["to_at"] = rows["from_at"] + pd.to_timedelta(rows["interval_s"], unit="s")
    rows = _with_faults(rows, rates, chance)
    rows = rows.sort_values(["to_at", "device_id"], kind="stable", ignore_index=True)
    truth = rows[["device_id", "from_at", "to_at", "entries", "exits"]]
    truth.insert(1, "shop_id", text.labels(places.SHOP_IDS, rows["shop"]))
    return _messages(rows, seed), truth


def _with_faults(rows: pd.DataFrame, rates: Faults, chance: np.random.Generator) -> pd.DataFrame:
    """entries_seen and exits_seen as sent, with fault and true_value (entries/exits) where wrong."""
    has_some = (rows["entries_seen"] + rows["exits_seen"] > 0).to_numpy()
    draw = chance.random(len(rows))
    kept = chance.random(len(rows))
    is_negative = has_some & (draw < rates.negative_count)
    is_reset = has_some & ~is_negative & (draw < rates.negative_count + rates.counter_reset)
    right = rows["entries"].astype(str) + "/" + rows["exits"].astype(str)
    for name in ("entries_seen", "exits_seen"):
        sent = rows[name].to_numpy()
        sent = np.where(is_negative, -sent, sent)
        rows[name] = np.where(is_reset, (sent * kept).astype(np.int64), sent)
    fault = np.select([is_negative, is_reset], FAULTS, default="")
    is_wrong = is_negative | is_reset
    return rows.assign(fault=text.only(fault, is_wrong), true_value=text.only(right, is_wrong))


def _messages(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    payload = {
        "entries": text.numbers(rows["entries_seen"]),
        "exits": text.numbers(rows["exits_seen"]),
        "interval_s": text.numbers(rows["interval_s"]),
    }
    return messages.handed_in(
        "footfall",
        "sensors",
        rows["shop"].to_numpy(dtype=np.int64),
        rows["to_at"],
        payload,
        seed=seed,
        **{name: rows[name] for name in ("device_id", "fault", "true_value")},
    )
