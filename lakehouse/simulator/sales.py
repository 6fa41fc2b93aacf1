"""sales: one message a receipt, from the till that printed it."""

import numpy as np
import pandas as pd

from lakehouse.simulator import draws, messages, places, text


def build(receipts: pd.DataFrame, lines: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Every receipt as its till sends it, seconds after it was paid.

    Takes   receipts, lines  as of Purchases
    Gives   messages of the feed sales; the tills of a shop hand in one object a UTC day, closed
            after its last receipt
    """
    count = len(receipts)
    chance = draws.stream(seed, "sales")
    paid_at = receipts["paid_at"]
    sent_after_ms = chance.integers(500, 5000, count)  # printing and sending: assumed
    emitted_at = paid_at + pd.to_timedelta(sent_after_ms, unit="ms")

    till = receipts["shop"] * places.TILLS + (
        draws.share(receipts["basket_id"], "till") * places.TILLS
    ).astype(int)
    tills = text.pick([places.till(shop, n) for shop, n in places.all_tills()], till)
    basket_id = text.strings(receipts["basket_id"])
    payload = {
        "basket_id": text.quoted_ids(basket_id),
        "till_id": text.quoted_ids(tills),
        "paid_at": text.quoted_ids(text.instants(paid_at, "s")),
        "lines": text.arrays(_lines(lines), receipts["size"]),
    }
    day = messages.window_of("sales", paid_at)
    return messages.frame(
        "sales",
        count,
        event_id=draws.event_ids(seed, "sales", count),
        device_id=tills,
        shop_id=text.pick(places.SHOP_IDS, receipts["shop"]),
        subject=receipts["subject"],
        emitted_at=emitted_at,
        payload=text.objects(payload),
        receiver=text.pick([f"{shop}-tills" for shop in places.SHOP_IDS], receipts["shop"]),
        window_at=day,
        due_at=emitted_at,
        basket_id=basket_id,
    )


def _lines(lines: pd.DataFrame) -> object:
    fields: dict[str, object] = {
        name: text.numbers(lines[name].astype(np.int64))
        for name in ("quantity", "amount_cents", "discount_cents")
    }
    product_id = text.quoted_ids(text.strings(lines["product_id"]))
    return text.objects({"product_id": product_id, **fields})
