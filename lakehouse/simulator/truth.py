"""What really happened, as frames that the pipeline never reads."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.simulator import places, plan, text
from lakehouse.simulator.faults import COPIES
from lakehouse.simulator.fridges import Fridges
from lakehouse.simulator.landing import Landing
from lakehouse.simulator.prices import Prices
from lakehouse.simulator.purchases import END, Purchases
from lakehouse.simulator.stock import Stock
from lakehouse.simulator.walks import Walks

Flags = npt.NDArray[np.bool_]

_SPOILING = ("unknown_product", "broken_line")


@dataclass(frozen=True)
class Happened:
    """All that happened, as the modules that made it gave it; `episodes` befell whole devices."""

    purchases: Purchases
    returned: pd.DataFrame
    returned_lines: pd.DataFrame
    walks: Walks
    stock: Stock
    prices: Prices
    fridges: Fridges
    readings: pd.DataFrame
    passages: pd.DataFrame
    scenes: pd.DataFrame
    crossings: pd.DataFrame
    offers: pd.DataFrame
    episodes: pd.DataFrame
    calibrations: pd.DataFrame


def frames(happened: Happened, landing: Landing) -> dict[str, pd.DataFrame]:
    """The truth, a frame a file.

    Gives   faults    event_id, feed, object, line (from 1; null where the whole object is meant),
                      kind, how, basket_id, device_id, true_value, from_at, to_at (null but where a
                      device was at fault for a time)
            objects   key, receiver, arrived_at, lines, is_late
            feeds     feed, landed, broken, bronze, repeated, quarantined: what must become of the
                      lines; quarantined counts messages that have to be refused in refine
                      whatever the rules are (unknown products and units, no lines, negative counts)
            receipts  basket_id, shop_id, event_id, subject, paid_at, business_on, lines, items,
                      amount_cents, discount_cents, is_spoiled, why, is_return
            readings  device_id, shop_id, metric, measured_at, true_value (canonical unit)
            episodes  device_id, shop_id, from_at, to_at: fridges that were really warm
            visits    visit, basket_id, subject, shop_id, entered_at, left_at, speed_m_s
            walks     visit, basket_id, subject, shop_id, zone_id, shelf_id, entered_at, left_at,
                      x_m, y_m: every stop, in the order of the walk
            positions visit, at, x_m, y_m: everyone, every second
            passages  device_id, shop_id, from_at, to_at, entries, exits: who really passed
            crossings visit, kind (enter, leave), at: of the shop's geofence, by those with the app
            scenes    shop_id, zone_id, label, at, count: what was before the cameras
            shelves   shop_id, shelf_id, product_id, device_id, unit_g, from_at, to_at, units: what
                      stood there, at any instant
            stock     shop_id, product_id, delivered, sold, left: over the whole period
            labels    shop_id, product_id, from_at, price_cents, promotion_id: the prices in force
            offers    offer_id, variant, use_rate
            calibrations  device_id, scale, offset, valid_from
            subjects  household_id, subject, age_band, household_size
    """
    faults = _faults(happened, landing)
    return {
        "faults": faults,
        "objects": landing.objects,
        "feeds": _feeds(landing, faults),
        "receipts": _receipts(happened, landing, faults),
        "readings": _readings(happened.readings),
        "episodes": happened.fridges.episodes,
        "visits": _visits(happened.walks),
        "walks": _walks(happened.walks),
        "positions": happened.walks.every(1.0),
        "passages": happened.passages,
        "crossings": happened.crossings,
        "scenes": happened.scenes,
        "shelves": _shelves(happened.stock),
        "stock": _stock(happened.stock),
        "labels": _labels(happened.stock, happened.prices),
        "offers": happened.offers,
        "calibrations": happened.calibrations,
        "subjects": happened.purchases.households,
    }


def _faults(happened: Happened, landing: Landing) -> pd.DataFrame:
    messages = landing.messages
    columns = ["event_id", "feed", "object", "line", "fault", "how"]
    columns += ["basket_id", "device_id", "true_value"]
    faults = messages.loc[messages["fault"].notna().to_numpy(), columns]
    faults = faults.rename(columns={"fault": "kind"}).astype({"line": "Int64"})
    late = landing.objects[landing.objects["is_late"]]
    late = late[["key"]].rename(columns={"key": "object"}).assign(kind="late_object")
    late = late.reindex(columns=faults.columns).astype(faults.dtypes)
    lasting = happened.episodes[["device_id", "kind", "from_at", "to_at"]]
    is_camera = lasting["kind"] == "frozen_camera"
    lasting = lasting.assign(feed=np.where(is_camera, "detections", "readings"))
    faults = pd.concat([faults, late], ignore_index=True)
    lasting = lasting.astype({"from_at": "datetime64[ms]", "to_at": "datetime64[ms]"})
    lasting = lasting.reindex(columns=[*faults.columns, "from_at", "to_at"])
    faults = faults.reindex(columns=lasting.columns).astype(lasting.dtypes[["from_at", "to_at"]])
    return pd.concat([faults, lasting.astype(faults.dtypes)], ignore_index=True)


def _feeds(landing: Landing, faults: pd.DataFrame) -> pd.DataFrame:
    landed = landing.messages["feed"].value_counts().sort_index()

    def counted(rows: Flags) -> pd.Series:
        found: pd.Series = faults["feed"][rows].value_counts().reindex(landed.index)
        return found

    feeds = pd.DataFrame(
        {
            "landed": landed,
            "broken": counted(text.is_one_of(faults["kind"], "broken_line")),
            "repeated": counted(text.is_one_of(faults["kind"], *COPIES)),
            "quarantined": counted(
                text.is_one_of(faults["kind"], "unknown_product", "empty_receipt", "negative_count")
                | text.is_one_of(faults["how"], "unknown_label")
            ),
        }
    )
    feeds = feeds.fillna(0).astype(np.int64)
    feeds.insert(2, "bronze", feeds["landed"] - feeds["broken"])
    return feeds.rename_axis("feed").reset_index()


def _receipts(happened: Happened, landing: Landing, faults: pd.DataFrame) -> pd.DataFrame:
    purchases, returned = happened.purchases, happened.returned
    bought = pd.concat([purchases.receipts, returned], ignore_index=True)
    is_return = np.arange(len(bought)) >= len(purchases.receipts)
    lines = pd.concat([purchases.lines, happened.returned_lines]).groupby("basket_id")
    sums = lines[["quantity", "amount_cents", "discount_cents"]].sum()
    sums = sums.reindex(bought["basket_id"].to_numpy()).reset_index(drop=True)
    basket_id = bought["basket_id"].astype(str)

    messages = landing.messages
    is_first = ~text.is_one_of(messages["fault"], *COPIES)
    first = messages[is_first & text.is_one_of(messages["feed"], "sales")]
    event_ids = first.set_index("basket_id")["event_id"]
    is_sale = text.is_one_of(faults["feed"], "sales")
    spoiled = faults[is_sale & text.is_one_of(faults["kind"], *_SPOILING)]
    why = basket_id.map(spoiled.set_index("basket_id")["kind"].astype(object))
    return pd.DataFrame(
        {
            "basket_id": basket_id,
            "shop_id": text.labels(places.SHOP_IDS, bought["shop"]),
            "event_id": basket_id.map(event_ids.astype(object)),
            "subject": bought["subject"],
            "paid_at": bought["paid_at"],
            "business_on": _business_on(bought),
            "lines": bought["size"],
            "items": sums["quantity"],
            "amount_cents": sums["amount_cents"],
            "discount_cents": sums["discount_cents"],
            "is_spoiled": why.notna(),
            "why": why,
            "is_return": is_return,
        }
    )


def _business_on(receipts: pd.DataFrame) -> pd.Series:
    """The day of payment in the shop's own time zone."""
    days = pd.Series(index=receipts.index, dtype="datetime64[ms]")
    for number, shop in enumerate(places.SHOPS):
        paid_at = receipts.loc[receipts["shop"] == number, "paid_at"]
        local = paid_at.dt.tz_localize("UTC").dt.tz_convert(shop.time_zone)
        days.loc[paid_at.index] = local.dt.tz_localize(None).dt.normalize().astype(days.dtype)
    business_on: pd.Series = days.dt.date
    return business_on


