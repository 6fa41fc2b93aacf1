"""positions: where the phones of those with the app say they are."""

import numpy as np
import pandas as pd

from lakehouse.settings import Faults
from lakehouse.simulator import devices, draws, messages, places, text
from lakehouse.simulator.plan import Floats, Ints
from lakehouse.simulator.walks import Walks

# Fixes: of the way to the shop and home, and inside.
AWAY_S, OUTSIDE_FIX_S, INSIDE_FIX_S = 420, 30.0, 45.0
DRIVING_M_S = (4.0, 9.0)  # in town traffic, with stops (assumed)
# Accuracies are the radius of 68 % (Android's Location.getAccuracy): outdoors GPS, indoors Wi-Fi
# or the shop's beacons, and now and then the cell only. GPS indoors says less than it errs.
ACCURACY_M = {
    "gps": (30.0, 100.0),
    "wifi": (3.0, 30.0),
    "bluetooth": (3.0, 10.0),
    "cell": (50.0, 5000.0),
}
OUTSIDE = {"gps": 0.85, "cell": 0.15}
INSIDE = {"wifi": 0.5, "bluetooth": 0.3, "gps": 0.1, "cell": 0.1}
GPS_INDOORS_WORSE = 3.0
RADIUS_68 = 1.515  # of a circular normal distribution, in its standard deviation
JUMP_M = (2_000.0, 20_000.0)


def positions(walks: Walks, rates: Faults, seed: int) -> pd.DataFrame:
    """Every fix of a phone whose owner comes, is there and goes home.

    Gives   messages of the feed positions; true_value is "latitude,longitude"
    """
    chance = draws.stream(seed, "positions")
    has_app = walks.visits["has_app"].to_numpy(dtype=bool)
    inside = walks.every(INSIDE_FIX_S, has_app).assign(is_inside=True)
    tracks = pd.concat([inside, _outside(walks, has_app, chance)], ignore_index=True)
    tracks = tracks.sort_values(["at", "visit"], kind="stable", ignore_index=True)
    shop = walks.visits["shop"].to_numpy(dtype=np.int64)[tracks["visit"]]
    provider, accuracy_m, error_m = _fixes(tracks["is_inside"].to_numpy(dtype=bool), chance)
    turn = chance.uniform(0, 2 * np.pi, len(tracks))
    east_m = tracks["x_m"].to_numpy() + error_m * np.cos(turn)
    north_m = tracks["y_m"].to_numpy() + error_m * np.sin(turn)
    right = _degrees(shop, tracks["x_m"].to_numpy(), tracks["y_m"].to_numpy())
    draw = chance.random(len(tracks))
    is_jump = draw < rates.position_jump
    is_swapped = ~is_jump & (draw < rates.position_jump + rates.swapped_coordinates)
    far_m = np.where(is_jump, chance.uniform(*JUMP_M, len(tracks)), 0.0)
    latitude, longitude = _degrees(shop, east_m + far_m, north_m + far_m / 2)
    first = np.where(is_swapped, longitude, latitude)
    second = np.where(is_swapped, latitude, longitude)
    true = text.joined(text.strings(right[0].round(6)), ",", text.strings(right[1].round(6)))
    fault = np.where(is_jump, "position_jump", "swapped_coordinates")
    payload = {
        "latitude": text.numbers(first.round(6)),
        "longitude": text.numbers(second.round(6)),
        "accuracy_m": text.numbers(accuracy_m.round(1)),
        "provider": text.quoted_ids(provider),
    }
    return sent(
        "positions", walks,
        tracks, payload, seed,
        fault=text.only(fault, is_jump | is_swapped),
        true_value=text.only(text.labels_of(true), is_jump | is_swapped),
    )  # fmt: skip


