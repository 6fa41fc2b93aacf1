"""What stands on the shelves, where, and what it costs: ours and what one would write first.

Worlds of some days with seeds that nothing was tuned on (seed 3 was used for that) are landed as far
as shelves need them and taken to gold. Short deliveries and old prices are more frequent in them than
usual, so that there is something to find. Shares come with Wilson's interval, `SEEDS="3"` does one
seed, DAYS=2 shorter worlds.
"""

import os

import pandas as pd
from pyspark.sql import SparkSession

from bench.feeds import labels, shares, worlds
from bench.feeds.shares import Share
from bench.feeds.worlds import Lived
from bench.quality import matching
from bench.quality.matching import NOTHING, Score
from bench.results import Row
from lakehouse import tables
from lakehouse.simulator.purchases import END

SEEDS = tuple(int(seed) for seed in os.environ.get("SEEDS", "11 12 13").split())
DAYS = int(os.environ.get("DAYS", "3"))

_RATES = {"short_delivery": 0.5, "old_price": 0.2}
_FEEDS = (
    *("rfid_reads", "deliveries", "sales", "shelf_labels", "detections"),
    *("shops", "zones", "devices", "products", "planogram", "promotions"),
)
_BUILT = (
    *("silver.tag_stays", "gold.price_checks", "gold.shelf_stock"),
    *("gold.product_places", "gold.reconciliation"),
)
_HOUR = pd.Timedelta(hours=1)
_OUT = pd.Timedelta(minutes=30)  # what is shorter is no time out of stock: lakehouse/tables
_LOW = 2  # what the simulated cameras call a gap: nothing at all is too rare there to judge by
_LAST_CYCLE = "last cycle"


def figures(spark: SparkSession) -> list[Row]:
    """Every figure, over all seeds together."""
    totals: dict[str, Share] = {}
    episodes, simple = NOTHING, NOTHING
    low, simple_low, short = NOTHING, NOTHING, NOTHING
    for seed in SEEDS:
        world = worlds.lived(
            spark,
            seed,
            days=DAYS,
            rates=_RATES,
            feeds=lambda feed, line: feed in _FEEDS or (feed == "readings" and b'"weight"' in line),
            built=[tables.by_name(name) for name in _BUILT],
        )
        for part in (_levels, _places, _strays, labels.prices):
            for name, share in part(world).items():
                totals[name] = totals.get(name, shares.NOTHING) + share
        ours, theirs = _episodes(world)
        episodes, simple = episodes + ours, simple + theirs
        ours, theirs = _low(world)
        low, simple_low = low + ours, simple_low + theirs
        short += labels.short_deliveries(world)
        print(f"seed {seed}:", *(f"{name}: {one.right}/{one.of};" for name, one in totals.items()))
        print("  ", episodes, simple, low, simple_low, short, flush=True)
    how = "hours in which the last cycle reads nothing"
    return [
        *(row for name, share in totals.items() for row in share.rows(name)),
        *matching.rows("out of stock", episodes, simple, how, (0.95, 0.95)),
        *matching.rows(
            f"hours that end with {_LOW} units or fewer", low, simple_low, _LAST_CYCLE, ()
        ),
        *matching.rows("short deliveries of tagged goods", short, None, "", ()),
    ]


def counted(world: Lived) -> pd.DataFrame:
    """gold.shelf_stock's hours that are over, with what really stood there at their end (true)."""
    stock = world.read("gold.shelf_stock")
    stock["at"] = (stock["hour_at"] + _HOUR).astype("datetime64[us]")
    stock = stock[stock["at"] <= pd.Timestamp(END)]
    shelves = world.truth["shelves"][["device_id", "from_at", "units"]]
    shelves = shelves.rename(columns={"from_at": "at", "units": "true"})
    return pd.merge_asof(
        stock.sort_values("at"),
        shelves.astype({"at": "datetime64[us]", "device_id": stock["device_id"].dtype}).sort_values(
            "at"
        ),
        on="at",
        by="device_id",
    ).dropna(subset=["true"])


def last_cycles(world: Lived, hours: pd.DataFrame) -> pd.Series:
    """How many tags each antenna read in its last cycle of each hour; 0 where there was none."""
    reads = world.read("silver.rfid_reads", "device_id", "read_at", "epc")
    reads["hour_at"] = reads["read_at"].dt.floor("h")
    last = reads.groupby(["device_id", "hour_at"])["read_at"].transform("max")
    reads = reads[reads["read_at"] > last - pd.Timedelta(minutes=1)]
    seen = reads.groupby(["device_id", "hour_at"])["epc"].nunique()
    wanted = pd.MultiIndex.from_frame(hours[["device_id", "hour_at"]])
    return pd.Series(seen.reindex(wanted).fillna(0).to_numpy(), index=hours.index)


def _levels(world: Lived) -> dict[str, Share]:
    hours = counted(world)
    off = (hours["units"] - hours["true"]).abs()
    is_tagged = hours["counted_by"] == "tags"
    tagged = hours[is_tagged]
    simple = ((last_cycles(world, tagged) - tagged["true"]).abs() <= 1).sum()
    within = hours["true"].between(hours["units_low"], hours["units_high"])
    every = len(tagged)
    return {
        "product-hours within 1 unit": Share(int((off <= 1).sum()), len(hours), 0.95),
        "product-hours within 1 unit, by tags": Share(
            int((off[is_tagged] <= 1).sum()), every, 0.95, int(simple), every, _LAST_CYCLE
        ),
        "product-hours within 1 unit, by weight": Share(
            int((off[~is_tagged] <= 1).sum()), int((~is_tagged).sum()), 0.95
        ),
        "product-hours within units_low and units_high": Share(int(within.sum()), len(hours)),
    }