def _readings(readings: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "device_id": readings["device_id"],
            "shop_id": text.labels(places.SHOP_IDS, readings["shop"].to_numpy(dtype=np.int64)),
            "metric": readings["metric"],
            "measured_at": readings["measured_at"],
            "true_value": readings["true"],
        }
    )


def _visits(walks: Walks) -> pd.DataFrame:
    visits = walks.visits
    return pd.DataFrame(
        {
            "visit": np.arange(len(visits)),
            "basket_id": _as_text(visits["basket_id"]),
            "subject": visits["subject"],
            "shop_id": text.labels(places.SHOP_IDS, visits["shop"]),
            **{name: visits[name] for name in ("entered_at", "left_at", "speed_m_s")},
        }
    )


def _as_text(basket_id: pd.Series) -> pd.Series:
    return text.to_series(text.strings(basket_id.astype("Int64")))


def _walks(walks: Walks) -> pd.DataFrame:
    stops = walks.stops
    who = walks.visits.iloc[stops["visit"]].reset_index(drop=True)
    zones = [places.zone_id(shop, zone) for shop in places.SHOP_IDS for zone in places.ZONE_NAMES]
    shelves = [*(shelf.shelf_id for shelf in plan.shelves()), None]  # -1 is the last
    return pd.DataFrame(
        {
            "visit": stops["visit"],
            "basket_id": _as_text(who["basket_id"]),
            "subject": who["subject"],
            "shop_id": text.labels(places.SHOP_IDS, who["shop"]),
            "zone_id": text.labels(zones, who["shop"] * len(places.ZONES) + stops["zone"]),
            "shelf_id": np.array(shelves, dtype=object)[stops["shelf"].to_numpy()],
            "entered_at": stops["arrived_at"],
            "left_at": stops["left_at"],
            "x_m": stops["x_m"].round(2),
            "y_m": stops["y_m"].round(2),
        }
    )


