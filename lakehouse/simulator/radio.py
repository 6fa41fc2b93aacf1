"""beacon_sightings: what the shoppers' apps hear of the beacons, and anchors of carried tags."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import changes, devices, draws, messages, places, text
from lakehouse.simulator.plan import Floats, Ints
from lakehouse.simulator.walks import Walks

# Received power falls by 10 n log10(d): n = 1.9 is the middle of 0.39 to 3.44, fitted for each body
# position in MIT Lincoln Laboratory's logs at known distances (MIT-Matrix-Data, 2020). The same
# logs give -65.1 dBm at 1 m, 6 dB under what such beacons promise: the body; a spread of 10 dB in
# all, of which 8 are drawn here and the rest comes from the place; 1.9 % of values are 127.
TX_POWER_DBM = -59
PATH_LOSS_EXPONENT = 1.9
BODY_LOSS_DB = 6.0
NO_READING_SHARE = 0.019
NO_READING = 127
RSSI_LIMITS_DBM = (-100, -30)  # what phones report: the receiver's limit, and a touch
# The 8 dB: what stands between a place and a fixed end stays (6 dB, in cells of 2.5 m: assumed),
# the rest comes anew with every advertisement: 6.0^2 + 5.3^2 = 8.0^2.
PLACE_DB, FADING_DB = 6.0, 5.3
CELL_M = 2.5
# A scan in the background finds what is strongest: the app reports two beacons every 10 s, the
# anchors' gateway the three that heard a tag best (assumed).
SCAN_S = 10.0
BEACONS_A_SCAN, ANCHORS_A_SCAN = 2, 3


@dataclass(frozen=True)
class _Ends:
    """The fixed ends of a shop: names, and places (n, 2) before and after `moved_at`."""

    names: list[str]
    before_m: Floats
    after_m: Floats
    moved_at: np.datetime64


def build(walks: Walks, size: Simulation, seed: int) -> pd.DataFrame:
    """Every sighting, as a shop's app gateway and its anchors' gateway send them.

    Gives   messages of the feed beacon_sightings
    """
    parts = []
    for heard_by, has_it, count in (
        ("app", "has_app", BEACONS_A_SCAN),
        ("anchor", "has_tag", ANCHORS_A_SCAN),
    ):
        scans = walks.every(SCAN_S, walks.visits[has_it].to_numpy(dtype=bool))
        shop = walks.visits["shop"].to_numpy()[scans["visit"]]
        for number in range(len(places.SHOPS)):
            here = scans[shop == number].reset_index(drop=True)
            chance = draws.stream(seed, "sightings", heard_by, places.SHOP_IDS[number])
            ends = _beacons(number, size) if heard_by == "app" else _anchors(number)
            parts.append(_heard(here, ends, count, chance).assign(heard_by=heard_by, shop=number))
    found = pd.concat(parts, ignore_index=True)
    found = found.sort_values(["at", "visit"], kind="stable", ignore_index=True)
    return _messages(found, walks, seed)


def _beacons(number: int, size: Simulation) -> _Ends:
    shop = places.SHOPS[number]
    names = [devices.beacon(shop.shop_id, zone.name) for zone in places.ZONES]
    before_m = np.array([places.centre(shop, zone) for zone in places.ZONES])
    after_m = before_m.copy()
    move = changes.beacon_move(size)
    if move.shop_id == shop.shop_id:
        to = before_m[places.ZONE_NAMES.index(move.to_zone)]
        after_m[names.index(move.beacon)] = to + np.array([changes.MOVED_BESIDE_M, 0.0])
    return _Ends(names, before_m, after_m, move.moved_at)


def _anchors(number: int) -> _Ends:
    found = list(devices.anchors(places.SHOPS[number]))
    at_m = np.array([(one.x_m, one.y_m) for one in found])
    return _Ends([one.device_id for one in found], at_m, at_m, np.datetime64("NaT"))


def _heard(
    scans: pd.DataFrame, ends: _Ends, count: int, chance: np.random.Generator
) -> pd.DataFrame:
    """visit, at, end (name), rssi_dbm: the `count` strongest of each scan that are above the limit."""
    at_m = scans[["x_m", "y_m"]].to_numpy()
    at = scans["at"].to_numpy()
    fixed_m = np.where((at >= ends.moved_at)[:, None, None], ends.after_m, ends.before_m)
    away_m = np.hypot(*np.moveaxis(at_m[:, None, :] - fixed_m, 2, 0))
    loss_db = 10 * PATH_LOSS_EXPONENT * np.log10(np.maximum(away_m, 0.3)) + BODY_LOSS_DB
    cells = chance.normal(0, PLACE_DB, (64, 64, len(ends.names)))
    cell: Ints = (at_m / CELL_M).astype(np.int64) % 64
    power = TX_POWER_DBM - loss_db + cells[cell[:, 0], cell[:, 1]]
    power = power + chance.normal(0, FADING_DB, power.shape)
    best = np.argsort(-power, axis=1)[:, :count]
    scan = np.repeat(np.arange(len(scans)), count)
    strongest = np.take_along_axis(power, best, axis=1).ravel()
    low, high = RSSI_LIMITS_DBM
    is_heard = strongest >= low
    rssi = np.clip(strongest.round(), low, high).astype(np.int64)
    is_mute = chance.random(len(rssi)) < NO_READING_SHARE
    later = chance.integers(0, 900, len(scan)).astype("timedelta64[ms]")  # within the scan
    return pd.DataFrame(
        {
            "visit": scans["visit"].to_numpy()[scan],
            "at": at[scan] + later,
            "end": text.labels(ends.names, best.ravel()),
            "rssi_dbm": np.where(is_mute, NO_READING, rssi),
        }
    )[is_heard]


def _messages(found: pd.DataFrame, walks: Walks, seed: int) -> pd.DataFrame:
    visits = walks.visits.iloc[found["visit"]]
    is_app = (found["heard_by"] == "app").to_numpy()
    ends = text.strings(found["end"])
    gateways = text.pick([devices.gateway(shop, "app") for shop in places.SHOP_IDS], found["shop"])
    payload = {
        "heard_by": text.quoted_ids(found["heard_by"]),
        "beacon_id": text.quoted_ids(ends),
        "rssi_dbm": text.numbers(found["rssi_dbm"]),
        "tx_power_dbm": str(TX_POWER_DBM),
    }
    return messages.handed_in(
        "beacon_sightings",
        text.pick(["anchors", "app"], is_app.astype(np.int64)),
        found["shop"],
        found["at"],
        payload,
        seed=seed,
        device_id=text.either(is_app, gateways, ends),
        subject=visits["subject"],
        basket_id=text.strings(visits["basket_id"]),
    )
