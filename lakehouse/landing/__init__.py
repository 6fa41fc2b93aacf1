"""The landing zone as a source of Structured Streaming: every line of every object, numbered.

An offset is the list of objects of one batch, so that a batch that is tried again reads the same
ones, and how many batches were taken back before, so that one that was is not taken for finished.
What is still to be read is what the ledger does not know: no object is skipped for its age or
name. (Spark's own file source skips names that begin with "_" or ".", and objects older than
maxFileAge, and gives no line numbers; see docs/decisions/.)
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from lakehouse import s3
from lakehouse.lake import Lake
from lakehouse.landing.lines import CHUNK, SCHEMA, numbered
from lakehouse.ledger import Ledger
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SHARE = 25  # objects at least that a task reads: each task costs what it is begun with


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
                yield from numbered(name, body.iter_chunks(1 << 20), longest)

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


def _packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of about CHUNK bytes: small objects are many."""
    ready: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        ready.append(batch)
        size += batch.nbytes
        if size > CHUNK:
            yield pa.concat_batches(ready)
            ready, size = [], 0
    if ready:
        yield pa.concat_batches(ready)
