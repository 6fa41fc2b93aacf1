"""Promotions, the prices in force, and what the electronic shelf labels show of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from lakehouse.settings import Faults, Simulation
from lakehouse.simulator import draws, messages, text
from lakehouse.simulator.purchases import END, Purchases, begin
from lakehouse.simulator.stock import Stock

# Promotions a good and week that start on any day and last some; two at once are told apart by
# their priority (assumed).
PROMOTIONS_A_WEEK = 1.5
LASTS_DAYS = (1, 4)
CUT = (0.10, 0.35)
# A label is sent its content anew every six hours with the stock, and at every change of price; it
# acknowledges within seconds, or the gateway does not hear it (assumed).
REFRESH_H = 6
ACKNOWLEDGED_S = (1.0, 20.0)


@dataclass(frozen=True)
class Prices:
    """Of the goods watched.

    promotions  promotion_id, good, product_id, shop, price_cents, priority, starts_at, ends_at
    in_force    good, from_at, price_cents, promotion_id (null where it is the list price)
    """

    promotions: pd.DataFrame
    in_force: pd.DataFrame


def simulate(shelves: Stock, purchases: Purchases, size: Simulation, seed: int) -> Prices:
    """Promotions at random, and the price that follows: that of the highest priority."""
    chance = draws.stream(seed, "promotions")
    goods = shelves.goods
    listed = purchases.products.set_index("product_id")["list_price_cents"]
    list_price = goods["product_id"].map(listed).astype(float).fillna(199).to_numpy()
    first_at = begin(size)
    counts = chance.poisson(PROMOTIONS_A_WEEK * size.sensor_days / 7, len(goods))
    good = np.repeat(np.arange(len(goods)), counts)
    day = chance.integers(0, max(size.sensor_days, 1), len(good))
    starts_at = first_at + day * np.timedelta64(24, "h") + np.timedelta64(6, "h")
    lasts = chance.integers(LASTS_DAYS[0], LASTS_DAYS[1] + 1, len(good)) * np.timedelta64(24, "h")
    cut = chance.uniform(*CUT, len(good))
    promotions = pd.DataFrame(
        {
            "promotion_id": [f"promotion-{number}" for number in range(len(good))],
            "good": good,
            "product_id": goods["product_id"].to_numpy()[good],
            "shop": goods["shop"].to_numpy()[good],
            "price_cents": np.maximum((list_price[good] * (1 - cut)).round(), 1).astype(np.int64),
            "priority": np.arange(len(good)) % 5 + 1,
            "starts_at": starts_at.astype("datetime64[ms]"),
            "ends_at": (starts_at + lasts).astype("datetime64[ms]"),
        }
    )
    return Prices(promotions, _in_force(promotions, list_price, first_at))


def _in_force(
    promotions: pd.DataFrame, list_price: np.ndarray, first_at: np.datetime64
) -> pd.DataFrame:
    """The price of each good from each instant at which it may have changed."""
    every = np.arange(len(list_price))
    edges = pd.concat(
        [
            pd.DataFrame({"good": every, "from_at": first_at}),
            promotions[["good", "starts_at"]].set_axis(["good", "from_at"], axis=1),
            promotions[["good", "ends_at"]].set_axis(["good", "from_at"], axis=1),
        ]
    ).drop_duplicates()
    edges = edges[edges["from_at"] < pd.Timestamp(END)]
    met = edges.merge(promotions, on="good", how="left")
    is_on = (met["starts_at"] <= met["from_at"]) & (met["from_at"] < met["ends_at"])
    met = met[is_on].sort_values(["priority", "promotion_id"], ascending=[False, True])
    best = met.drop_duplicates(["good", "from_at"])
    best = best[["good", "from_at", "price_cents", "promotion_id"]]
    found = edges.merge(best, on=["good", "from_at"], how="left")
    found["price_cents"] = found["price_cents"].fillna(
        pd.Series(list_price[found["good"]], index=found.index)
    )
    found = found.sort_values(["good", "from_at"], ignore_index=True)
    return found.astype({"price_cents": np.int64})


def build(
    prices: Prices, shelves: Stock, rates: Faults, size: Simulation, seed: int
) -> pd.DataFrame:
    """What each label shows, and its acknowledgement, as the gateway of a shop's labels sends it.

    An acknowledgement may be lost, and a label may go on showing the price before.

    Gives   messages of the feed shelf_labels
    """
    chance = draws.stream(seed, "labels")
    shown = _shown(prices, shelves, size)
    count = len(shown)
    draw = chance.random(count)
    before = shown.groupby("good")["price_cents"].shift(1)
    has_changed = (before.notna() & (before != shown["price_cents"])).to_numpy()
    is_old = has_changed & (draw < rates.old_price)
    is_lost = ~is_old & (chance.random(count) < rates.lost_acknowledgement)
    fault = np.select([is_old, is_lost], ["old_price", "lost_acknowledgement"], default="")
    shown = shown.assign(
        fault=text.only(fault, is_old | is_lost),
        true_value=text.only(shown["price_cents"].astype(str), is_old | is_lost),
        price_cents=np.where(is_old, before.fillna(0), shown["price_cents"]).astype(np.int64),
    )
    wait = (chance.uniform(*ACKNOWLEDGED_S, count) * 1000).astype("timedelta64[ms]")
    answers = shown.assign(at=shown["at"] + wait, acknowledged=True)[~is_lost]
    sent = pd.concat([shown.assign(acknowledged=False), answers], ignore_index=True)
    sent = sent.sort_values(["at", "good"], kind="stable", ignore_index=True)
    goods = shelves.goods
    shop = goods["shop"].to_numpy(dtype=np.int64)[sent["good"]]
    labels = [f"{device}-label" for device in goods["device_id"]]
    payload = {
        "product_id": text.quoted_ids(text.strings(goods["product_id"].to_numpy()[sent["good"]])),
        "price_cents": text.numbers(sent["price_cents"]),
        "promotion_id": text.quoted_ids(pa.array(sent["promotion_id"], from_pandas=True)),
        "stock_shown": text.numbers(sent["stock_shown"]),
        "valid_from": text.quoted_ids(text.instants(sent["from_at"], "s")),
        "acknowledged": text.pick(["false", "true"], sent["acknowledged"].astype(np.int64)),
    }
    return messages.handed_in(
        "shelf_labels",
        "labels",
        shop,
        sent["at"],
        payload,
        seed=seed,
        device_id=text.pick(labels, sent["good"]),
        fault=sent["fault"],
        true_value=sent["true_value"],
    )


def _shown(prices: Prices, shelves: Stock, size: Simulation) -> pd.DataFrame:
    """good, at, from_at, price_cents, promotion_id, stock_shown: every sending to a label."""
    first_at = begin(size)
    steps = size.sensor_days * 24 // REFRESH_H
    goods = np.arange(len(shelves.goods))
    # Each label is sent at its own second of the hour.
    good, turn = np.repeat(goods, steps), np.tile(np.arange(steps), len(goods))
    at = (
        first_at
        + turn * np.timedelta64(REFRESH_H, "h")
        + (good * 7 % 3600 + 60) * np.timedelta64(1, "s")
    )
    changed = prices.in_force
    refresh = pd.DataFrame({"good": good, "at": at.astype("datetime64[ms]")})
    change = changed[["good", "from_at"]].set_axis(["good", "at"], axis=1)
    change = change.assign(at=change["at"] + pd.to_timedelta(change["good"] % 50, unit="s"))
    sent = pd.concat([refresh, change], ignore_index=True)
    sent = sent.astype({"at": "datetime64[ms]"}).sort_values("at", kind="stable")
    in_force = changed.astype({"from_at": "datetime64[ms]"}).sort_values("from_at", kind="stable")
    sent = pd.merge_asof(sent, in_force, left_on="at", right_on="from_at", by="good")
    sent = sent.sort_values(["good", "at"], kind="stable", ignore_index=True)
    stock = shelves.at(sent["good"].to_numpy(), sent["at"].to_numpy())
    return sent.assign(stock_shown=stock)
