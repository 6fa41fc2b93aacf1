"""beacon_sightings: shoppers walk to what they bought, and their apps hear the beacons there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import changes, draws, messages, places, text
from lakehouse.simulator.purchases import END, Purchases

# Comfortable walking speed of adults is 0.94 to 1.43 m/s by age and sex (Bohannon, Andrews,
# "Normal walking speed", Physiotherapy 97, 2011).
SPEED_M_S = (1.0, 1.4)
# Time at a shelf for each line of the receipt, at the door, and at the till: assumed, so that the
# median receipt of 5 lines takes about 7 minutes.
LINE_S = (15.0, 40.0)
DOOR_S = (3.0, 10.0)
TILL_S = (60.0, 240.0)
# Advertisements that the app reports of a stay in a zone.
HEARD = (2, 3)
# Received power falls by 10 n log10(d): n = 1.9 is the middle of 0.39 to 3.44, fitted for each body
# position in MIT Lincoln Laboratory's logs at known distances (MIT-Matrix-Data, 2020). The same
# logs give -65.1 dBm at 1 m, 6 dB under what such beacons promise: the body; a spread of 10 dB in
# all, of which 8 are drawn here and the rest comes from the place; 1.9 % of values are 127.
TX_POWER_DBM = -59
PATH_LOSS_EXPONENT = 1.9
BODY_LOSS_DB = 6.0
SHADOWING_DB = 8.0
NO_READING_SHARE = 0.019
NO_READING = 127
RSSI_LIMITS_DBM = (-100, -30)  # what phones report: the receiver's limit, and a touch


@dataclass(frozen=True)
class Walks:
    """stays: basket_id, subject, shop, zone (indices), entered_at, left_at, x_m, y_m, speed_m_s.

    One row is one stay of one shopper in one zone, in the order of the walk.
    """

    stays: pd.DataFrame


def simulate(purchases: Purchases, size: Simulation, seed: int) -> Walks:
    """The walk before each receipt of the sensors' period, told backwards from its payment.

    Every walk begins at the entrance, passes the zones of what was bought, and ends at the
    checkout when the receipt is paid.
    """
    first_at = pd.Timestamp(END - np.timedelta64(size.sensor_days, "D"))
    receipts = purchases.receipts
    walked = receipts[receipts["paid_at"] >= first_at]
    stays = _stays(walked, purchases)
    chance = draws.stream(seed, "walks")
    x_m, y_m = _points(stays, chance)

    code = stays["walk"].to_numpy()
    speed = chance.uniform(*SPEED_M_S, len(walked))[code]
    is_next = np.r_[code[1:] == code[:-1], False] if len(code) else np.zeros(0, dtype=bool)
    way_m = np.hypot(np.r_[x_m[1:], 0] - x_m, np.r_[y_m[1:], 0] - y_m) if len(code) else x_m
    way_s = np.where(is_next, way_m / speed, 0)  # to the next zone
    stay_s = _stay_s(stays, chance)

    # Seconds from the end of each stay to the payment: the ways and stays that follow in the walk.
    total = np.cumsum((stay_s + way_s)[::-1])[::-1]
    ends = np.flatnonzero(~is_next)
    after = np.r_[total[1:], 0] if len(code) else total
    left_s = way_s + after - (after[ends][code] if len(code) else after)
    paid_at = walked["paid_at"].to_numpy().astype("datetime64[ms]")[code]
    left_at = paid_at - (left_s * 1000).round().astype("timedelta64[ms]")
    stays = stays.assign(
        entered_at=left_at - (stay_s * 1000).round().astype("timedelta64[ms]"),
        left_at=left_at,
        x_m=x_m.round(2),
        y_m=y_m.round(2),
        speed_m_s=speed.round(3),
    )
    return Walks(stays.drop(columns=["walk", "lines"]))


def build(walks: Walks, size: Simulation, seed: int) -> pd.DataFrame:
    """What the shoppers' apps heard of the beacons in the zones, as a shop's app gateway sends it.

    Gives   messages of the feed beacon_sightings, one object a shop and hour
    """
    chance = draws.stream(seed, "sightings")
    stays = walks.stays
    heard = chance.integers(HEARD[0], HEARD[1] + 1, len(stays))
    found = stays.loc[stays.index.repeat(heard)].reset_index(drop=True)
    part = chance.random(len(found))
    found["heard_at"] = found["entered_at"] + (found["left_at"] - found["entered_at"]) * part
    found["heard_at"] = found["heard_at"].astype("datetime64[ms]")
    found = _with_beacon(found, size, chance)
    found = found.sort_values(["heard_at", "basket_id"], kind="stable", ignore_index=True)

    count = len(found)
    payload = {
        "heard_by": '"app"',
        "beacon_id": text.quoted_ids(found["beacon_id"]),
        "rssi_dbm": text.numbers(_rssi_dbm(found, chance)),
        "tx_power_dbm": str(TX_POWER_DBM),
    }
    gateways = [places.app_gateway(shop) for shop in places.SHOP_IDS]
    return messages.frame(
        "beacon_sightings",
        count,
        event_id=draws.event_ids(seed, "beacon_sightings", count),
        device_id=text.pick(gateways, found["shop"]),
        shop_id=text.pick(places.SHOP_IDS, found["shop"]),
        subject=found["subject"],
        emitted_at=found["heard_at"],
        payload=text.objects(payload),
        receiver=text.pick(gateways, found["shop"]),
        basket_id=text.strings(found["basket_id"]),
        **messages.on_time("beacon_sightings", found["heard_at"]),
    )


def zone_of(products: pd.DataFrame) -> pd.Series:
    """The zone in which each product stands, as an index of places.ZONES."""
    zone = products["department"].map(places.DEPARTMENT_ZONES).fillna("checkout")
    category = products["category"].fillna("")
    is_grocery = products["department"] == "GROCERY"
    # Backwards, so that the first group that fits wins.
    for name, parts in reversed(places.GROCERY_ZONES.items()):
        zone = zone.mask(is_grocery & category.str.contains("|".join(parts)), name)
    return zone.map(places.ZONE_NAMES.index).astype(np.int64)


def _stays(walked: pd.DataFrame, purchases: Purchases) -> pd.DataFrame:
    """walk (row of `walked`), basket_id, subject, shop, zone and lines bought there, in order."""
    walk_of = pd.Series(np.arange(len(walked)), index=walked["basket_id"].to_numpy())
    bought = purchases.lines[purchases.lines["basket_id"].isin(walked["basket_id"])]
    zones = pd.Series(
        zone_of(purchases.products).to_numpy(), index=purchases.products["product_id"]
    )
    walk = walk_of.loc[bought["basket_id"]].to_numpy()
    zone = zones.loc[bought["product_id"]].to_numpy()
    # Both doors of the walk with no line of their own.
    every = np.arange(len(walked))
    last = len(places.ZONES) - 1
    cells = np.r_[walk, every, every] * (last + 1) + np.r_[zone, every * 0, every * 0 + last]
    counted, lines = np.unique(cells, return_counts=True)
    walk, zone = counted // (last + 1), counted % (last + 1)
    lines = lines - np.isin(zone, (0, last))
    who = walked.iloc[walk].reset_index(drop=True)
    return who[["basket_id", "subject", "shop"]].assign(walk=walk, zone=zone, lines=lines)


def _points(
    stays: pd.DataFrame, chance: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Where in its zone each shopper stops: anywhere but the outer tenths."""
    boxes = np.array(
        [
            [(*box[0], *box[2]) for box in (places.corners(shop, zone) for zone in places.ZONES)]
            for shop in places.SHOPS
        ]
    )[stays["shop"].to_numpy(), stays["zone"].to_numpy()].reshape(len(stays), 4)
    left, near, right, far = boxes.T
    across, along = chance.uniform(0.1, 0.9, (2, len(stays)))
    return left + (right - left) * across, near + (far - near) * along


