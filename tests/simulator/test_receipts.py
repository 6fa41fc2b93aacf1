"""Receipts are those of the package, to the cent."""

from collections import Counter

import numpy as np
import pandas as pd

from lakehouse import simulator
from lakehouse.simulator.purchases import shop_of


def test_receipts_of_each_shop_equal_the_package_to_the_cent(whole, package):
    shops = np.array(["S1", "S2", "S3"])[shop_of(package["store_id"])]
    expected = {
        shop: (
            lines["basket_id"].nunique(),
            len(lines),
            int(lines["quantity"].sum()),
            round(lines["sales_value"].sum() * 100),
            round((lines["retail_disc"] + lines["coupon_match_disc"]).sum() * 100),
        )
        for shop, lines in package.groupby(shops)
    }
    actual = {}
    for shop in expected:
        receipts = [m["payload"]["lines"] for m in whole.of("sales") if m["shop_id"] == shop]
        lines = [line for receipt in receipts for line in receipt]
        columns = ("quantity", "amount_cents", "discount_cents")
        sums = [sum(line[name] for line in lines) for name in columns]
        actual[shop] = (len(receipts), len(lines), *sums)
    assert actual == expected


def test_the_lines_of_each_receipt_are_those_of_the_package(whole, package):
    expected = Counter(
        zip(package["basket_id"].astype(str), package["product_id"].astype(str), strict=True)
    )
    assert expected == Counter(
        (message["payload"]["basket_id"], line["product_id"])
        for message in whole.of("sales")
        for line in message["payload"]["lines"]
    )


def test_the_truth_of_receipts_knows_revenue_by_business_day(whole):
    receipts = whole.truth["receipts"]
    paid = receipts.set_index("basket_id")
    late = paid[paid["paid_at"] == paid.loc[paid["shop_id"] == "S3", "paid_at"].iloc[-1]]
    assert str(late["business_on"].iloc[0]) == "2017-12-31"
    totals = {m["payload"]["basket_id"]: m["payload"]["lines"] for m in whole.of("sales")}
    assert receipts["amount_cents"].tolist() == [
        sum(line["amount_cents"] for line in totals[basket]) for basket in receipts["basket_id"]
    ]
    zones = {"S1": "America/New_York", "S2": "America/Chicago", "S3": "America/Denver"}
    days = [
        paid_at.tz_localize("UTC").tz_convert(zones[shop]).date()
        for paid_at, shop in zip(receipts["paid_at"], receipts["shop_id"], strict=True)
    ]
    assert receipts["business_on"].tolist() == days


def test_every_product_sold_is_in_the_range(whole):
    listed = {message["payload"]["product_id"] for message in whole.of("products")}
    sold = {line["product_id"] for m in whole.of("sales") for line in m["payload"]["lines"]}
    assert len(sold) > 5000
    assert sold <= listed


def test_weights_are_grams_only_where_the_package_gives_a_weight():
    sizes = pd.Series(["14.5 OZ", "1 LB", "2 KG", "750 ML", "12 CT", None, ".5 OZ", "0 OZ"])
    grams = simulator.purchases.unit_weight_g(sizes)
    assert grams.dropna().to_dict() == {0: 411.1, 1: 453.6, 2: 2000.0, 6: 14.2}