def _shelves(stock: Stock) -> pd.DataFrame:
    goods = stock.goods.iloc[stock.levels["good"]].reset_index(drop=True)
    shelf_ids = [shelf.shelf_id for shelf in plan.shelves()]
    return pd.DataFrame(
        {
            "shop_id": text.labels(places.SHOP_IDS, goods["shop"]),
            "shelf_id": text.labels(shelf_ids, goods["shelf"]),
            "product_id": goods["product_id"].astype(str),
            "device_id": goods["device_id"],
            "unit_g": goods["unit_g"],
            **{name: stock.levels[name].to_numpy() for name in ("from_at", "to_at", "units")},
        }
    )


def _stock(stock: Stock) -> pd.DataFrame:
    goods = stock.goods
    count = len(goods)
    received = stock.deliveries.groupby("good")["received"].sum().reindex(range(count))
    gone = stock.units["gone_at"] < pd.Timestamp(END)
    sold = stock.units[gone].groupby("good").size().reindex(range(count))
    last = stock.levels.groupby("good")["units"].last().reindex(range(count))
    return pd.DataFrame(
        {
            "shop_id": text.labels(places.SHOP_IDS, goods["shop"]),
            "product_id": goods["product_id"].astype(str),
            "delivered": received.fillna(0).astype(np.int64).to_numpy(),
            "sold": sold.fillna(0).astype(np.int64).to_numpy(),
            "left": last.fillna(0).astype(np.int64).to_numpy(),
        }
    )


def _labels(stock: Stock, prices: Prices) -> pd.DataFrame:
    found = prices.in_force
    goods = stock.goods.iloc[found["good"]]
    return pd.DataFrame(
        {
            "shop_id": text.labels(places.SHOP_IDS, goods["shop"]),
            "product_id": goods["product_id"].astype(str).to_numpy(),
            **{name: found[name] for name in ("from_at", "price_cents", "promotion_id")},
        }
    )
