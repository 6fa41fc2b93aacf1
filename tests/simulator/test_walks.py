"""Shoppers walk at human speed, around shelves, past what they buy."""

import numpy as np

from lakehouse.simulator import places, plan


def test_shoppers_walk_at_human_speed_from_door_to_door_and_pay_on_the_way(whole):
    walks = whole.truth["walks"]
    for visit, stops in walks.groupby("visit", sort=False):
        zones = [zone[3:] for zone in stops["zone_id"]]
        assert (zones[0], zones[-1]) == ("entrance", "entrance"), visit
        assert (zones[-2] == "checkout") == (stops["basket_id"].notna().all()), visit
    positions = whole.truth["positions"]
    steps = np.hypot(positions["x_m"].diff(), positions["y_m"].diff())
    steps = steps[positions["visit"].diff() == 0]
    assert steps.max() < 1.43  # Bohannon and Andrews, 2011
    paid_at = whole.truth["receipts"].set_index("basket_id")["paid_at"]
    bought = walks[walks["zone_id"].str.endswith("checkout") & walks["basket_id"].notna()]
    left_at = bought.set_index("basket_id")["left_at"]
    assert len(left_at) > 500
    assert left_at.tolist() == paid_at.loc[left_at.index].tolist()


def test_nobody_walks_through_a_shelf(whole):
    positions = whole.truth["positions"].merge(whole.truth["visits"], on="visit")
    for shop in places.SHOPS:
        here = positions[positions["shop_id"] == shop.shop_id]
        assert here["x_m"].between(0, shop.width_m).all()
        assert here["y_m"].between(0, shop.depth_m).all()
        for left, near, right, far in plan.rows(shop):
            inside = here["x_m"].between(left + 0.01, right - 0.01)
            assert not (inside & here["y_m"].between(near + 0.01, far - 0.01)).any()


def test_walks_pass_the_shelves_of_what_was_bought(whole, package):
    planogram = {
        (message["shop_id"], message["payload"]["product_id"]): message["payload"]["shelf_id"]
        for message in whole.of("planogram")
    }
    stops = whole.truth["walks"]
    passed = set(zip(stops["basket_id"], stops["shelf_id"], strict=True))
    walked = set(stops["basket_id"].dropna())
    shops = dict(zip(stops["basket_id"], stops["shop_id"], strict=True))
    met = [
        (basket, planogram[shops[basket], product]) in passed
        for basket, product in zip(
            package["basket_id"].astype(str), package["product_id"].astype(str), strict=True
        )
        if basket in walked and (shops[basket], product) in planogram
    ]
    assert len(met) > 500
    assert all(met)


def test_two_of_ten_come_and_buy_nothing(whole):
    visits = whole.truth["visits"]
    assert 0.15 < visits["basket_id"].isna().mean() < 0.25
    assert visits.loc[visits["basket_id"].isna(), "subject"].isna().all()


def test_those_with_the_app_cross_the_geofence_on_their_way(whole):
    visits = whole.truth["visits"].set_index("visit")
    crossed = whole.truth["crossings"].pivot_table(
        index="visit", columns="kind", values="at", aggfunc="first"
    )
    assert len(crossed) == len(whole.truth["crossings"]) / 2 > 0
    phones = {m["subject"] for m in whole.of("positions")}
    assert set(visits.loc[crossed.index, "subject"]) == phones
    # From the corner of the floor plan: half a shop nearer to two sides of the fence, or farther.
    half_m = max(max(shop.width_m, shop.depth_m) for shop in places.SHOPS) / 2
    least_s, most_s = (75 - half_m) / 9, (75 + half_m) * 2**0.5 / 4
    for away in (
        visits.loc[crossed.index, "entered_at"] - crossed["enter"],
        crossed["leave"] - visits.loc[crossed.index, "left_at"],
    ):
        assert away.dt.total_seconds().between(least_s, most_s).all()
