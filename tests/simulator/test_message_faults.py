"""Each spoiled message is in the truth, and nothing else is spoiled."""

from collections import Counter

import numpy as np
import pandas as pd

from lakehouse.simulator import messages as sent_messages
from tests.simulator.zone import arrival, planted

# The feeds that it plays: those that a receiver gathers, and the reference sets.
MEASURED = set(sent_messages.WINDOWS)


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
