"""The floor plan: walls, shelves, and the way from one place in a shop to another.

Shelves stand in rows along y with aisles between them; a cross aisle runs before them and one
behind. The chilled shelves line the back wall, the tills the front. So the shortest way between two
places leads straight along their aisles and over one of the cross aisles.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from lakehouse.simulator import draws, places

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Aisles 2.4 m wide between rows of shelves 1.2 m deep: back-to-back shelves of 0.6 m each, and room
# for two carts side by side (assumed; the 2010 ADA standards, 403.5.1, ask for 0.91 m at least).
ROW_M = 1.2
PITCH_M = 3.6
# One shelf is what a shopper looks over from one place: four units of 1.25 m (assumed).
BAY_M = 5.0
# The cross aisles, in shares of the floor's depth: between the tills or the back and the rows.
FRONT, REAR = 0.10, 0.87
# How far from the chilled shelves, the tills and the door people stand.
BEFORE_M = 1.0

WAY_POINTS = 6  # a way has so many corners with both ends, some of them the same


@dataclass(frozen=True)
class Shelf:
    """One shelf; `x_m`, `y_m` is where one stands before it."""

    shelf_id: str
    shop_id: str
    zone: str
    x_m: float
    y_m: float


def aisles(shop: places.Shop, zone: places.Zone) -> Floats:
    """The middles of a zone's aisles."""
    (left, _), (right, _), *_ = places.corners(shop, zone)
    count = max(1, int((right - left) / PITCH_M))
    pitch = (right - left) / count
    return np.asarray(left + pitch * (np.arange(count) + 0.5))


def rows(shop: places.Shop) -> list[tuple[float, float, float, float]]:
    """The rows of shelves: left, near, right, far in metres. Nobody walks through them."""
    found = set()
    for zone in places.ZONES:
        if zone.kind != "aisle":
            continue
        near, far = _between_cross_aisles(shop, zone)
        middles = aisles(shop, zone)
        half = (shop.width_m * (zone.right - zone.left) / len(middles)) / 2
        for edge in (*(middles - half), middles[-1] + half):
            left = max(0.0, edge - ROW_M / 2)
            right = min(shop.width_m, edge + ROW_M / 2)
            found.add((round(left, 2), near, round(right, 2), far))
    return sorted(found)


def _between_cross_aisles(shop: places.Shop, zone: places.Zone) -> tuple[float, float]:
    near = max(zone.near, FRONT + 0.04) * shop.depth_m
    far = min(zone.far, REAR - 0.04) * shop.depth_m
    return round(near, 2), round(far, 2)


@cache
def shelves() -> tuple[Shelf, ...]:
    """All shelves of all shops."""
    found = []
    for shop in places.SHOPS:
        for zone in places.ZONES:
            spots = _chilled(shop, zone) if zone.kind == "chilled" else _aisle(shop, zone)
            for number, (x_m, y_m) in enumerate(spots, start=1):
                shelf_id = f"{places.zone_id(shop.shop_id, zone.name)}-{number}"
                found.append(Shelf(shelf_id, shop.shop_id, zone.name, round(x_m, 2), round(y_m, 2)))
    return tuple(found)


def zones_of_shelves() -> Ints:
    """The zone of each shelf, as an index of places.ZONES."""
    return np.array([places.ZONE_NAMES.index(shelf.zone) for shelf in shelves()])


def _aisle(shop: places.Shop, zone: places.Zone) -> list[tuple[float, float]]:
    if zone.kind != "aisle":
        return []
    near, far = _between_cross_aisles(shop, zone)
    count = max(1, int((far - near) / BAY_M))
    along = near + (far - near) * (np.arange(count) + 0.5) / count
    return [(x_m, y_m) for x_m in aisles(shop, zone).tolist() for y_m in along.tolist()]


def _chilled(shop: places.Shop, zone: places.Zone) -> list[tuple[float, float]]:
    (left, _), (right, _), *_ = places.corners(shop, zone)
    count = int((right - left) / BAY_M)
    y_m = shop.depth_m - BEFORE_M
    return [(left + (right - left) * (number + 0.5) / count, y_m) for number in range(count)]


def door(shop: places.Shop) -> tuple[float, float]:
    """Where people come in and go out: in the middle of the entrance's front."""
    x_m, _ = places.centre(shop, places.ZONES[0])
    return x_m, BEFORE_M / 2


