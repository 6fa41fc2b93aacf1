"""What stands on the shelves that have an antenna or a scale, unit by unit, and the deliveries.

The goods sold most in a shop stand on them. What is bought is taken from there, some who buy
nothing take a thing and put it back, and every morning a delivery fills up. In the truth, stock,
deliveries and sales balance exactly.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import counts, draws, places, plan
from lakehouse.simulator.devices import Device, gateway
from lakehouse.simulator.plan import Ints
from lakehouse.simulator.purchases import END, Purchases, begin
from lakehouse.simulator.walks import Walks

Instants = npt.NDArray[np.datetime64]

# A receipt line of more is no count of units (fuel is sold by the hundredth of a gallon).
MOST_A_LINE = 24
# What is delivered up to: a fifth more than the best day sells, and two (assumed).
SPARE_SHARE, SPARE_UNITS = 0.2, 2
# The van comes in the early morning, UTC; the goods are on the shelf at once.
DELIVERED_H = (9.0, 11.5)
OPENED_BEFORE = np.timedelta64(6, "h")
# Of those who look and do not buy, who takes a thing and puts it back, and for how long (assumed).
TRIES_SHARE = 0.5
TRIES_S = (4.0, 20.0)
# A short delivery lacks so much of what its note says (assumed), if the day's sales let it.
SHORT_SHARE = (0.1, 0.4)
# Grams of a unit whose package gives no weight (assumed).
UNIT_G = 400.0


@dataclass(frozen=True)
class Stock:
    """The goods watched, and everything that happened to them.

    goods       shop, product_id, shelf (index of plan.shelves()), device_id, is_tagged, unit_g; its
                row number is the good's number
    deliveries  good, delivered_at, ordered (what the note says), received; by delivered_at
    tries       good, visit, taken_at, back_at: taken and put back
    units       good, epc, came_at, gone_at (END where it is still there)
    levels      good, from_at, to_at, units: what really stood there
    """

    goods: pd.DataFrame
    deliveries: pd.DataFrame
    tries: pd.DataFrame
    units: pd.DataFrame
    levels: pd.DataFrame

    def at(self, good: Ints, instant: Instants) -> Ints:
        """How many units of a good stood on its shelf at an instant."""
        base = END - np.timedelta64(400, "D")

        def axis(of: npt.ArrayLike, when: npt.ArrayLike) -> Ints:
            since = (np.asarray(when).astype("datetime64[ms]") - base).astype(np.int64)
            return np.asarray(of, dtype=np.int64) * 10**12 + since

        found = np.searchsorted(
            axis(self.levels["good"], self.levels["from_at"]), axis(good, instant), "right"
        )
        return self.levels["units"].to_numpy()[np.maximum(found - 1, 0)]


def simulate(
    purchases: Purchases, walks: Walks, short_share: float, size: Simulation, seed: int
) -> Stock:
    """Stock and its movements over the sensors' period."""
    chance = draws.stream(seed, "stock")
    goods = _goods(purchases, walks, size.watched_goods)
    sold = _sold(goods, walks)
    deliveries = _deliveries(goods, sold, short_share, size, chance)
    units = _units(goods, deliveries, sold, seed)
    tries = _tries(goods, units, walks, chance)
    return Stock(goods, deliveries, tries, units, _levels(deliveries, sold, tries))


def devices(stock: Stock) -> list[Device]:
    """The antennas and scales, each at the shelf it watches."""
    goods, found = stock.goods, []
    columns = (goods[name].tolist() for name in ("device_id", "shelf", "is_tagged"))
    for device_id, number, is_tagged in zip(*columns, strict=True):
        shelf = plan.shelves()[number]
        found.append(
            Device(
                device_id,
                shelf.shop_id,
                shelf.zone,
                "rfid_antenna" if is_tagged else "scale",
                shelf.x_m,
                shelf.y_m,
                native_unit=None if is_tagged else native_unit(device_id),
                interval_s=900,
                protocol="LLRP" if is_tagged else "Zigbee",
                gateway=gateway(shelf.shop_id, "shelves"),
            )
        )
    return found


def native_unit(device_id: str) -> str:
    """The unit that a scale sends: by turns kilograms, grams and pounds."""
    return ("kg", "g", "lb")[int(device_id.rpartition("-")[2]) % 3]