def _stay_s(stays: pd.DataFrame, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    count, zone, lines = len(stays), stays["zone"].to_numpy(), stays["lines"].to_numpy()
    at_shelf = lines * chance.uniform(*LINE_S, count)
    at_door = chance.uniform(*DOOR_S, count)
    at_till = chance.uniform(*TILL_S, count)
    last = len(places.ZONES) - 1
    return np.asarray(np.select([zone == 0, zone == last], [at_door, at_till], at_shelf))


def _with_beacon(
    found: pd.DataFrame, size: Simulation, chance: np.random.Generator
) -> pd.DataFrame:
    """The beacon each app hears, and how far it is; a zone whose beacon was taken away is mute."""
    cells = [(shop, zone) for shop in places.SHOPS for zone in places.ZONES]
    names = [places.beacon(shop.shop_id, zone.name) for shop, zone in cells]
    centres = np.array([places.centre(*pair) for pair in cells])
    cell = (found["shop"] * len(places.ZONES) + found["zone"]).to_numpy()
    beacon_x_m, beacon_y_m = centres[cell].reshape(len(found), 2).T.copy()

    move = changes.beacon_move(size)
    shop = places.SHOP_IDS.index(move.shop_id)
    is_after = ((found["shop"] == shop) & (found["heard_at"] >= move.moved_at)).to_numpy()
    is_new_zone = (found["zone"] == places.ZONE_NAMES.index(move.to_zone)).to_numpy()
    is_old_zone = (found["zone"] == places.ZONE_NAMES.index(move.from_zone)).to_numpy()
    hears_moved = is_after & is_new_zone & (chance.random(len(found)) < 0.5)
    beacon_x_m[hears_moved] += changes.MOVED_BESIDE_M
    beacon = np.where(hears_moved, names.index(move.beacon), cell)
    away_m = np.hypot(found["x_m"] - beacon_x_m, found["y_m"] - beacon_y_m)
    found = found.assign(beacon_id=text.pick(names, beacon).to_pandas(), away_m=away_m)
    return found[~(is_after & is_old_zone)]


def _rssi_dbm(found: pd.DataFrame, chance: np.random.Generator) -> npt.NDArray[np.int64]:
    away_m = np.maximum(found["away_m"].to_numpy(), 0.3)
    loss_db = 10 * PATH_LOSS_EXPONENT * np.log10(away_m) + BODY_LOSS_DB
    power = TX_POWER_DBM - loss_db + chance.normal(0, SHADOWING_DB, len(found))
    power = np.clip(power.round(), *RSSI_LIMITS_DBM).astype(np.int64)
    is_mute = chance.random(len(found)) < NO_READING_SHARE
    return np.where(is_mute, NO_READING, power)
