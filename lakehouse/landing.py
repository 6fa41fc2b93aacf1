"""The landing zone as a source of Structured Streaming: every line of every object, numbered.

An offset is the list of objects of one batch, so that a batch that is tried again reads the same
ones, and how many batches were taken back before, so that one that was is not taken for finished.
What is still to be read is what the ledger does not know: no object is skipped for its age or
name. (Spark's own file source skips names that begin with "_" or ".", and objects older than
maxFileAge, and gives no line numbers; see docs/decisions/.)
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from lakehouse import s3
from lakehouse.lake import Lake
from lakehouse.ledger import Ledger
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

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

_CHUNK = 4 << 20  # bytes of text in one Arrow batch
_SHARE = 25  # objects at least that a task reads: each task costs what it is begun with
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Zone:
    """Where the landing zone is and how much of it one batch takes; travels to the workers."""

    settings: Settings
    endpoint: str

    def storage(self) -> "S3Client":
        """A client of the storage."""
        return s3.client(self.settings, self.endpoint, is_patient=True)

    @property
    def bucket(self) -> str:
        """The bucket that messages land in."""
        return self.settings.buckets.landing


def pending(zone: Zone, ingested: set[str]) -> list[tuple[str, int]]:
    """Objects that landed and are not ingested, with their bytes, in the order of their names."""
    landed = s3.objects(zone.storage(), zone.bucket)
    return [(one["Key"], one["Size"]) for one in landed if one["Key"] not in ingested]


def one_batch(objects: Sequence[tuple[str, int]], limits: Any) -> list[str]:
    """The first objects, as many as one batch may take; always one."""
    taken: list[str] = []
    total = 0
    for name, size in objects[: limits.batch_objects]:
        total += size
        if taken and total > limits.batch_bytes:
            break
        taken.append(name)
    return taken


@dataclass
class Share(InputPartition):
    """The objects that one task reads."""

    objects: list[str]

    def __init__(self, objects: list[str]) -> None:
        """Take the names."""
        super().__init__(objects)
        self.objects = objects


class LandingSource(DataSource):
    """`spark.readStream.format("landing")`; register it with `register`."""

    @classmethod
    def name(cls) -> str:
        """What it is called in `format`."""
        return "landing"

    def schema(self) -> str:
        """The columns of a line; see SCHEMA."""
        return SCHEMA

    def streamReader(self, schema: StructType) -> "LandingReader":
        """A reader for one query."""
        del schema
        settings = Settings.model_validate_json(self.options["settings"])
        zone = Zone(settings, self.options["endpoint"])
        return LandingReader(zone, has_end=json.loads(self.options["has_end"]))


class LandingReader(DataSourceStreamReader):
    """Lists on the driver, reads on the workers."""

    def __init__(self, zone: Zone, *, has_end: bool) -> None:
        """Take the zone; the ledger is read when the query first asks what there is.

        has_end  what lands after that is left to another query
        """
        self.zone = zone
        self.has_end = has_end
        self.given: set[str] | None = None
        self.due: list[tuple[str, int]] = []
        self.taken_back = 0
        self.latest = self.initialOffset()

    def initialOffset(self) -> dict[str, Any]:
        """Nothing read yet."""
        return {"objects": [], "taken_back": 0}

    def latestOffset(self) -> dict[str, Any]:
        """The objects of the next batch; the same answer as before where there is nothing new."""
        is_first = self.given is None
        if self.given is None:
            ledger = Ledger(Lake(self.zone.settings, self.zone.endpoint), is_reader=True)
            self.given, self.taken_back = ledger.ingested(), len(ledger.undone("bronze.events"))
        if is_first or not self.has_end:
            self.due = pending(self.zone, self.given)
        objects = one_batch(self.due, self.zone.settings.ingest)
        if objects:
            self.due = self.due[len(objects) :]
            self.given |= set(objects)
            self.latest = {"objects": objects, "taken_back": self.taken_back}
        return self.latest

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> Sequence[InputPartition]:
        """Up to four shares of neighbours: they are of one day, so files of few days each."""
        del start
        objects = end["objects"]
        size = max(_SHARE, -(-len(objects) // 4))
        return [Share(objects[at : at + size]) for at in range(0, len(objects), size)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The lines of the objects of one share."""
        assert isinstance(partition, Share)
        storage = self.zone.storage()
        longest = self.zone.settings.ingest.line_bytes

        def read() -> Iterator[pa.RecordBatch]:
            for name in partition.objects:
                body = storage.get_object(Bucket=self.zone.bucket, Key=name)["Body"]
                yield from lines(name, body.iter_chunks(1 << 20), longest)

        return _packed(read())


def register(spark: SparkSession) -> None:
    """Make `format("landing")` known to a session."""
    spark.dataSource.register(LandingSource)


def options(zone: Zone, *, has_end: bool) -> dict[str, str]:
    """What `format("landing")` must be told; no secret is in it."""
    return {
        "settings": json.dumps(zone.settings.model_dump()),
        "endpoint": zone.endpoint,
        "has_end": json.dumps(has_end),
    }


def arrived_at(name: str) -> datetime | None:
    """The instant in an object's name (`…_20260301T093000.250Z.jsonl`); None where there is none."""
    found = _INSTANT.search(name)
    if not found:
        return None
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def lines(name: str, chunks: Iterator[bytes], longest: int) -> Iterator[pa.RecordBatch]:
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


def _packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of about _CHUNK bytes: small objects are many."""
    ready: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        ready.append(batch)
        size += batch.nbytes
        if size > _CHUNK:
            yield pa.concat_batches(ready)
            ready, size = [], 0
    if ready:
        yield pa.concat_batches(ready)


class _Line(NamedTuple):
    text: bytes | None
    fault: str | None
    digest: str | None
    length: int


class _Lines:
    """The lines of a stream of chunks, in lists of about _CHUNK bytes."""

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
            if size > _CHUNK:
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
        if piece := member.decompress(chunk, _CHUNK):  # a bomb comes out in pieces
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