def _outside(walks: Walks, who: np.ndarray, chance: np.random.Generator) -> pd.DataFrame:
    """visit, at, x_m, y_m on the way to the door and from it, straight from some side."""
    visits = np.flatnonzero(who)
    steps = int(AWAY_S // OUTSIDE_FIX_S)
    from_door_s = (np.arange(steps) + 1) * OUTSIDE_FIX_S
    side, speed = _ways(len(visits), chance)
    far_m = speed[:, None] * from_door_s[None, :]
    wait = (from_door_s * 1000).astype("timedelta64[ms]")
    parts = []
    for column, sign in (("entered_at", -1), ("left_at", 1)):
        at = walks.visits[column].to_numpy()[visits][:, None] + sign * wait[None, :]
        parts.append(
            pd.DataFrame(
                {
                    "visit": np.repeat(visits, steps),
                    "at": at.ravel(),
                    "x_m": (far_m * np.cos(side)[:, None]).ravel(),
                    "y_m": (far_m * np.sin(side)[:, None]).ravel(),
                    "is_inside": False,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _ways(count: int, chance: np.random.Generator) -> tuple[Floats, Floats]:
    """From which side each comes, as an angle to the east, and how fast, m/s; they go as they came."""
    return chance.uniform(0, 2 * np.pi, count), chance.uniform(*DRIVING_M_S, count)


def crossings(walks: Walks, seed: int) -> pd.DataFrame:
    """When those whose phones say where they are crossed the geofence of the shop.

    Gives   visit, kind (enter, leave), at
    """
    visits = np.flatnonzero(walks.visits["has_app"].to_numpy(dtype=bool))
    side, speed = _ways(len(visits), draws.stream(seed, "positions"))  # as `positions` draws them
    shop = walks.visits["shop"].to_numpy(dtype=np.int64)[visits]
    size_m = np.array([(one.width_m, one.depth_m) for one in places.SHOPS])[shop]
    to = np.stack([np.cos(side), np.sin(side)], axis=1)
    far_m = ((places.GEOFENCE_M * np.sign(to) + size_m / 2) / to).min(axis=1)
    away = (far_m / speed * 1000).round().astype("timedelta64[ms]")
    parts = [
        pd.DataFrame(
            {"visit": visits, "kind": kind, "at": walks.visits[of].to_numpy()[visits] + sign * away}
        )
        for kind, of, sign in (("enter", "entered_at", -1), ("leave", "left_at", 1))
    ]
    return pd.concat(parts, ignore_index=True)


def _fixes(is_inside: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, Floats, Floats]:
    """Provider, the accuracy it says, and how far the fix is off."""
    count = len(is_inside)
    names = list(ACCURACY_M)
    draw = chance.random(count)
    chosen = np.zeros(count, dtype=np.int64)
    for here, shares in ((True, INSIDE), (False, OUTSIDE)):
        mine = is_inside == here
        edges = np.cumsum(list(shares.values()))
        places_ = np.array([names.index(name) for name in shares])
        chosen[mine] = places_[
            np.minimum(np.searchsorted(edges, draw[mine], "right"), len(shares) - 1)
        ]
    low, high = np.array(list(ACCURACY_M.values())).T
    accuracy_m = low[chosen] * (high[chosen] / low[chosen]) ** chance.random(count)
    worse = np.where(is_inside & (chosen == names.index("gps")), GPS_INDOORS_WORSE, 1.0)
    error_m = chance.rayleigh(1.0, count) * accuracy_m * worse / RADIUS_68
    return text.labels(names, chosen), accuracy_m, error_m


def _degrees(shop: Ints, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
    """Latitude and longitude of places on the floor plan, whose middle is the shop's."""
    about = np.array(
        [(one.latitude, one.longitude, one.width_m, one.depth_m) for one in places.SHOPS]
    )
    latitude, longitude, width_m, depth_m = about[shop].T
    north = (y_m - depth_m / 2) / places.METRES_A_DEGREE
    east = (x_m - width_m / 2) / places.METRES_A_DEGREE / np.cos(np.radians(latitude))
    return latitude + north, longitude + east


def sent(
    feed: str,
    walks: Walks,
    done: pd.DataFrame,
    payload: dict[str, object],
    seed: int,
    **more: object,
) -> pd.DataFrame:
    """Messages of the phones of those with the app, handed in by the app gateway of the shop.

    Takes   done  visit and at of each message
    """
    visits = walks.visits.iloc[done["visit"]]
    shop = visits["shop"].to_numpy(dtype=np.int64)
    gateways = text.pick([devices.gateway(one, "app") for one in places.SHOP_IDS], shop)
    return messages.handed_in(
        feed,
        "app",
        shop,
        done["at"],
        payload,
        seed=seed,
        device_id=gateways,
        subject=visits["subject"],
        basket_id=text.strings(visits["basket_id"]),
        **more,
    )
