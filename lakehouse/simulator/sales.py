"""sales: one message a receipt, from the till that printed it."""

import numpy as np
import pandas as pd

from lakehouse.simulator import draws, messages, places, text
from lakehouse.simulator.purchases import END

# Hours after which goods are brought back: assumed.
BACK_H = (24.0, 168.0)


def build(
    receipts: pd.DataFrame, lines: pd.DataFrame, seed: int, name: str = "sales"
) -> pd.DataFrame:
    """Every receipt as its till sends it, seconds after it was paid.

    Takes   receipts, lines  as of Purchases
            name  of these receipts among all: their chance and their ids hang on it
    Gives   messages of the feed sales; the tills of a shop hand in one object a UTC day, closed
            after its last receipt
    """
    count = len(receipts)
    chance = draws.stream(seed, name)
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
        event_id=draws.event_ids(seed, name, count),
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


def returns(
    receipts: pd.DataFrame, lines: pd.DataFrame, share: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Receipts of goods brought back: the first line of some, a day to a week later.

    Gives   receipts and lines as of Purchases; their basket_id is that of the purchase, negative
    """
    chance = draws.stream(seed, "returns")
    first = lines.drop_duplicates("basket_id").set_index("basket_id").loc[receipts["basket_id"]]
    is_back = (chance.random(len(receipts)) < share) & (first["quantity"] == 1).to_numpy()
    later = (chance.uniform(*BACK_H, len(receipts)) * 3_600_000).astype("timedelta64[ms]")
    paid_at = (receipts["paid_at"] + later).dt.floor("s").astype("datetime64[ms]")
    is_back &= (paid_at < pd.Timestamp(END)).to_numpy()
    back = receipts.assign(paid_at=paid_at, basket_id=-receipts["basket_id"], size=1)[is_back]
    brought = first.reset_index()[is_back]
    signs = {name: -brought[name] for name in ("basket_id", "quantity", "amount_cents")}
    brought = brought.assign(**signs, discount_cents=0)
    return back.reset_index(drop=True), brought.reset_index(drop=True)


def empty(sent: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Receipts without lines, of customers who thought better of it at the till.

    Takes   sent  messages of the feed sales
    Gives   messages like some of them, a minute before, each with a basket and event of its own
    """
    chance = draws.stream(seed, "empty receipts")
    some = sent[chance.random(len(sent)) < share]
    count = len(some)
    basket_id = text.joined("0", text.strings(some["basket_id"]))
    before = np.timedelta64(60, "s")
    paid_at = some["emitted_at"].to_numpy() - before
    payload = {
        "basket_id": text.quoted_ids(basket_id),
        "till_id": text.quoted_ids(some["device_id"]),
        "paid_at": text.quoted_ids(text.instants(paid_at, "s")),
        "lines": "[]",
    }
    return some.assign(
        event_id=text.to_series(draws.event_ids(seed, "empty receipts", count)).to_numpy(),
        emitted_at=paid_at,
        queued_at=paid_at,
        due_at=paid_at,
        window_at=messages.window_of("sales", paid_at),
        payload=text.to_series(text.objects(payload)).to_numpy(),
        basket_id=text.to_series(basket_id).to_numpy(),
        fault="empty_receipt",
    ).astype(sent.dtypes)


def _lines(lines: pd.DataFrame) -> object:
    fields: dict[str, object] = {
        name: text.numbers(lines[name].astype(np.int64))
        for name in ("quantity", "amount_cents", "discount_cents")
    }
    product_id = text.quoted_ids(text.strings(lines["product_id"]))
    return text.objects({"product_id": product_id, **fields})
