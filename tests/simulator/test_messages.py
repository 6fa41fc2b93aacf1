"""What lands: envelopes, payloads, instants and reference sets."""

import json
import re
from collections import Counter

import pandas as pd
import pytest

from lakehouse.feeds import ENVELOPE, FEEDS, FORBIDDEN_KEYS, by_name
from lakehouse.settings import Simulation
from lakehouse.simulator import messages as sent_messages
from tests.simulator.zone import Zone, arrival

PLAYED = set(sent_messages.WINDOWS) | {feed.name for feed in FEEDS if "snapshot_id" in feed.payload}


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


def test_a_world_without_receipts_or_sensors_still_has_its_reference_sets():
    zone = Zone(Simulation(receipt_days=1, receipt_share=0.0001, sensor_days=0))
    feeds = {message["feed"] for message in zone.messages.values()}
    assert feeds == {"shops", "zones", "devices", "calibrations"}