def _episodes(world: Lived) -> tuple[Score, Score]:
    """Times without a unit, of half an hour at least, within what was heard."""
    hours = counted(world)
    heard = hours["hour_at"].min(), pd.Timestamp(END)
    shelves = world.truth["shelves"]
    none = shelves[shelves["units"] == 0]
    planted = pd.DataFrame(
        {
            "device_id": none["device_id"].astype(object),
            "from_at": none["from_at"].clip(*heard),
            "to_at": none["to_at"].clip(*heard),
        }
    )
    planted = planted[planted["to_at"] - planted["from_at"] >= _OUT]
    out = hours[hours["out_from_at"].notna()]
    found = out[["device_id", "out_from_at", "out_to_at"]].drop_duplicates()
    found = found.set_axis(["device_id", "from_at", "to_at"], axis=1)
    tagged = hours[hours["counted_by"] == "tags"]
    empty = tagged[last_cycles(world, tagged) == 0]
    simple = pd.DataFrame(
        {"device_id": empty["device_id"], "from_at": empty["hour_at"], "to_at": empty["at"]}
    )
    no_slack = pd.Timedelta(0)
    return tuple(matching.intervals(planted, _joined(one), no_slack) for one in (found, simple))


def _low(world: Lived) -> tuple[Score, Score]:
    hours = counted(world)
    tagged = hours[hours["counted_by"] == "tags"]
    names = ["device_id", "hour_at"]

    def where(rows: pd.DataFrame, units: pd.Series) -> pd.Index:
        return pd.MultiIndex.from_frame(rows.loc[units <= _LOW, names])

    truly = where(hours, hours["true"])
    simple = where(tagged, last_cycles(world, tagged))
    return (
        matching.sets(truly, where(hours, hours["units"])),
        matching.sets(where(tagged, tagged["true"]), simple),
    )


def _joined(found: pd.DataFrame) -> pd.DataFrame:
    """Episodes that were cut at midnight or the hour, put together again."""
    return matching.whole(found.assign(fault="out"))


def _places(world: Lived) -> dict[str, Share]:
    """Where evidence says something of a product, whether it is the right shelf."""
    shelves = world.truth["shelves"]
    right = set(zip(shelves["shop_id"], shelves["product_id"], shelves["shelf_id"], strict=True))
    places = world.read("gold.product_places")
    said = places[places["seen_by"].notna()]
    is_right = [
        one in right
        for one in zip(said["shop_id"], said["product_id"], said["shelf_id"], strict=True)
    ]
    last = _last_read(world).merge(places[["shop_id", "day_on", "product_id"]])
    at_home = sum(last["device_id"] == last["true_id"])
    wrong = int((places["misplaced_epcs"].map(len) > 0).sum())
    return {
        "a product's shelf right, by evidence": Share(
            sum(is_right), len(said), 0.95, at_home, len(last), "antenna that read it last"
        ),
        "product-days with a misplaced unit (none was)": Share(wrong, len(places)),
    }


def _reads(world: Lived) -> pd.DataFrame:
    """Reads with the antenna at which the tag really stood (true_id), and its product."""
    notes = world.read("silver.deliveries", "shop_id", "product_id", "epcs").explode("epcs")
    notes = notes.dropna().rename(columns={"epcs": "epc"}).drop_duplicates(["shop_id", "epc"])
    goods = world.truth["shelves"][["shop_id", "product_id", "device_id"]].drop_duplicates()
    goods = goods[goods["device_id"].str.contains("antenna")]
    goods = goods.rename(columns={"device_id": "true_id"})
    reads = world.read("silver.rfid_reads", "shop_id", "device_id", "epc", "read_at")
    return reads.merge(notes, on=["shop_id", "epc"]).merge(goods, on=["shop_id", "product_id"])


def _last_read(world: Lived) -> pd.DataFrame:
    reads = _reads(world).sort_values("read_at")
    reads["day_on"] = reads["read_at"].dt.floor("D")
    return reads.groupby(["shop_id", "day_on", "product_id"], as_index=False).last()


def _strays(world: Lived) -> dict[str, Share]:
    """Reads by another antenna than the tag's, and where its stay at that instant was placed."""
    reads = _reads(world)
    strays = reads[reads["device_id"] != reads["true_id"]]
    stays = world.read(
        "silver.tag_stays", "shop_id", "device_id AS home_id", "epc", "from_at", "to_at"
    )
    met = strays.merge(stays, on=["shop_id", "epc"])
    met = met[met["read_at"].between(met["from_at"], met["to_at"])]
    placed = met.groupby(["epc", "read_at", "true_id"])["home_id"].agg(set).reset_index()
    right = sum(
        homes == {true_id}
        for homes, true_id in zip(placed["home_id"], placed["true_id"], strict=True)
    )
    name = "stray reads placed right"
    return {name: Share(right, len(strays), 0.95, 0, len(strays), "where it was read")}
