"""Corrections: what refine reads in place of messages that came wrong."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lakehouse import repairs
from lakehouse.corrections import Correction, corrected, in_force, marked
from lakehouse.errors import BadCorrection
from lakehouse.repairs import Scope

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def events(frame):
    """Messages of a feed from dictionaries; each has an id, a device and a line of its own."""

    def of(feed, *messages):
        rows = []
        for line, message in enumerate(messages, start=1):
            row = {"device_id": f"D{line}", "shop_id": "S1", "emitted_at": NOON} | message
            row |= {"event_id": f"e{line}", "source_object": "o", "source_line": line}
            rows.append(row | {"feed": feed, "payload": json.dumps(message["payload"])})
        return frame("bronze.events", *rows)

    return of


def read(events, *repairs):
    """Each message's line: its row as refine reads it, the payload parsed."""
    numbered = [
        Correction(one.kind, one.feed, one.condition, one.changes, one.revokes, f"c{number}")
        for number, one in enumerate(repairs, start=1)
    ]
    rows = corrected(events, numbered).collect()
    return {row.source_line: row.asDict() | {"payload": json.loads(row.payload)} for row in rows}


def reading(value="41.0", unit="DEG", **more):
    return {"payload": {"metric": "temperature", "value": value, "unit": unit}} | more


def test_a_wrong_label_is_read_as_the_right_one_and_others_stay(events):
    repair = repairs.mapped("readings", "unit", {"DEG": "F"}, Scope())
    found = read(events("readings", reading(), reading("3.50", "C"), reading(unit=None)), repair)
    assert [row["payload"].get("unit") for row in found.values()] == ["F", "C", None]
    assert [row["corrected_by"] for row in found.values()] == [["c1"], [], []]
    assert found[1]["payload"] == {"metric": "temperature", "value": "41.0", "unit": "F"}


def test_only_messages_of_the_scope_are_met(events):
    scope = Scope(device_id="D1", shop_id="S1", since=NOON, until=NOON + timedelta(hours=1))
    repair = repairs.mapped("readings", "unit", {"DEG": "F"}, scope)
    met = read(
        events(
            "readings",
            reading(),
            reading(),
            reading(device_id="D1", shop_id="S2"),
            reading(device_id="D1", emitted_at=NOON - timedelta(microseconds=1)),
            reading(device_id="D1", emitted_at=NOON + timedelta(hours=1)),
            reading(device_id="D1", emitted_at=NOON + timedelta(minutes=59)),
            reading(device_id=None),
        ),
        repair,
    )
    assert [line for line, row in met.items() if row["corrected_by"]] == [1, 6]


def test_a_value_inside_an_array_is_mapped_and_its_neighbours_stay(events):
    lines = [
        {"product_id": "p1", "quantity": "1", "amount_cents": "100", "discount_cents": "0"},
        {"product_id": "p2", "quantity": "2", "amount_cents": "200", "discount_cents": "5"},
    ]
    payload = {"basket_id": "b", "till_id": "t", "paid_at": "2026-03-01T12:00:00Z", "lines": lines}
    other = payload | {"lines": lines[1:]}
    repair = repairs.mapped("sales", "lines.product_id", {"p1": "p9", "p8": "p7"}, Scope())
    found = read(events("sales", {"payload": payload}, {"payload": other}), repair)
    assert found[1]["payload"] == payload | {"lines": [lines[0] | {"product_id": "p9"}, lines[1]]}
    assert found[2]["payload"] == other
    assert not found[2]["corrected_by"]


def test_device_ids_of_the_envelope_are_mapped(events):
    repair = repairs.mapped("readings", "device_id", {"D1": "D7", "D2": "D1"}, Scope())
    found = read(events("readings", reading(), reading(), reading()), repair)
    assert [row["device_id"] for row in found.values()] == ["D7", "D1", "D3"]


def test_two_fields_change_places(events):
    repair = repairs.swapped("positions", "latitude", "longitude", Scope(device_id="D1"))
    place = {"latitude": "8.5", "longitude": "47.4", "accuracy_m": "9", "provider": "gps"}
    found = read(events("positions", {"payload": place}, {"payload": place}), repair)
    assert found[1]["payload"] == place | {"latitude": "47.4", "longitude": "8.5"}
    assert found[2]["payload"] == place


def test_a_number_is_shifted_exactly_a_whole_one_stays_whole_and_text_stays(events):
    repair = repairs.shifted("readings", "value", Decimal("-1.500"), Scope())
    expected = {"3.5": "2", "0.1": "-1.4", "1e2": "98.5", "41.5": "40", "1.5": "0", "hot": "hot"}
    found = read(events("readings", *(reading(sent) for sent in expected)), repair)
    assert [row["payload"]["value"] for row in found.values()] == list(expected.values())


def test_a_slow_clock_is_set(events):
    repair = repairs.clock("readings", timedelta(seconds=-90.25), Scope(device_id="D1"))
    found = read(events("readings", reading(), reading()), repair)
    instants = [row["emitted_at"].replace(tzinfo=UTC) for row in found.values()]
    assert instants == [NOON - timedelta(seconds=90.25), NOON]
    assert found[1]["payload"]["unit"] == "DEG"


