"""Landed objects: every line has its number, and each that is no text the name of its fault."""

import gzip
import hashlib
from datetime import UTC, datetime

import pytest

from lakehouse import landing, s3
from lakehouse.landing import LandingReader, Zone, lines
from lakehouse.settings import Buckets, Ingest

PLAIN = "till/2026-03-01/t1_20260301T093000.250Z.jsonl"
ZIPPED = f"{PLAIN}.gz"
ARRIVED = datetime(2026, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)
LONGEST = 1024


def read(body, name=PLAIN, longest=LONGEST, chunk=7):
    """Line number, text and fault of each line of an object that comes in chunks of a few bytes."""
    return [
        (row["source_line"], row["line"], row["fault"]) for row in rows(body, name, longest, chunk)
    ]


def rows(body, name=PLAIN, longest=LONGEST, chunk=7):
    chunks = (body[at : at + chunk] for at in range(0, len(body), chunk))
    return [row for batch in lines.numbered(name, chunks, longest) for row in batch.to_pylist()]


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


def test_a_line_has_its_object_number_arrival_text_and_length():
    assert rows(b"{}\n[12]\n")[1] == {
        "source_object": PLAIN,
        "source_line": 2,
        "arrived_at": ARRIVED,
        "line": "[12]",
        "fault": None,
        "digest": None,
        "length": 4,
    }


def test_a_faulty_line_has_digest_and_length_for_its_text():
    [row] = rows(b"a\0b\n")
    assert row["line"] is None
    assert (row["digest"], row["length"]) == (digest(b"a\0b"), 3)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(b"a\nb\n", [(1, "a", None), (2, "b", None)], id="two lines"),
        pytest.param(b"a\nb", [(1, "a", None), (2, "b", None)], id="no newline at the end"),
        pytest.param(b"a\r\nb\r\n", [(1, "a", None), (2, "b", None)], id="CRLF"),
        pytest.param(b"a\rb\n", [(1, "a\rb", None)], id="a lone CR ends no line"),
        pytest.param("é\u2028\n".encode(), [(1, "é\u2028", None)], id="only LF ends a line"),
        pytest.param(b"\n \n", [(1, None, "blank_line"), (2, None, "blank_line")], id="blank"),
        pytest.param(b"", [(0, None, "empty_object")], id="empty object"),
        pytest.param(
            b"\xef\xbb\xbf{}\n{}\n", [(1, None, "byte_order_mark"), (2, "{}", None)], id="BOM"
        ),
        pytest.param(b"\xff\xfe{\0}\0\n", [(1, None, "zero_byte")], id="UTF-16"),
        pytest.param(b"caf\xe9\nb\n", [(1, None, "not_utf8"), (2, "b", None)], id="Latin-1"),
        pytest.param(b"a\0\nb\n", [(1, None, "zero_byte"), (2, "b", None)], id="zero byte"),
        pytest.param(b"x" * 1024, [(1, "x" * 1024, None)], id="as long as may be"),
        pytest.param(
            b"x" * 1025 + b"\nb", [(1, None, "line_too_long"), (2, "b", None)], id="one byte more"
        ),
    ],
)
def test_lines_are_numbered_and_faults_named(body, found):
    assert read(body) == found


def test_the_size_of_the_chunks_is_of_no_account():
    body = "é{}\r\nzwei\n\nvier".encode()
    whole = read(body, chunk=1000)
    assert all(read(body, chunk=size) == whole for size in range(1, 12))


def test_a_gzip_object_reads_as_the_text_in_it():
    assert read(gzip.compress(b"a\nb\n"), ZIPPED) == [(1, "a", None), (2, "b", None)]


def test_the_members_of_a_gzip_object_are_one_text():
    body = gzip.compress(b"a\nb") + gzip.compress(b"") + gzip.compress(b"c\nd\n")
    assert read(body, ZIPPED) == [(1, "a", None), (2, "bc", None), (3, "d", None)]


@pytest.mark.parametrize("cut", [-1, -8, -9])
def test_of_a_truncated_gzip_the_lines_before_the_break_and_one_row_for_the_object(cut):
    assert read(gzip.compress(b"a\nb\n")[:cut], ZIPPED) == [
        (1, "a", None),
        (2, "b", None),
        (0, None, "truncated_gzip"),
    ]


def test_a_line_that_a_break_cuts_is_not_read():
    body = gzip.compress(b"a\nbroken off", compresslevel=0)
    assert read(body[:-12], ZIPPED) == [(1, "a", None), (0, None, "truncated_gzip")]


