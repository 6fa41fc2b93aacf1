"""Stock, deliveries, sales, tags, scales, labels and offers balance with the truth."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from lakehouse.simulator.purchases import shop_of


@pytest.mark.parametrize("world", ["whole", "faulty"])
def test_stock_deliveries_and_sales_balance_exactly(world, request):
    zone = request.getfixturevalue(world)
    stock, shelves = zone.truth["stock"], zone.truth["shelves"]
    assert (stock["delivered"] - stock["sold"] == stock["left"]).all()
    assert stock["sold"].sum() > 500
    assert shelves["units"].min() >= 0
    assert (shelves["units"] == 0).any() or (shelves["units"] <= 2).any()
    ends = shelves.groupby(["shop_id", "product_id"])["to_at"].shift(1)
    is_same = ends.notna()
    assert (ends[is_same] == shelves.loc[is_same, "from_at"]).all()


def test_what_the_shelves_sold_is_what_the_receipts_say(whole, package):
    stock = whole.truth["stock"].set_index(["shop_id", "product_id"])
    recent = package[package["transaction_timestamp"] >= "2017-12-31T05:00:00"]
    recent = recent[recent["quantity"].between(1, 24)]
    shop = np.array(["S1", "S2", "S3"])[shop_of(recent["store_id"])]
    sold = recent.groupby([shop, recent["product_id"].astype(str)])["quantity"].sum()
    assert stock["sold"].to_dict() == sold.reindex(stock.index).to_dict()


def test_a_cycle_finds_two_of_three_tags_and_some_that_are_not_there(whole):
    shelves = whole.truth["shelves"]
    shelves = shelves[shelves["device_id"].str.contains("-antenna-")]
    came = {
        epc: message["payload"]["product_id"]
        for message in whole.of("deliveries")
        for epc in message["payload"]["epcs"]
    }
    product_of = dict(zip(shelves["device_id"], shelves["product_id"], strict=True))
    reads = pd.DataFrame(
        [
            (m["device_id"], pd.Timestamp(m["emitted_at"]).tz_localize(None), m["payload"]["epc"])
            for m in whole.of("rfid_reads")
        ],
        columns=["device_id", "at", "epc"],
    )
    own = reads["epc"].map(came) == reads["device_id"].map(product_of)
    assert 0.01 < 1 - own.mean() < 0.06
    # Cycles are minutes apart: reads that are not are of one cycle.
    reads = reads.sort_values(["device_id", "at"])
    new = (reads["at"].diff() > pd.Timedelta(minutes=1)) | (
        reads["device_id"] != reads["device_id"].shift()
    )
    cycles = reads.assign(cycle=new.cumsum()).groupby(["device_id", "cycle"])
    counted = cycles.agg(at=("at", "min"), seen=("epc", "nunique")).reset_index()
    there = pd.merge_asof(
        counted.sort_values("at").astype({"at": "datetime64[ns]"}),
        shelves.sort_values("from_at").astype({"from_at": "datetime64[ns]"}), left_on="at",
        right_on="from_at", by="device_id",
    )  # fmt: skip
    assert 0.6 < there["seen"].sum() / there["units"].sum() < 0.72
    last = there.groupby(["device_id", there["at"].dt.floor("h")]).last()
    assert (last["seen"] != last["units"]).mean() >= 0.25


def test_a_scale_weighs_what_stands_on_it(whole):
    shelves = whole.truth["shelves"]
    scales = shelves[shelves["device_id"].str.contains("-scale-")].sort_values("from_at")
    readings = whole.truth["readings"]
    weights = readings[readings["metric"] == "weight"].sort_values("measured_at")
    met = pd.merge_asof(
        weights.astype({"measured_at": "datetime64[ns]"}),
        scales.astype({"from_at": "datetime64[ns]"}),
        left_on="measured_at", right_on="from_at", by=["device_id", "shop_id"],
    )  # fmt: skip
    assert np.allclose(met["true_value"], met["units"] * met["unit_g"] / 1000)


def test_labels_show_the_price_in_force_and_the_stock(whole):
    labels = whole.truth["labels"].set_index(["shop_id", "product_id"])
    shown = whole.of("shelf_labels")
    assert {message["payload"]["acknowledged"] for message in shown} == {True, False}
    for message in shown[:2000]:
        payload = message["payload"]
        prices = labels.loc[[(message["shop_id"], payload["product_id"])]]
        at = pd.Timestamp(message["emitted_at"]).tz_localize(None)
        in_force = prices[prices["from_at"] <= at].iloc[-1]
        if pd.Timestamp(payload["valid_from"]).tz_localize(None) == in_force["from_at"]:
            assert payload["price_cents"] == in_force["price_cents"]
    assert min(message["payload"]["stock_shown"] for message in shown) >= 0


def test_an_offer_works_as_the_truth_says(whole):
    counts = Counter(
        (message["payload"]["variant"], message["payload"]["kind"])
        for message in whole.of("app_events")
        if message["payload"]["offer_id"]
    )
    rates = whole.truth["offers"].groupby("variant")["use_rate"].first()
    for variant, rate in rates.items():
        shown, used = counts[variant, "offer_shown"], counts[variant, "offer_used"]
        assert abs(used / shown - rate) < 4 * np.sqrt(rate * (1 - rate) / shown)
