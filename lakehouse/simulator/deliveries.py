"""deliveries: the notes that come with the goods, unit by unit where they carry tags."""

import numpy as np
import pandas as pd

from lakehouse.settings import Faults
from lakehouse.simulator import draws, messages, text
from lakehouse.simulator.stock import Stock

BOOKED_S = (120, 1800)  # from the van to the booking: assumed
BOOKED_LATE = np.timedelta64(24, "h")


def build(shelves: Stock, rates: Faults, seed: int) -> pd.DataFrame:
    """Every delivery as its note says it; a short one says more than came.

    One booked a day late says that it came a day later than it did.

    Gives   messages of the feed deliveries; true_value is the quantity or the instant that is right
    """
    chance = draws.stream(seed, "deliveries")
    came, goods = shelves.deliveries, shelves.goods
    count = len(came)
    is_short = (came["received"] < came["ordered"]).to_numpy(dtype=bool)
    is_late = ~is_short & (chance.random(count) < rates.booked_late)
    delivered_at = came["delivered_at"].to_numpy().astype("datetime64[ms]")
    said_at = delivered_at + np.where(is_late, BOOKED_LATE, np.timedelta64(0, "h"))
    booked_at = said_at + (chance.uniform(*BOOKED_S, count) * 1000).astype("timedelta64[ms]")
    good = came["good"].to_numpy(dtype=np.int64)
    shop = goods["shop"].to_numpy(dtype=np.int64)[good]
    right = np.where(
        is_late, text.labels_of(text.instants(delivered_at, "s")), came["received"].astype(str)
    )
    payload = {
        "product_id": text.quoted_ids(text.strings(goods["product_id"].to_numpy()[good])),
        "quantity": text.numbers(came["ordered"]),
        "delivered_at": text.quoted_ids(text.instants(said_at, "s")),
        "epcs": _epcs(shelves, came),
    }
    return messages.handed_in(
        "deliveries",
        "goods-in",
        shop,
        booked_at,
        payload,
        seed=seed,
        fault=text.only(np.where(is_short, "short_delivery", "booked_late"), is_short | is_late),
        true_value=text.only(right, is_short | is_late),
    )


def _epcs(shelves: Stock, came: pd.DataFrame) -> object:
    """The tags of what came, a JSON array a delivery; none of goods without tags."""
    units = shelves.units
    tagged = shelves.goods["is_tagged"].to_numpy(dtype=bool)
    units = units[tagged[units["good"]]]
    number = pd.MultiIndex.from_frame(came[["good", "delivered_at"]])
    place = number.get_indexer(pd.MultiIndex.from_frame(units[["good", "came_at"]]))
    order = np.argsort(place, kind="stable")
    sizes = np.bincount(place, minlength=len(came))
    return text.arrays(text.quoted_ids(units["epc"].to_numpy()[order]), sizes)
