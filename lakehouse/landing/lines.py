"""The lines of a landing object, numbered, each that is no text with its fault; no Spark here."""

import hashlib
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa

SCHEMA = (
    "source_object string, source_line int, arrived_at timestamp, "
    "line string, fault string, digest string, length bigint"
)
_ARROW = pa.schema(
    [
        ("source_object", pa.string()),
        ("source_line", pa.int32()),
        ("arrived_at", pa.timestamp("us", tz="UTC")),
        ("line", pa.string()),
        ("fault", pa.string()),
        ("digest", pa.string()),
        ("length", pa.int64()),
    ]
)
_INSTANT = re.compile(r"_(\d{8}T\d{6}\.\d{3})Z\.")

# What makes a line, or a whole object, unfit before anything is parsed.
FAULTS = (
    "line_too_long",
    "byte_order_mark",
    "blank_line",
    "zero_byte",
    "not_utf8",
    "no_instant_in_object_name",
    "truncated_gzip",
    "empty_object",
)

CHUNK = 4 << 20  # bytes of text in one Arrow batch
_BOM = b"\xef\xbb\xbf"


def arrived_at(name: str) -> datetime | None:
    """The instant in an object's name (`…_20260301T093000.250Z.jsonl`); None where there is none."""
    found = _INSTANT.search(name)
    if not found:
        return None
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def numbered(name: str, chunks: Iterator[bytes], longest: int) -> Iterator[pa.RecordBatch]:
    """Number the lines of one object; name the fault of each that is no text.

    A line ends with "\\n" (a "\\r" before it is not part of it); the last one may do without. Line
    0 stands for the object itself, where it has a fault of its own: it is empty, or its
    compression breaks off (then the lines before the break are there).

    Takes   chunks   the object's bytes
            longest  bytes; of a longer line only digest and length are given
    Gives   batches with the columns of SCHEMA
    """
    arrived = arrived_at(name)
    no_instant = None if arrived else "no_instant_in_object_name"
    texts = _Lines(_inflated(chunks) if name.endswith(".gz") else chunks, longest)
    at = 0
    for batch in texts:
        yield _batch(name, range(at + 1, at + 1 + len(batch)), arrived, batch, no_instant)
        at += len(batch)
    if texts.is_broken or at == 0:
        fault = "truncated_gzip" if texts.is_broken else "empty_object"
        whole = _Line(None, fault, None, texts.length)
        yield _batch(name, range(1), arrived, [whole], no_instant)


class _Line(NamedTuple):
    text: bytes | None
    fault: str | None
    digest: str | None
    length: int


class _Lines:
    """The lines of a stream of chunks, in lists of about CHUNK bytes."""

    def __init__(self, chunks: Iterator[bytes], longest: int) -> None:
        self.chunks = chunks
        self.longest = longest
        self.is_broken = False
        self.length = 0

    def __iter__(self) -> Iterator[list[_Line]]:
        rest: list[bytes] = []  # a line's pieces, until its end comes
        ready: list[_Line] = []
        size = 0
        for chunk in self._until_broken():
            self.length += len(chunk)
            first, *others = chunk.split(b"\n")
            rest.append(first)
            if not others:
                continue
            ready.append(self._line(b"".join(rest)))
            rest = [others.pop()]
            if self._is_plain(chunk, others):
                ready.extend(_Line(raw, None, None, len(raw)) for raw in others)
            else:
                ready.extend(map(self._line, others))
            size += len(chunk)
            if size > CHUNK:
                yield ready
                ready, size = [], 0
        if not self.is_broken and (last := b"".join(rest)):  # no line is cut by a break
            ready.append(self._line(last))
        if ready:
            yield ready

    def _until_broken(self) -> Iterator[bytes]:
        try:
            yield from self.chunks
        except (zlib.error, EOFError):
            self.is_broken = True

    def _is_plain(self, chunk: bytes, lines: list[bytes]) -> bool:
        """Whether no line of a chunk can have a fault or a "\\r"; it costs less than each line."""
        return (
            chunk.isascii()
            and b"\r" not in chunk
            and b"\0" not in chunk
            and all(raw.startswith(b"{") for raw in lines)
            and max(map(len, lines), default=0) <= self.longest
        )

    def _line(self, raw: bytes) -> _Line:
        if raw.endswith(b"\r"):
            raw = raw[:-1]
        fault = None
        if len(raw) > self.longest:
            fault = "line_too_long"
        elif raw.startswith(_BOM):
            fault = "byte_order_mark"
        elif not raw.strip():
            fault = "blank_line"
        elif b"\0" in raw:
            fault = "zero_byte"
        elif not _is_utf8(raw):
            fault = "not_utf8"
        if fault is None:
            return _Line(raw, None, None, len(raw))
        return _Line(None, fault, hashlib.sha256(raw).hexdigest(), len(raw))


def _is_utf8(raw: bytes) -> bool:
    if raw.isascii():
        return True
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Text out of gzip, one member or several; EOFError where the last one breaks off."""
    member = zlib.decompressobj(31)
    has_begun = False
    for chunk in chunks:
        rest = chunk
        while rest:
            has_begun = True
            yield from _pieces(member, rest)
            rest = member.unused_data
            if member.eof:
                member, has_begun = zlib.decompressobj(31), False
    if has_begun:
        raise EOFError


def _pieces(member: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while chunk:
        if piece := member.decompress(chunk, CHUNK):  # a bomb comes out in pieces
            yield piece
        chunk = member.unconsumed_tail


def _batch(
    name: str,
    numbers: range,
    arrived: datetime | None,
    found: list[_Line],
    no_instant: str | None,
) -> pa.RecordBatch:
    count = len(found)
    faults = [line.fault or no_instant for line in found]
    digests = [
        line.digest or (hashlib.sha256(line.text).hexdigest() if no_instant and line.text else None)
        for line in found
    ]
    microseconds = None if arrived is None else round(arrived.timestamp() * 1_000_000)
    columns = [
        pa.repeat(pa.scalar(name, pa.string()), count),
        pa.array(numbers, pa.int32()),
        # From a number: pyarrow would load pandas to read a datetime, two seconds a worker.
        pa.repeat(pa.scalar(microseconds, pa.int64()), count).cast(_ARROW.field("arrived_at").type),
        pa.array([None if no_instant else line.text for line in found], pa.string()),
        pa.array(faults, pa.string()),
        pa.array(digests, pa.string()),
        pa.array([line.length for line in found], pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_ARROW)
