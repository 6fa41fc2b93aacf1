"""Beacons and phones err as radio does."""

from collections import Counter

import numpy as np
import pandas as pd

from lakehouse.simulator import places, plan


def test_the_nearest_beacon_names_the_wrong_zone_often(whole):
    """The strongest of the last half minute, as a naive reader would take it."""
    positions = whole.truth["positions"].merge(whole.truth["visits"], on="visit")
    numbers = {shop.shop_id: number for number, shop in enumerate(places.SHOPS)}
    shop = positions["shop_id"].map(numbers).to_numpy()
    zone = plan.zone_at(shop, positions["x_m"].to_numpy(), positions["y_m"].to_numpy())
    true = pd.DataFrame(
        {
            "subject": positions["subject"],
            "at": positions["at"].astype("datetime64[s]"),
            "true": positions["shop_id"] + "-" + np.array(places.ZONE_NAMES)[zone],
        }
    ).dropna()
    heard = pd.DataFrame(
        [
            (
                m["subject"],
                m["emitted_at"][:19],
                m["payload"]["beacon_id"],
                m["payload"]["rssi_dbm"],
            )
            for m in whole.of("beacon_sightings")
            if m["payload"]["heard_by"] == "app" and m["payload"]["rssi_dbm"] != 127
        ],
        columns=["subject", "at", "beacon_id", "rssi_dbm"],
    )
    heard["at"] = pd.to_datetime(heard["at"]).astype("datetime64[s]")
    slot = [heard["subject"], heard["at"].dt.floor("30s")]
    best = heard.loc[heard.groupby(slot)["rssi_dbm"].idxmax()]
    said = best.assign(
        at=best["at"].dt.floor("30s"), said=best["beacon_id"].str.replace("beacon-", "")
    )
    true["at"] = true["at"].dt.floor("30s")
    met = true.merge(said[["subject", "at", "said"]], on=["subject", "at"])
    assert len(met) > 50_000
    assert 0.4 < (met["true"] == met["said"]).mean() <= 0.85


def test_a_sighting_is_as_strong_as_the_way_is_long(whole):
    """Apps and anchors hear what is near better; the spread is that of the model."""
    powers = [message["payload"]["rssi_dbm"] for message in whole.of("beacon_sightings")]
    powers = pd.Series(powers)
    assert 0.01 < (powers == 127).mean() < 0.03
    assert powers[powers != 127].between(-100, -30).all()
    again = pd.DataFrame(
        [
            (m["subject"], m["payload"]["beacon_id"], m["emitted_at"], m["payload"]["rssi_dbm"])
            for m in whole.of("beacon_sightings")
            if m["payload"]["rssi_dbm"] != 127
        ],
        columns=["subject", "beacon_id", "at", "rssi_dbm"],
    ).sort_values(["subject", "beacon_id", "at"])
    again["at"] = pd.to_datetime(again["at"])
    moves = again.groupby(["subject", "beacon_id"])[["at", "rssi_dbm"]].diff()
    moves = moves.loc[moves["at"] < pd.Timedelta(seconds=12), "rssi_dbm"]
    # Two draws of the fading, and a way of ten seconds at the most.
    assert 5.3 < moves.std() < 11
    heard_by = Counter(message["payload"]["heard_by"] for message in whole.of("beacon_sightings"))
    assert min(heard_by["app"], heard_by["anchor"]) > 1000
    for message in whole.of("beacon_sightings"):
        is_app = message["payload"]["heard_by"] == "app"
        assert is_app == message["device_id"].endswith("-app")
        assert is_app or message["device_id"] == message["payload"]["beacon_id"]
    assert not {m["subject"] for m in whole.of("beacon_sightings")} & {None}


def test_a_moved_beacon_is_heard_where_it_went_and_its_old_zone_is_mute(whole):
    [move] = [m for m in whole.of("devices") if m["payload"]["row_count"] == 1]
    moved_at = move["payload"]["effective_at"]
    assert move["payload"]["zone_id"] == "S2-drinks"
    strong = Counter()
    for message in whole.of("beacon_sightings"):
        if message["payload"]["beacon_id"] == "S2-beacon-pantry":
            power = message["payload"]["rssi_dbm"]
            strong[message["emitted_at"] > moved_at, -70 < power < 0] += 1
    assert min(strong.values()) > 20
    walks = whole.truth["walks"]
    assert set(walks["zone_id"]) >= {"S2-drinks", "S2-pantry"}
    # Those who stand in the drinks now hear two beacons there.
    after = {
        message["subject"]
        for message in whole.of("beacon_sightings")
        if message["payload"]["beacon_id"] == "S2-beacon-pantry"
        and message["emitted_at"] > moved_at
        and -60 < message["payload"]["rssi_dbm"] < 0
    }
    drinks = set(walks.loc[walks["zone_id"].isin(["S2-drinks", "S2-pantry"]), "subject"])
    assert after
    assert len(after & drinks) > 0.7 * len(after)


def test_phones_err_by_about_the_accuracy_that_they_say(whole):
    outside = [m for m in whole.of("positions") if m["payload"]["provider"] == "gps"]
    assert len(outside) > 1000
    accuracies = {}
    for message in whole.of("positions"):
        accuracies.setdefault(message["payload"]["provider"], []).append(
            message["payload"]["accuracy_m"]
        )
    limits = {"gps": (30, 100), "wifi": (3, 30), "bluetooth": (3, 10), "cell": (50, 5000)}
    assert set(accuracies) == set(limits)
    for provider, (low, high) in limits.items():
        assert low <= min(accuracies[provider])
        assert max(accuracies[provider]) <= high