def test_a_second_member_that_breaks_off_is_a_break():
    body = gzip.compress(b"a\n") + gzip.compress(b"b\n")[:5]
    assert read(body, ZIPPED) == [(1, "a", None), (0, None, "truncated_gzip")]


def test_what_is_no_gzip_is_a_break_before_the_first_line():
    assert read(b"{}\n", ZIPPED) == [(0, None, "truncated_gzip")]


def test_a_gzip_object_of_no_bytes_or_of_no_text_is_empty():
    assert read(b"", ZIPPED) == read(gzip.compress(b""), ZIPPED) == [(0, None, "empty_object")]


@pytest.mark.parametrize("name", [PLAIN, ZIPPED])
def test_a_line_of_50_megabytes_never_becomes_text(name):
    long = b"x" * 50_000_000
    body = long + b"\nb\n"
    stored = gzip.compress(body, 1) if name == ZIPPED else body
    first, second = rows(stored, name, chunk=1 << 20)
    assert (first["line"], first["fault"]) == (None, "line_too_long")
    assert (first["digest"], first["length"]) == (digest(long), 50_000_000)
    assert (second["source_line"], second["line"]) == (2, "b")


@pytest.mark.parametrize("name", ["t1.jsonl", "t1_20261301T093000.250Z.jsonl", "t1_20260301.jsonl"])
def test_without_an_instant_in_its_name_an_object_has_no_text(name):
    first, second = rows(b"ab\n\n", name)
    assert (first["arrived_at"], first["line"]) == (None, None)
    assert (first["fault"], first["digest"]) == ("no_instant_in_object_name", digest(b"ab"))
    assert second["fault"] == "blank_line"


@pytest.mark.parametrize("prefix", ["_", ".", "a b/", "é"])
def test_an_object_is_read_whatever_its_name_begins_with(prefix):
    [row] = rows(b"{}\n", prefix + PLAIN)
    assert (row["source_object"], row["arrived_at"], row["line"]) == (prefix + PLAIN, ARRIVED, "{}")


def test_the_instant_in_a_name_is_the_last_thing_before_its_endings():
    assert lines.arrived_at(PLAIN) == lines.arrived_at(ZIPPED) == ARRIVED
    assert lines.arrived_at("t1_20260301T093000Z.jsonl") is None


@pytest.mark.parametrize(
    ("objects", "size", "taken"),
    [
        (3, 1000, ["a", "b", "c"]),
        (2, 1000, ["a", "b"]),
        (3, 30, ["a", "b"]),
        (3, 29, ["a"]),
        (3, 1, ["a"]),
    ],
)
def test_a_batch_takes_the_first_objects_within_its_limits_but_always_one(objects, size, taken):
    limits = Ingest(batch_objects=objects, batch_bytes=size)
    assert landing.one_batch([("a", 10), ("b", 20), ("c", 40)], limits) == taken


def test_a_batch_of_nothing_is_empty():
    assert landing.one_batch([], Ingest()) == []


@pytest.mark.parametrize(
    ("has_end", "later"),
    [
        pytest.param(True, [["b"], ["b"], ["b"]], id="has an end"),
        pytest.param(False, [["b"], ["c"], ["c"]], id="for ever"),
    ],
)
def test_a_query_with_an_end_takes_what_landed_before_its_start(server, where, has_end, later):
    prefix = f"landing-{has_end}".lower()
    update = {"buckets": Buckets.named(prefix), "ingest": Ingest(batch_objects=1)}
    zone = Zone(where.model_copy(update=update), server)
    s3.ensure_buckets(zone.storage(), zone.settings.buckets.model_dump().values())
    reader = LandingReader(zone, has_end=has_end)
    for name in ("a", "b"):
        s3.put(zone.storage(), zone.bucket, name, b"{}")
    assert reader.latestOffset()["objects"] == ["a"]
    s3.put(zone.storage(), zone.bucket, "c", b"{}")
    assert [reader.latestOffset()["objects"] for _ in range(3)] == later


def test_a_batch_of_many_lines_keeps_their_numbers(monkeypatch):
    monkeypatch.setattr(lines, "CHUNK", 20)
    numbers = [number for number, _, _ in read(b"12345\n" * 30)]
    assert numbers == list(range(1, 31))


def test_every_fault_of_a_line_is_declared():
    found = {"line_too_long", "byte_order_mark", "blank_line", "zero_byte", "not_utf8"}
    of_objects = {"no_instant_in_object_name", "truncated_gzip", "empty_object"}
    assert set(lines.FAULTS) == found | of_objects
