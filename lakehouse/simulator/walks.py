"""Shoppers: who comes in when, where they stop, and where they are at any instant."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import counts, draws, places, plan
from lakehouse.simulator.plan import Floats, Ints
from lakehouse.simulator.purchases import Purchases, begin

# Comfortable walking speed of adults is 0.94 to 1.43 m/s by age and sex (Bohannon, Andrews,
# "Normal walking speed", Physiotherapy 97, 2011).
SPEED_M_S = (1.0, 1.4)
# Time at a shelf for each line of the receipt, at the door, and at the till: assumed, so that the
# median receipt of 5 lines takes about 10 minutes with its ways.
LINE_S = (15.0, 40.0)
DOOR_S = (3.0, 10.0)
TILL_S = (60.0, 240.0)
# Two of ten who come in leave without buying (assumed), after a look at one to five shelves.
WALK_INS_A_RECEIPT = 0.25
LOOKS = (1, 5)
# Of those with a card, who has the app open and who carries a tag (assumed).
APP_SHARE = 0.6
TAG_SHARE = 0.1

_SPAN_S = 100_000.0  # longer than any visit
_NO_SHELF = -1


@dataclass(frozen=True)
class Walks:
    """Every visit of the sensors' period, one after the other.

    visits  basket_id, subject (both null for who buys nothing), shop (index of SHOPS), entered_at,
            left_at, speed_m_s, has_app, has_tag; its row number is the visit's number
    stops   visit, zone, shelf (indices of places.ZONES and plan.shelves(); -1 at the doors and
            tills), x_m, y_m, arrived_at, left_at, lines (bought there); in the order of each walk
    picks   visit, basket_id, shop, shelf, product_id, quantity, picked_at: what was taken to be
            paid, a receipt line each; those of no shelf (fuel, services) are taken at the till
    """

    visits: pd.DataFrame
    stops: pd.DataFrame
    picks: pd.DataFrame
    _axis: tuple[Floats, Floats, Floats]

    def where(self, visit: Ints, since_s: Floats) -> tuple[Floats, Floats]:
        """x and y, in metres, of visits so many seconds after they began."""
        at, x_m, y_m = self._axis
        if not len(at):
            return np.zeros(0), np.zeros(0)
        wanted = visit * _SPAN_S + since_s
        return np.interp(wanted, at, x_m), np.interp(wanted, at, y_m)

    def every(self, step_s: float, among: npt.NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """visit, at, x_m, y_m of each visit among those, every `step_s` seconds."""
        chosen = np.arange(len(self.visits)) if among is None else np.flatnonzero(among)
        entered_at = self.visits["entered_at"].to_numpy()
        lasts = self.visits["left_at"].to_numpy() - entered_at
        steps = (lasts[chosen] / np.timedelta64(1, "s") // step_s).astype(np.int64) + 1
        visit = np.repeat(chosen, steps)
        place = counts.within(steps)
        x_m, y_m = self.where(visit, np.asarray(place * step_s, dtype=np.float64))
        at = entered_at[visit] + (place * step_s * 1000).astype("timedelta64[ms]")
        return pd.DataFrame({"visit": visit, "at": at, "x_m": x_m, "y_m": y_m})


def simulate(purchases: Purchases, size: Simulation, seed: int) -> Walks:
    """The walk of each receipt of the sensors' period, told backwards from its payment, and those
    of people who buy nothing.

    Every walk begins and ends at the door and keeps to the aisles.
    """
    chance = draws.stream(seed, "walks")
    first_at = begin(size)
    receipts = purchases.receipts
    paid = receipts[receipts["paid_at"] >= pd.Timestamp(first_at)].reset_index(drop=True)
    picks = _picks(paid, purchases)
    visits = _visits(paid, chance, first_at)
    stops = _stops(visits, picks, len(paid), chance)
    return _timed(visits, stops, picks, chance)


def zone_of(products: pd.DataFrame) -> pd.Series:
    """The zone in which each product stands, as an index of places.ZONES."""
    zone = products["department"].map(places.DEPARTMENT_ZONES).fillna("checkout")
    category = products["category"].fillna("")
    is_grocery = products["department"] == "GROCERY"
    # Backwards, so that the first group that fits wins.
    for name, parts in reversed(places.GROCERY_ZONES.items()):
        zone = zone.mask(is_grocery & category.str.contains("|".join(parts)), name)
    return zone.map(places.ZONE_NAMES.index).astype(np.int64)


def _picks(paid: pd.DataFrame, purchases: Purchases) -> pd.DataFrame:
    """visit, basket_id, shop, zone, shelf, product_id, quantity: a line of a receipt each."""
    visit_of = pd.Series(paid.index.to_numpy(), index=paid["basket_id"].to_numpy())
    lines = purchases.lines[purchases.lines["basket_id"].isin(paid["basket_id"])]
    zones = pd.Series(
        zone_of(purchases.products).to_numpy(), index=purchases.products["product_id"].to_numpy()
    )
    visit = visit_of.loc[lines["basket_id"]].to_numpy()
    shop = paid["shop"].to_numpy()[visit]
    zone = zones.loc[lines["product_id"]].to_numpy()
    return pd.DataFrame(
        {
            "visit": visit,
            "basket_id": lines["basket_id"].to_numpy(),
            "shop": shop,
            "zone": zone,
            "shelf": plan.shelf_of(lines["product_id"], shop, zone),
            "product_id": lines["product_id"].to_numpy(),
            "quantity": lines["quantity"].to_numpy(),
        }
    )


def _visits(
    paid: pd.DataFrame, chance: np.random.Generator, first_at: np.datetime64
) -> pd.DataFrame:
    """Those who pay, and behind them those who do not; `begins_at` is known of the latter only."""
    share = draws.share(paid["household_id"], "app")
    buyers = paid[["basket_id", "subject", "shop", "paid_at"]].assign(
        has_app=share < APP_SHARE, has_tag=share > 1 - TAG_SHARE
    )
    like = paid.iloc[chance.integers(0, max(len(paid), 1), _walk_ins(paid))]
    shift = chance.integers(-1_800_000, 1_800_000, len(like)).astype("timedelta64[ms]")
    begins_at = np.maximum(like["paid_at"].to_numpy() + shift, first_at.astype("datetime64[ms]"))
    others = pd.DataFrame(
        {
            "shop": like["shop"].to_numpy(),
            "begins_at": begins_at,
            "has_app": False,
            "has_tag": False,
        }
    )
    visits = pd.concat([buyers, others], ignore_index=True)
    return visits.assign(speed_m_s=chance.uniform(*SPEED_M_S, len(visits)))


def _walk_ins(paid: pd.DataFrame) -> int:
    return int(len(paid) * WALK_INS_A_RECEIPT)


def _stops(
    visits: pd.DataFrame, picks: pd.DataFrame, buyers: int, chance: np.random.Generator
) -> pd.DataFrame:
    """visit, zone, shelf, x_m, y_m, stay_s, lines: door, shelves, till (who pays), door."""
    at_shelf = picks[picks["shelf"] != _NO_SHELF].groupby(["visit", "shelf"]).size()
    shelved = at_shelf.rename("lines").reset_index()
    looked = _looks(visits, picks, buyers, chance)
    count = len(visits)
    every, payers = np.arange(count), np.arange(buyers)
    last = len(plan.shelves())  # behind every shelf: the till, then the door
    visit = np.r_[every, shelved["visit"], looked["visit"], payers, every]
    shelf = np.r_[
        every * 0 - 1, shelved["shelf"], looked["shelf"], payers * 0 + last, every * 0 + last + 1
    ]
    lines = np.zeros(len(visit), dtype=np.int64)
    lines[count : count + len(shelved)] = shelved["lines"]
    order = np.lexsort((shelf, visit))
    visit, shelf, lines = visit[order], shelf[order], lines[order]
    shop = visits["shop"].to_numpy()[visit]

    is_till = shelf == last
    stay_s = np.maximum(lines, 1) * chance.uniform(*LINE_S, len(visit))
    stay_s = np.where(is_till, chance.uniform(*TILL_S, len(visit)), stay_s)
    stay_s = np.where(shelf == -1, chance.uniform(*DOOR_S, len(visit)), stay_s)
    stay_s[shelf > last] = 0.0
    at_m = _spots(shop, np.where(shelf < last, shelf, _NO_SHELF), is_till, chance)
    return pd.DataFrame(
        {
            "visit": visit,
            "zone": plan.zone_at(shop, *at_m.T),
            "shelf": np.where(shelf < last, shelf, _NO_SHELF),
            "is_till": is_till,
            "x_m": at_m[:, 0],
            "y_m": at_m[:, 1],
            "stay_s": stay_s,
            "lines": lines,
        }
    )


def _looks(
    visits: pd.DataFrame, picks: pd.DataFrame, buyers: int, chance: np.random.Generator
) -> pd.DataFrame:
    """visit and shelf: what those who buy nothing look at, as often as others buy there."""
    others = np.arange(buyers, len(visits))
    looks = np.repeat(others, chance.integers(LOOKS[0], LOOKS[1] + 1, len(others)))
    shelf = np.full(len(looks), _NO_SHELF, dtype=np.int64)
    shop = visits["shop"].to_numpy()[looks]
    for number in range(len(places.SHOPS)):
        there = picks.loc[(picks["shop"] == number) & (picks["shelf"] != _NO_SHELF), "shelf"]
        mine = shop == number
        if len(there):
            shelf[mine] = chance.choice(there.to_numpy(), int(mine.sum()))
    found = pd.DataFrame({"visit": looks, "shelf": shelf}).drop_duplicates()
    return found[found["shelf"] != _NO_SHELF]


def _spots(
    shop: Ints, shelf: Ints, is_till: npt.NDArray[np.bool_], chance: np.random.Generator
) -> Floats:
    """Where they stand, shape (n, 2): before the shelf, up to 2 m to its sides."""
    known = np.array([(one.x_m, one.y_m) for one in plan.shelves()])
    doors = np.array([plan.door(one) for one in places.SHOPS])
    tills = np.array(
        [[plan.till(one, number + 1) for number in range(places.TILLS)] for one in places.SHOPS]
    )
    till = chance.integers(0, places.TILLS, len(shop))
    aside_m = chance.uniform(-2.0, 2.0, len(shop))
    is_chilled = np.array([one.zone == "chilled" for one in plan.shelves()])[shelf]
    beside = np.stack([aside_m * is_chilled, aside_m * ~is_chilled], axis=1)
    at_shelf = known[shelf] + beside
    elsewhere = np.where(is_till[:, None], tills[shop, till], doors[shop])
    return np.asarray(np.where((shelf == _NO_SHELF)[:, None], elsewhere, at_shelf))


def _timed(
    visits: pd.DataFrame, stops: pd.DataFrame, picks: pd.DataFrame, chance: np.random.Generator
) -> Walks:
    """The stops with their instants, and the way between them."""
    visit, stay_s = stops["visit"].to_numpy(), stops["stay_s"].to_numpy()
    at_m = stops[["x_m", "y_m"]].to_numpy()
    goes_on = np.flatnonzero(visit[1:] == visit[:-1]) if len(visit) else np.zeros(0, dtype=np.int64)
    ways = np.repeat(at_m[:, None, :], plan.WAY_POINTS, axis=1)
    shop = visits["shop"].to_numpy()[visit]
    ways[goes_on] = plan.ways(shop[goes_on], at_m[goes_on], at_m[goes_on + 1])
    legs_m = np.hypot(*np.moveaxis(np.diff(ways, axis=1), 2, 0))
    way_s = legs_m.cumsum(axis=1) / visits["speed_m_s"].to_numpy()[visit][:, None]

    spent_s = stay_s + way_s[:, -1]
    since_s = np.cumsum(spent_s) - spent_s
    first = np.searchsorted(visit, np.arange(len(visits)))
    last = np.searchsorted(visit, np.arange(len(visits)), side="right") - 1
    since_s = since_s - since_s[first][visit]
    leaves_s = since_s + stay_s

    # Who pays does it at the end of the stay at the till; the others' beginning is known.
    paid_s = np.zeros(len(visits))
    at_till = stops["is_till"].to_numpy()
    paid_s[visit[at_till]] = leaves_s[at_till]
    began = visits["paid_at"].to_numpy() - (paid_s * 1000).round().astype("timedelta64[ms]")
    entered_at = np.where(visits["paid_at"].isna(), visits["begins_at"], began)
    entered_at = entered_at.astype("datetime64[ms]")

    def instant(of: Ints, seconds: Floats) -> npt.NDArray[np.datetime64]:
        return np.asarray(entered_at[of] + (seconds * 1000).round().astype("timedelta64[ms]"))

    axis_s = np.concatenate(
        [since_s[:, None], leaves_s[:, None], leaves_s[:, None] + way_s[:, :4]], axis=1
    )
    corners = np.concatenate([ways[:, :1], ways[:, :5]], axis=1)
    axis = (
        (axis_s + (visit * _SPAN_S)[:, None]).ravel(),
        corners[..., 0].ravel(),
        corners[..., 1].ravel(),
    )
    stops = stops.assign(arrived_at=instant(visit, since_s), left_at=instant(visit, leaves_s))
    visits = visits.assign(
        entered_at=entered_at, left_at=instant(np.arange(len(visits)), leaves_s[last])
    )
    return Walks(
        visits.drop(columns="begins_at"),
        stops.drop(columns=["stay_s", "is_till"]),
        _picked(picks, stops, visits, chance),
        axis,
    )


def _picked(
    picks: pd.DataFrame, stops: pd.DataFrame, visits: pd.DataFrame, chance: np.random.Generator
) -> pd.DataFrame:
    """When each line was taken: at some instant of the stop at its shelf."""
    there = stops[stops["shelf"] != _NO_SHELF].set_index(["visit", "shelf"])
    place = there.index.get_indexer(pd.MultiIndex.from_frame(picks[["visit", "shelf"]]))
    arrived_at, left_at = there["arrived_at"].to_numpy(), there["left_at"].to_numpy()
    part = chance.random(len(picks))
    paid_at = visits["paid_at"].to_numpy()[picks["visit"]]
    if len(there):
        picked_at = arrived_at[place] + (left_at[place] - arrived_at[place]) * part
        paid_at = np.where(place >= 0, picked_at.astype("datetime64[ms]"), paid_at)
    return picks.drop(columns="zone").assign(picked_at=paid_at.astype("datetime64[ms]"))
