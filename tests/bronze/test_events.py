"""bronze.events: what a line becomes, and the name of each fault that keeps it out."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse import feeds
from lakehouse.bronze import events, persons

SECRET = b"not a secret: of these tests only"
KEY = persons.Key(7, SECRET)
ARRIVED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SUBJECT = "card-8714"
LINES = (
    "source_object string, source_line int, arrived_at timestamp, line string, fault string, "
    "digest string, length bigint"
)


def message(**changes):
    """A line that is fit for bronze, but for the changes."""
    envelope = {
        "event_id": "e1",
        "feed": "readings",
        "schema_version": 1,
        "device_id": "T1",
        "shop_id": "S1",
        "subject": None,
        "emitted_at": "2026-03-01T09:29:00Z",
        "payload": {"metric": "temperature", "value": 4.5, "unit": "C"},
    }
    return json.dumps(envelope | changes)


def without(field):
    """A line that lacks a field."""
    return json.dumps({key: of for key, of in json.loads(message()).items() if key != field})


def says(feed="readings", subject=SUBJECT, **payload):
    """A line of a person, with this payload."""
    return message(feed=feed, subject=subject, payload=payload)


def sent(apart):
    """A line stamped this far from its arrival."""
    return message(emitted_at=(ARRIVED + apart).isoformat())


def nested(levels):
    """A line with an array in an array, and so on, in its payload."""
    return message(payload={"a": 0}).replace('"a": 0', f'"a": {"[" * levels}{"]" * levels}')


A_SECOND = timedelta(seconds=1)
FINE = {
    "a message": message(),
    "blanks around it": f"  {message()}\t",
    "another order": json.dumps(dict(reversed(json.loads(message()).items()))),
    "no shop": message(shop_id=None),
    "a version as text": message(schema_version="1"),
    "as far ahead as may be": sent(feeds.FUTURE_TOLERANCE),
    "as old as may be": sent(-feeds.OLDEST),
    "another zone": message(emitted_at="2026-03-01T11:29:00.123+02:00"),
    "undeclared fields": message(payload={"other": [1, {"a": None}]}),
    "an empty payload": message(payload={}),
    "a bare run of digits": says(value="3125550142"),
    "a product number": says(product_id="1082185", feed="app_events"),
    "an EPC": says(epc="urn:epc:id:sgtin:0614141.112345.400", feed="rfid_reads"),
    "two words": says(value="not available"),
    "at signs": says(value="@home a@b"),
    "free text in a reference set": says("products", product_type="milk, whole, one gallon"),
    "a forbidden key as a value": says(value="email"),
    "a key that only ends like a forbidden one": says(file_name="x"),
    "a short subject within a word": says(subject="c1", value="c100"),
}
FAULTY = {
    "text": ("hello", ["broken_json"]),
    "a message cut off": (message()[:-1], ["broken_json"]),
    "text behind it": (message() + " x", ["broken_json"]),
    "a brace too many": (message() + "}", ["broken_json"]),
    "a bracket too many": (message() + "]", ["broken_json"]),
    "a second message": (message() + message(), ["broken_json"]),
    "a second message after a comma": (f"{message()},{message()}", ["broken_json"]),
    "an array of a message": (f"[{message()}]", ["broken_json"]),
    "nothing but null": ("null", ["broken_json"]),
    "a number": ("12", ["broken_json"]),
    "NaN": (message(payload={"value": float("nan")}), ["broken_json"]),
    "Infinity": (message(payload={"value": float("inf")}), ["broken_json"]),
    "-Infinity": (message(payload={"value": -float("inf")}), ["broken_json"]),
    "single quotes": (message().replace('"', "'"), ["broken_json"]),
    "a comment": (message() + "/* x */", ["broken_json"]),
    "2000 levels": (nested(2000), ["broken_json"]),
    "a forged end": (message() + ',{"":"end of line"}] x', ["broken_json"]),
    "no object": (
        "{}",
        [
            "missing_envelope_fields",
            "no_event_id",
            "no_payload",
            "unreadable_emitted_at",
            "unknown_feed",
        ],
    ),
    "no shop field": (without("shop_id"), ["missing_envelope_fields"]),
    "no subject field": (without("subject"), ["missing_envelope_fields"]),
    "one field more": (message(mood="good"), ["unknown_envelope_fields"]),
    "a field twice": (message()[:-1] + ', "shop_id": "S2"}', ["duplicate_envelope_fields"]),
    "no event id": (message(event_id=None), ["no_event_id"]),
    "a blank event id": (message(event_id="  "), ["no_event_id"]),
    "no payload": (message(payload=None), ["no_payload"]),
    "a payload of text": (message(payload="x"), ["no_payload"]),
    "a payload of a list": (message(payload=[1]), ["no_payload"]),
    "no instant": (message(emitted_at=None), ["unreadable_emitted_at"]),
    "an instant of words": (message(emitted_at="yesterday"), ["unreadable_emitted_at"]),
    "an instant without zone": (
        message(emitted_at="2026-03-01T09:29:00"),
        ["unreadable_emitted_at"],
    ),
    "a time of day": (message(emitted_at="09:29"), ["unreadable_emitted_at"]),
    "seconds since 1970": (message(emitted_at=1772357340), ["unreadable_emitted_at"]),
    "a day that never was": (message(emitted_at="2026-02-30T09:29:00Z"), ["unreadable_emitted_at"]),
    "from the future": (sent(feeds.FUTURE_TOLERANCE + A_SECOND), ["from_the_future"]),
    "1970": (message(emitted_at="1970-01-01T00:00:00Z"), ["too_old"]),
    "too old": (sent(-feeds.OLDEST - A_SECOND), ["too_old"]),
    "an unknown feed": (message(feed="gossip"), ["unknown_feed"]),
    "no feed": (message(feed=None), ["unknown_feed"]),
    "version 99": (message(schema_version=99), ["unknown_schema_version"]),
    "version 1.5": (message(schema_version=1.5), ["unknown_schema_version"]),
    "no version": (message(schema_version=None), ["unknown_schema_version"]),
    "a forbidden key": (says(name="x"), ["forbidden_key"]),
    "a forbidden key at depth": (says(a=[{"b": {"E_Mail": 1}}]), ["forbidden_key"]),
    "a forbidden key, escaped": (
        says(emailx=1).replace("emailx", "e\\u006dail"),
        ["forbidden_key"],
    ),
    "a forbidden key in a reference set": (says("customers", street="x"), ["forbidden_key"]),
    "the subject": (says(value=SUBJECT), ["subject_in_payload"]),
    "the subject within a word": (says(value=f"x{SUBJECT}x"), ["subject_in_payload"]),
    "the subject as a key": (says(**{SUBJECT: 1}), ["subject_in_payload"]),
    "a short subject": (
        says(subject="T1", value="T1"),
        ["subject_in_payload", "person_in_envelope"],
    ),
    "an e-mail address": (says(value="a.b@example.org"), ["e_mail_in_payload"]),
    "an e-mail address, escaped": (
        says(value="a.b@example.org").replace("@", "\\u0040"),
        ["e_mail_in_payload"],
    ),
    "an e-mail address in a reference set": (
        says("shops", geofence="b@example.org"),
        ["e_mail_in_payload"],
    ),
    "a telephone": (says(value="+1 312 555-0142"), ["telephone_in_payload", "free_text"]),
    "a telephone in one piece": (says(value="+13125550142"), ["telephone_in_payload"]),
    "a telephone with dashes": (says(value="312-555-0142"), ["telephone_in_payload"]),
    "a telephone with brackets": (says(value="(312) 555-0142"), ["telephone_in_payload"]),
    "a telephone in a reference set": (
        says("shops", geofence="312.555.0142"),
        ["telephone_in_payload"],
    ),
    "free text": (says(value="please call back"), ["free_text"]),
    "the subject as event id": (
        message(subject=SUBJECT, event_id=f"{SUBJECT}-1"),
        ["person_in_envelope"],
    ),
    "the subject as device": (message(subject=SUBJECT, device_id=SUBJECT), ["person_in_envelope"]),
    "the subject as shop": (message(subject=SUBJECT, shop_id=SUBJECT), ["person_in_envelope"]),
    "several faults": (message(feed="gossip", payload=[]), ["no_payload", "unknown_feed"]),
}
CASES = FINE | {name: line for name, (line, _) in FAULTY.items()}


@pytest.fixture(scope="module")
def read(spark):
    """Read lines of text, each with the length of its number."""

    def of(*lines):
        rows = [
            ("object", number, ARRIVED, line, None, None, 100 + number)
            for number, line in enumerate(lines)
        ]
        return events.read(spark.createDataFrame(rows, LINES), KEY)

    return of


@pytest.fixture(scope="module")
def became(read):
    """Case -> the row it became."""
    rows = read(*CASES.values()).collect()
    return dict(zip(CASES, sorted(rows, key=lambda row: row.source_line), strict=True))


@pytest.mark.parametrize("case", FINE)
def test_a_readable_message_has_no_fault(became, case):
    assert became[case].faults == []
    assert became[case].digest is None


@pytest.mark.parametrize(
    ("case", "faults"), [(case, faults) for case, (_, faults) in FAULTY.items()]
)
def test_a_broken_input_is_named(became, case, faults):
    assert became[case].faults == faults


@pytest.mark.parametrize("case", FAULTY)
def test_of_what_cannot_be_released_only_digest_and_length_stay(became, case):
    line, faults = FAULTY[case]
    row = became[case]
    assert row.digest == hashlib.sha256(line.encode()).hexdigest()
    assert row.is_releasable == (set(faults) <= set(events.RELEASABLE))
    sent = (row.event_id, row.device_id, row.shop_id, row.emitted_at, row.payload, row.subject)
    if not row.is_releasable:
        assert sent == (None,) * 6
        assert (row.feed, row.schema_version) == (None, None)
    else:
        assert row.payload == '{"metric":"temperature","value":4.5,"unit":"C"}'


@pytest.mark.usefixtures("spark")
def test_every_fault_that_can_be_named_has_a_case():
    assert {name for _, faults in FAULTY.values() for name in faults} == set(events.faults())


READ = (
    "event_id string, feed string, schema_version int, device_id string, shop_id string, "
    "subject string, emitted_at timestamp, payload string, is_personal boolean, arrived_on date, "
    "source_object string, source_line int, arrived_at timestamp, faults array<string>, "
    "digest string, length bigint, is_releasable boolean"
)


def test_a_message_of_a_person_has_a_pseudonym_that_python_also_works_out(read, spark):
    line = message(subject=SUBJECT, payload={"value": "4.50", "new": {"a": [1]}})
    pseudonym = "p7_" + hmac.new(SECRET, SUBJECT.encode(), "sha256").hexdigest()[:32]
    expected = spark.createDataFrame(
        [
            (
                "e1",
                "readings",
                1,
                "T1",
                "S1",
                pseudonym,
                datetime(2026, 3, 1, 9, 29, tzinfo=UTC),
                '{"value":"4.50","new":{"a":[1]}}',
                True,
                ARRIVED.date(),
                "object",
                0,
                ARRIVED,
                [],
                None,
                100,
                True,
            )
        ],
        READ,
    )
    assert_df_equality(read(line), expected, ignore_nullable=True)


def test_a_line_that_landed_without_text_keeps_its_fault_digest_and_length(spark):
    faulty = [("object", 3, None, None, "blank_line", "d1", 2)]
    nothing = [None] * 8
    expected = spark.createDataFrame(
        [(*nothing, None, None, "object", 3, None, ["blank_line"], "d1", 2, False)], READ
    )
    actual = events.read(spark.createDataFrame(faulty, LINES), KEY)
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_a_message_that_can_be_released_keeps_its_pseudonym_and_not_its_person(read):
    [row] = read(message(feed="gossip", subject=SUBJECT)).collect()
    assert row.is_releasable
    assert row.subject.startswith("p7_")
    assert SUBJECT not in str(row)


@pytest.mark.parametrize(
    ("case", "is_personal"),
    [("a message", False), ("two words", True), ("no shop", False)],
)
def test_a_message_with_a_subject_is_personal(became, case, is_personal):
    assert became[case].is_personal is is_personal


def test_a_message_of_a_personal_feed_is_personal_without_a_subject(read):
    [row] = read(message(feed="sales", payload={"basket_id": "b1"})).collect()
    assert (row.is_personal, row.subject) == (True, None)