def test_a_slow_clock_has_stamped_the_payload_too(events):
    repair = repairs.clock("sales", timedelta(hours=1), Scope())
    receipt = {"basket_id": "b", "paid_at": "2026-03-01T12:00:00.250Z"}
    unread = {"basket_id": "c", "paid_at": "noon"}
    found = read(events("sales", {"payload": receipt}, {"payload": unread}), repair)
    assert found[1]["payload"]["paid_at"] == "2026-03-01T13:00:00.250000Z"
    assert found[2]["payload"]["paid_at"] == "noon"


def test_what_a_wrong_correction_sends_to_next_year_is_refused_as_ingest_would(events):
    arrived = {"arrived_at": NOON + timedelta(minutes=1)}
    ahead = repairs.clock("readings", timedelta(days=365), Scope(device_id="D1"))
    behind = repairs.clock("readings", -timedelta(days=500), Scope(device_id="D2"))
    messages = [reading(**arrived), reading(**arrived), reading(**arrived)]
    found = read(events("readings", *messages), ahead, behind)
    assert [row["refused"] for row in found.values()] == [["from_the_future"], ["too_old"], []]


def test_a_clock_that_was_taken_back_still_has_clocks_judged(events):
    every = [
        replace(repairs.clock("readings", timedelta(days=-365), Scope()), correction_id="c1"),
        Correction("revoke", "readings", "false", revokes="c1", correction_id="c2"),
    ]
    left = in_force(every, "readings")
    ahead = reading(emitted_at=NOON + timedelta(days=365), arrived_at=NOON)
    [row] = corrected(events("readings", ahead), left).collect()
    assert (row.corrected_by, row.refused) == ([], ["from_the_future"])
    assert {one.correction_id for one in left}.isdisjoint({"c1"})


def test_one_message_gets_another_payload_with_all_its_quotes(events):
    payload = {"metric": "noise", "value": "1", "unit": 'it\'s a \\ "test" ü'}
    repair = repairs.edited("readings", json.dumps(payload), Scope(position=("o", 2)))
    found = read(events("readings", reading(), reading()), repair)
    assert found[2]["payload"] == payload
    assert found[1]["payload"] == reading()["payload"]


def test_corrections_are_applied_in_their_order_each_to_what_the_last_one_made(events):
    ids = repairs.mapped("readings", "device_id", {"D1": "D7"}, Scope())
    label = repairs.mapped("readings", "unit", {"DEG": "F"}, Scope(device_id="D7"))
    messages = events("readings", reading(), reading(device_id="D7"))
    met = read(messages, ids, label)
    assert [row["corrected_by"] for row in met.values()] == [["c1", "c2"], ["c2"]]
    met = read(messages, label, ids)
    assert [row["corrected_by"] for row in met.values()] == [["c2"], ["c1"]]


def test_a_dropped_message_is_marked_and_the_reason_added_to_its_rows(spark, events):
    repair = repairs.dropped("readings", Scope(device_id="D1"))
    label = repairs.mapped("readings", "unit", {"DEG": "F"}, Scope(device_id="D2"))
    numbered = [
        Correction(one.kind, one.feed, one.condition, one.changes, None, name)
        for one, name in ((repair, "c4"), (label, "c5"))
    ]
    messages = corrected(events("readings", reading(), reading(), reading()), numbered)
    rows = spark.createDataFrame(
        [("o", 1, ["late"]), ("o", 2, []), ("o", 3, ["worn"])],
        "source_object string, source_line int, broken array<string>",
    )
    found = {
        row.source_line: (row.broken, row.corrected_by) for row in marked(rows, messages).collect()
    }
    assert found == {1: (["late", "dropped"], ["c4"]), 2: ([], ["c5"]), 3: (["worn"], None)}
    assert {row.corrected_by for row in marked(rows, None).collect()} == {None}


def test_what_is_taken_back_counts_no_more_and_other_feeds_are_left_alone():
    def one(number, feed, kind="map", revokes=None):
        return Correction(kind, feed, "true", {}, revokes, f"c{number}")

    every = [one(1, "sales"), one(2, "readings"), one(3, "sales", "revoke", "c1"), one(4, "sales")]
    assert [c.correction_id for c in in_force(every, "sales")] == ["c4"]
    assert [c.correction_id for c in in_force(every, "readings")] == ["c2"]
    assert in_force(every, "footfall") == ()


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (
            lambda: repairs.mapped("readings", "units", {"a": "b"}, Scope()),
            r"no field 'units' in readings that can be set; there are device_id, "
            r"metric, shop_id, unit, value",
        ),
        (
            lambda: repairs.mapped("sales", "lines.product", {"a": "b"}, Scope()),
            r"no field 'lines\.product' in sales .* lines\.product_id",
        ),
        (
            lambda: repairs.shifted("sales", "lines.quantity", Decimal(1), Scope()),
            "'lines.quantity' is a field of an array: only values can be mapped in it",
        ),
        (
            lambda: repairs.mapped("readings", "subject", {"a": "b"}, Scope()),
            "no field 'subject' in readings",
        ),
        (
            lambda: repairs.shifted("readings", "emitted_at", Decimal(1), Scope()),
            "no field 'emitted_at' in readings",
        ),
        (
            lambda: repairs.clock("shops", timedelta(1), Scope()),
            "shops is a reference set: no clock stamps what it says",
        ),
    ],
)
def test_an_unknown_field_is_refused_with_those_there_are(wanted, sentence):
    with pytest.raises(BadCorrection, match=sentence):
        wanted()