def till(shop: places.Shop, number: int) -> tuple[float, float]:
    """Where people stand at a till, from 1."""
    (left, near), (right, _), *_ = places.corners(shop, places.ZONES[-1])
    return left + (right - left) * number / (places.TILLS + 1), near + 2 + BEFORE_M


def ways(shop: Ints, from_m: Floats, to_m: Floats) -> Floats:
    """The corners of the shortest way between pairs of places, on which nobody meets a shelf.

    Takes   shop     indices of places.SHOPS
            from_m, to_m  x and y in metres, shape (n, 2)
    Gives   shape (n, WAY_POINTS, 2); corners that a way does not need repeat the one before
    """
    depth = _depth_m(shop)
    front, rear = FRONT * depth, REAR * depth
    (from_x, from_y), (to_x, to_y) = from_m.T, to_m.T

    def side(y_m: Floats) -> Ints:
        """-1 before the rows, 1 behind them, 0 between them."""
        return np.where(y_m < FRONT * depth + 1, -1, np.where(y_m > REAR * depth - 1, 1, 0))

    start, end = side(from_y), side(to_y)
    over_front = np.abs(from_y - front) + np.abs(to_y - front)
    over_rear = np.abs(from_y - rear) + np.abs(to_y - rear)
    nearer = np.where(over_front <= over_rear, front, rear)
    forced = np.where(start != 0, start, end)  # at a cross aisle the way goes over that one
    first = np.where(forced == 0, nearer, np.where(forced < 0, front, rear))
    last = np.where(end == 0, first, np.where(end < 0, front, rear))
    # From the one cross aisle to the other: through the aisle nearest to where the way ends.
    through = np.where(first == last, to_x, _nearest_aisle(shop, to_x))
    through = np.where(start == 0, from_x, through)
    same_aisle = (start == 0) & (end == 0) & (np.abs(from_x - to_x) < PITCH_M / 2)
    corners = [
        (from_x, from_y),
        (from_x, np.where(same_aisle, from_y, first)),
        (np.where(same_aisle, from_x, through), np.where(same_aisle, from_y, first)),
        (np.where(same_aisle, to_x, through), np.where(same_aisle, to_y, last)),
        (to_x, np.where(same_aisle, to_y, last)),
        (to_x, to_y),
    ]
    return np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)


def _nearest_aisle(shop: Ints, x_m: Floats) -> Floats:
    """The middle of the aisle nearest to each x."""
    found = np.zeros(len(x_m))
    for number, one in enumerate(places.SHOPS):
        kinds = [aisles(one, zone) for zone in places.ZONES if zone.kind == "aisle"]
        middles = np.unique(np.concatenate(kinds))
        mine = shop == number
        found[mine] = middles[np.abs(x_m[mine][:, None] - middles).argmin(axis=1)]
    return found


def _depth_m(shop: Ints) -> Floats:
    return np.array([one.depth_m for one in places.SHOPS])[shop]


def zone_at(shop: Ints, x_m: Floats, y_m: Floats) -> Ints:
    """The zone that each place lies in, as an index of places.ZONES."""
    across = x_m / np.array([one.width_m for one in places.SHOPS])[shop]
    along = y_m / _depth_m(shop)
    zone = np.full(len(x_m), len(places.ZONES) - 1)
    for number, one in enumerate(places.ZONES):
        inside = (across >= one.left) & (across < one.right)
        zone[inside & (along >= one.near) & (along < one.far)] = number
    return zone


def shelf_of(product_id: npt.ArrayLike, shop: Ints, zone: Ints) -> Ints:
    """The shelf on which each product stands in a shop, as an index of `shelves`; -1 for none."""
    cells = [(shop.shop_id, zone.name) for shop in places.SHOPS for zone in places.ZONES]
    cell_of = {cell: number for number, cell in enumerate(cells)}
    cell = np.array([cell_of[shelf.shop_id, shelf.zone] for shelf in shelves()])
    first = np.searchsorted(cell, np.arange(len(cells)))
    count = np.bincount(cell, minlength=len(cells))
    wanted = shop * len(places.ZONES) + zone
    place = (draws.share(product_id, "shelf") * count[wanted]).astype(np.int64)
    return np.where(count[wanted] > 0, first[wanted] + place, -1)
