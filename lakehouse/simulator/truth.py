"""What really happened, as frames that the pipeline never reads."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.simulator import places, text
from lakehouse.simulator.faults import COPIES
from lakehouse.simulator.fridges import Fridges
from lakehouse.simulator.landing import Landing
from lakehouse.simulator.purchases import Purchases
from lakehouse.simulator.walks import Walks

Flags = npt.NDArray[np.bool_]

_SPOILING = ("unknown_product", "broken_line")


def frames(
    purchases: Purchases, fridges: Fridges, walks: Walks, landing: Landing
) -> dict[str, pd.DataFrame]:
    """The truth, a frame a file.

    Gives   faults    event_id, feed, object, line (from 1; null where the whole object is meant),
                      kind, how, basket_id, device_id, true_value
            objects   key, feed, receiver, arrived_at, lines, is_late
            feeds     feed, landed, broken, bronze, repeated, quarantined: what must become of the
                      lines; quarantined counts messages that have to be refused in refine
                      whatever the rules are (unknown products, unknown units)
            receipts  basket_id, shop_id, event_id, subject, paid_at, business_on, lines, items,
                      amount_cents, discount_cents, is_spoiled, why
            readings  device_id, shop_id, measured_at, temperature_c (true)
            episodes  device_id, shop_id, from_at, to_at: fridges that were really warm
            walks     basket_id, subject, shop_id, zone_id, entered_at, left_at, x_m, y_m, speed_m_s
            subjects  household_id, subject, age_band, household_size
    """
    faults = _faults(landing)
    return {
        "faults": faults,
        "objects": landing.objects,
        "feeds": _feeds(landing, faults),
        "receipts": _receipts(purchases, landing, faults),
        "readings": _readings(fridges),
        "episodes": fridges.episodes,
        "walks": _walks(walks),
        "subjects": purchases.households,
    }


def _faults(landing: Landing) -> pd.DataFrame:
    messages = landing.messages
    columns = ["event_id", "feed", "object", "line", "fault", "how"]
    columns += ["basket_id", "device_id", "true_value"]
    faults = messages.loc[messages["fault"].notna().to_numpy(), columns]
    faults = faults.rename(columns={"fault": "kind"}).astype({"line": "Int64"})
    late = landing.objects[landing.objects["is_late"]]
    late = late[["key", "feed"]].rename(columns={"key": "object"}).assign(kind="late_object")
    late = late.reindex(columns=faults.columns).astype(faults.dtypes)
    return pd.concat([faults, late], ignore_index=True)


def _feeds(landing: Landing, faults: pd.DataFrame) -> pd.DataFrame:
    landed = landing.messages["feed"].value_counts().sort_index()

    def counted(rows: Flags) -> pd.Series:
        found: pd.Series = faults["feed"][rows].value_counts().reindex(landed.index)
        return found

    feeds = pd.DataFrame(
        {
            "landed": landed,
            "broken": counted(text.is_one_of(faults["kind"], "broken_line")),
            "repeated": counted(text.is_one_of(faults["kind"], "repeat", "receipt_again")),
            "quarantined": counted(
                text.is_one_of(faults["kind"], "unknown_product")
                | text.is_one_of(faults["how"], "unknown_label")
            ),
        }
    )
    feeds = feeds.fillna(0).astype(np.int64)
    feeds.insert(2, "bronze", feeds["landed"] - feeds["broken"])
    return feeds.rename_axis("feed").reset_index()


def _receipts(purchases: Purchases, landing: Landing, faults: pd.DataFrame) -> pd.DataFrame:
    bought = purchases.receipts
    lines = purchases.lines.groupby("basket_id")
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


def _readings(fridges: Fridges) -> pd.DataFrame:
    readings = fridges.readings
    names = [fridge.device_id for fridge in places.fridges()]
    return pd.DataFrame(
        {
            "device_id": text.labels(names, readings["device"]),
            "shop_id": text.labels(places.SHOP_IDS, readings["shop"]),
            "measured_at": readings["measured_at"],
            "temperature_c": readings["temperature_c"],
        }
    )


def _walks(walks: Walks) -> pd.DataFrame:
    stays = walks.stays
    zones = [places.zone_id(shop, zone) for shop in places.SHOP_IDS for zone in places.ZONE_NAMES]
    place = stays["shop"] * len(places.ZONES) + stays["zone"]
    return pd.DataFrame(
        {
            "basket_id": stays["basket_id"].astype(str),
            "subject": stays["subject"],
            "shop_id": text.labels(places.SHOP_IDS, stays["shop"]),
            "zone_id": text.labels(zones, place),
            **{name: stays[name] for name in ("entered_at", "left_at", "x_m", "y_m", "speed_m_s")},
        }
    )