def _goods(purchases: Purchases, walks: Walks, most: int) -> pd.DataFrame:
    """The goods sold most: by turns their units carry tags, or they stand on a scale."""
    picks = walks.picks
    picks = picks[(picks["shelf"] >= 0) & picks["quantity"].between(1, MOST_A_LINE)]
    counted = picks.groupby(["shop", "product_id", "shelf"]).size().rename("lines").reset_index()
    counted = counted.sort_values(["shop", "lines", "product_id"], ascending=[True, False, True])
    goods = counted.groupby("shop").head(most).reset_index(drop=True)
    place = goods.groupby("shop").cumcount().to_numpy()
    goods["is_tagged"] = place % 2 == 0
    kind = np.where(goods["is_tagged"], "antenna", "scale")
    goods["device_id"] = [
        f"{places.SHOP_IDS[shop]}-{name}-{number + 1}"
        for shop, name, number in zip(goods["shop"], kind, place // 2, strict=True)
    ]
    listed = purchases.products.set_index("product_id")["unit_weight_g"]
    goods["unit_g"] = goods["product_id"].map(listed).astype(float).fillna(UNIT_G)
    return goods.drop(columns="lines")


def _good_of(goods: pd.DataFrame, shop: Ints, what: str, value: npt.ArrayLike) -> Ints:
    """The number of the good of a shop with that product or shelf; -1 for none."""
    known = pd.MultiIndex.from_frame(goods[["shop", what]])
    first = ~known.duplicated()
    wanted = pd.MultiIndex.from_arrays([shop, np.asarray(value)])
    place = known[first].get_indexer(wanted)
    return np.append(np.flatnonzero(first), -1)[place]  # an unknown one has place -1, the last


def _sold(goods: pd.DataFrame, walks: Walks) -> pd.DataFrame:
    """good, at: a unit sold each, in the order of each good's sales."""
    picks = walks.picks
    good = _good_of(goods, picks["shop"].to_numpy(), "product_id", picks["product_id"])
    is_ours = (good >= 0) & picks["quantity"].between(1, MOST_A_LINE).to_numpy()
    quantity = picks["quantity"].to_numpy()[is_ours]
    sold = pd.DataFrame(
        {
            "good": np.repeat(good[is_ours], quantity),
            "at": np.repeat(picks["picked_at"].to_numpy()[is_ours], quantity),
        }
    )
    return sold.sort_values(["good", "at"], kind="stable", ignore_index=True)


def _deliveries(
    goods: pd.DataFrame,
    sold: pd.DataFrame,
    short_share: float,
    size: Simulation,
    chance: np.random.Generator,
) -> pd.DataFrame:
    """One a good and day, the first of them before the period begins."""
    days, count = size.sensor_days, len(goods)
    first_at = begin(size)
    # A day runs from delivery to delivery.
    came_h = chance.uniform(*DELIVERED_H, (count, days)) - 5.0  # the period begins at 5:00 UTC
    came_at = first_at + ((np.arange(days) * 24 + came_h) * 3_600_000).astype("timedelta64[ms]")
    if days:
        came_at[:, 0] = first_at - OPENED_BEFORE  # some are in the shop already
    day = np.zeros(len(sold), dtype=np.int64)
    good, at = sold["good"].to_numpy(), sold["at"].to_numpy()
    for number in range(1, days):
        day += at >= came_at[good, number]
    demand = np.zeros((count, max(days, 1)), dtype=np.int64)
    np.add.at(demand, (good, day), 1)

    full = np.ceil(demand.max(axis=1) * (1 + SPARE_SHARE)).astype(np.int64) + SPARE_UNITS
    there = np.zeros(count, dtype=np.int64)
    rows = []
    for number in range(days):
        ordered = full - there
        lacks = (ordered * chance.uniform(*SHORT_SHARE, count)).round().astype(np.int64)
        is_short = (chance.random(count) < short_share) & (number > 0)
        lacks = np.where(is_short, np.minimum(lacks, full - demand[:, number]), 0)
        received = ordered - lacks
        there = there + received - demand[:, number]
        rows.append(
            pd.DataFrame(
                {
                    "good": np.arange(count),
                    "delivered_at": came_at[:, number],
                    "ordered": ordered,
                    "received": received,
                }
            )
        )
    columns = ["good", "delivered_at", "ordered", "received"]
    found = pd.concat(rows) if rows else pd.DataFrame({name: [] for name in columns})
    numbers = dict.fromkeys(("good", "ordered", "received"), np.int64)
    found = found.astype({"delivered_at": "datetime64[ms]", **numbers})
    found = found[found["ordered"] > 0]
    return found.sort_values(["delivered_at", "good"], kind="stable", ignore_index=True)


def _units(
    goods: pd.DataFrame, deliveries: pd.DataFrame, sold: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Each unit from its delivery to its sale: what came first is sold first."""
    came = deliveries.sort_values(["good", "delivered_at"], kind="stable")
    good = np.repeat(
        came["good"].to_numpy(dtype=np.int64), came["received"].to_numpy(dtype=np.int64)
    )
    came_at = np.repeat(came["delivered_at"].to_numpy(), came["received"].to_numpy(dtype=np.int64))
    place = _place(good)
    gone_at = np.full(len(good), END).astype("datetime64[ms]")
    sales = pd.MultiIndex.from_arrays([sold["good"], _place(sold["good"].to_numpy())])
    found = sales.get_indexer(pd.MultiIndex.from_arrays([good, place]))
    is_sold = found >= 0
    gone_at[is_sold] = sold["at"].to_numpy()[found[is_sold]]
    return pd.DataFrame(
        {"good": good, "epc": epcs(good, place, seed), "came_at": came_at, "gone_at": gone_at}
    )


def _place(good: Ints) -> Ints:
    """The how-manieth of its good each row is, of rows sorted by good."""
    starts = np.searchsorted(good, good)
    return np.arange(len(good)) - starts


def epcs(good: Ints, place: Ints, seed: int) -> npt.NDArray[np.object_]:
    """The tag of each unit: an SGTIN as a pure identity URI (GS1 EPC Tag Data Standard 2.0, 6.3.1).

    The company prefix is GS1's own example; item and serial number count goods and units.
    """
    serial = place + 1_000_000 * (seed % 1000)
    return np.array(
        [
            f"urn:epc:id:sgtin:0614141.{item:06d}.{number}"
            for item, number in zip(good.tolist(), serial.tolist(), strict=True)
        ],
        dtype=object,
    )


def _tries(
    goods: pd.DataFrame, units: pd.DataFrame, walks: Walks, chance: np.random.Generator
) -> pd.DataFrame:
    """Who looks and does not buy takes a unit and puts it back, where three are left at least."""
    stops = walks.stops
    visit = stops["visit"].to_numpy()
    shop = walks.visits["shop"].to_numpy()[visit]
    good = _good_of(goods, shop, "shelf", stops["shelf"])
    is_looking = (stops["lines"] == 0).to_numpy() & (good >= 0)
    is_trying = is_looking & (chance.random(len(stops)) < TRIES_SHARE)
    taken_at = stops["arrived_at"].to_numpy()[is_trying] + np.timedelta64(2, "s")
    held = (chance.uniform(*TRIES_S, int(is_trying.sum())) * 1000).astype("timedelta64[ms]")
    tries = pd.DataFrame(
        {
            "good": good[is_trying],
            "visit": visit[is_trying],
            "taken_at": taken_at,
            "back_at": taken_at + held,
        }
    )
    present = np.zeros(len(tries), dtype=np.int64)
    for number, mine in units.groupby("good"):
        rows = (tries["good"] == number).to_numpy()
        came, gone = mine["came_at"].to_numpy(), mine["gone_at"].to_numpy()
        present[rows] = counts.present(came, gone, tries["taken_at"].to_numpy()[rows])
    return tries[present >= 3].sort_values(["taken_at", "good"], kind="stable", ignore_index=True)


def _levels(deliveries: pd.DataFrame, sold: pd.DataFrame, tries: pd.DataFrame) -> pd.DataFrame:
    moves = pd.concat(
        [
            pd.DataFrame(
                {
                    "good": deliveries["good"],
                    "at": deliveries["delivered_at"],
                    "units": deliveries["received"],
                }
            ),
            sold.assign(units=-1),
            pd.DataFrame({"good": tries["good"], "at": tries["taken_at"], "units": -1}),
            pd.DataFrame({"good": tries["good"], "at": tries["back_at"], "units": 1}),
        ]
    )
    moves = moves.astype({"units": np.int64})
    found = moves.groupby(["good", "at"], as_index=False).agg({"units": "sum"})
    found["units"] = found.groupby("good")["units"].cumsum()
    found["to_at"] = found.groupby("good")["at"].shift(-1).fillna(pd.Timestamp(END))
    found.columns = pd.Index(["good", "from_at", "units", "to_at"])
    instants = dict.fromkeys(("from_at", "to_at"), "datetime64[ms]")
    return found.astype({"good": np.int64, "units": np.int64, **instants})
