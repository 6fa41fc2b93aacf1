"""Prices on labels and notes of deliveries: which of those planted wrong are found."""

import pandas as pd

from bench.feeds.shares import Share
from bench.feeds.worlds import Lived
from bench.quality import matching
from bench.quality.matching import Score
from lakehouse.simulator.purchases import END

_HOUR = pd.Timedelta(hours=1)


def prices(world: Lived) -> dict[str, Share]:
    """Old prices on labels: each until the label is told the next, found in one of its hours."""
    sent = world.read(
        "silver.prices", "event_id", "device_id", "sent_at", "is_acknowledged", "price_cents"
    )
    told = sent[~sent["is_acknowledged"]].sort_values(["device_id", "sent_at"])
    told["until"] = told.groupby("device_id")["sent_at"].shift(-1).fillna(pd.Timestamp(END))
    faults = world.truth["faults"]
    planted = set(faults.loc[faults["kind"] == "old_price", "event_id"])
    wrong = told[told["event_id"].isin(planted)]
    checks = world.read("gold.price_checks")
    checks["at"] = (checks["hour_at"] + _HOUR).astype("datetime64[us]")
    differs = checks[checks["findings"].map(lambda some: "label_differs" in some)]
    listed = checks[checks["label_price_cents"] != checks["list_price_cents"]]
    ours, simple = _found(wrong, differs), _found(wrong, listed)
    truly = _hours_of(wrong, checks)
    right_hours = len(checks) - len(truly)

    def false(found: pd.DataFrame) -> int:
        return len(set(found.index) - truly)

    how = "differs from the list price"
    return {
        "planted price errors found": Share(ours, len(wrong), 0.95, simple, len(wrong), how),
        "hours of right labels said to differ": Share(
            false(differs), right_hours, 0.01, false(listed), right_hours, how, is_at_most=True
        ),
    }


def met(wrong: pd.DataFrame, checks: pd.DataFrame) -> pd.DataFrame:
    """Each wrong price with each hour of its label in which it was shown."""
    pairs = wrong.merge(checks.reset_index(names="check"), on="device_id", suffixes=("", "_check"))
    return pairs[(pairs["at"] > pairs["sent_at"]) & (pairs["hour_at"] < pairs["until"])]


def _found(wrong: pd.DataFrame, checks: pd.DataFrame) -> int:
    return int(met(wrong, checks)["event_id"].nunique())


def _hours_of(wrong: pd.DataFrame, checks: pd.DataFrame) -> set[int]:
    return set(met(wrong, checks)["check"])


def short_deliveries(world: Lived) -> Score:
    """Notes of tagged goods that say more than came, by product and day."""
    faults = world.truth["faults"]
    planted = faults.loc[faults["kind"] == "short_delivery", "event_id"]
    notes = world.read(
        "silver.deliveries", "event_id", "shop_id", "product_id", "delivered_at", "epcs"
    )
    notes["day_on"] = notes["delivered_at"].dt.floor("D")
    tagged = notes[notes["epcs"].map(len) > 0]
    key = ["shop_id", "product_id", "day_on"]
    days = world.read("gold.reconciliation", *key, "findings")
    days["day_on"] = days["day_on"].astype(tagged["day_on"].dtype)
    heard = pd.MultiIndex.from_frame(days[key])
    short = pd.MultiIndex.from_frame(tagged.loc[tagged["event_id"].isin(planted), key])
    said = days[days["findings"].map(lambda some: "delivery_short" in some)]
    among = pd.MultiIndex.from_frame(tagged[key])
    found = pd.MultiIndex.from_frame(said[key])
    return matching.sets(short.intersection(heard), found.intersection(among))
