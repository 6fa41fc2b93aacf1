"""A lakehouse that is open for work: its settings, session, tables, ledger and locks."""

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from lakehouse import keys, lease, places, s3, s3_probe, s3_server, session, tables
from lakehouse.delta import Store
from lakehouse.errors import BatchFailed, ServerFault
from lakehouse.lake import Lake
from lakehouse.landing import Zone
from lakehouse.ledger import Ledger
from lakehouse.lookup import Lookup
from lakehouse.settings import Settings
from lakehouse.tables import Table
from lakehouse.verdicts import Verdicts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WRITER = "the lakehouse"  # the lease of who has it alone, as a person reads it
_SETTLE_SECONDS = 2.0  # a guess at the longest that a small PUT takes

PARTS = (tables.by_name("ops.quarantine"), tables.by_name("ops.repeats"))


@dataclass
class Place:
    """Everything that a stage needs; `ledger` is read once and kept up by the stages."""

    settings: Settings
    endpoint: str
    spark: SparkSession
    lake: Lake
    store: Store
    ledger: Ledger
    busy: dict[str, threading.Lock] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    faults: dict[str, Exception] = field(default_factory=dict)
    unsafe: str | None = None  # why no other process may write; see s3_probe
    lost: BatchFailed | None = None
    arrivals: dict[str, Any] = field(default_factory=dict)  # of batches, for flow/figures.py

    @property
    def zone(self) -> Zone:
        """The landing zone."""
        return Zone(self.settings, self.endpoint)

    def interpreting(self) -> "Place":
        """The same lakehouse through a session that is quicker with small batches."""
        spark = session.interpreting(self.spark)
        return replace(self, spark=spark, store=Store(spark, self.settings, self.lake))

    @functools.cached_property
    def lookup(self) -> Lookup:
        """Questions about few rows, answered without Spark."""
        return Lookup(self.lake)

    @functools.cached_property
    def verdicts(self) -> Verdicts:
        """What the gate has found so far."""
        return Verdicts(self.lake)

    @property
    def pseudonym_key(self) -> tuple[int, bytes]:
        """Number and secret of the key in force."""
        return keys.pseudonym()

    @contextmanager
    def alone(self, stage: str) -> Iterator[None]:
        """Hold a stage of this lakehouse, on all machines that work on it.

        Raises BatchFailed where another process holds it; the sentence says which and since when.
        Where another takes it over, as this one was cut off from the storage for too long, no
        further batch begins, and that is the stage's fault.
        """

        bucket, storage = self.settings.buckets.ops, _of_lease(self.settings, self.endpoint)
        with lease.held(storage, bucket, stage, lambda fault: self.end(stage, fault)):
            yield
            self.raise_lost()

    def end(self, stage: str, fault: BatchFailed) -> None:
        """Let no further batch begin, as another process has taken over what this one held."""
        self.faults[stage] = self.lost = fault
        self.closing.set()

    def raise_lost(self) -> None:
        """Raise what `end` was called with."""
        if self.lost:
            raise self.lost

    def each_batch(
        self, stage: str, frame: DataFrame, step: Callable[[DataFrame], object]
    ) -> DataStreamWriter:
        """A stream that hands each of its batches to `step`: the project's only foreachBatch.

        A batch runs under the stage's lock in `busy`, and none begins once `closing` is set: who
        sets it and then takes the lock knows that the stage is at rest. What stops a batch is
        found in `faults`, as Spark's own report of it is a traceback.
        """
        lock = self.busy.setdefault(stage, threading.Lock())

        def under_lock(batch: DataFrame, _: int) -> None:
            with lock:
                if self.closing.is_set():
                    raise BatchFailed(f"{stage} is closing")
                try:
                    step(batch)
                except Exception as fault:
                    self.faults[stage] = fault
                    raise

        return (
            frame.writeStream.queryName(stage)
            .option("checkpointLocation", places.checkpoint(self.settings, stage))
            .foreachBatch(under_lock)
        )

    def recover(self, stage: str) -> None:
        """Take out what a batch wrote to quarantine and repeats before it was cut off or taken back.

        One that was cut off is in no ledger, as the commit that makes it count is its last one; the
        messages of both are still to be processed and will be judged again.
        """
        self.ledger.fold()
        known = self.ledger.counts()
        for table in PARTS:
            self._put_back(table, stage, known)
            parts = self.lake.distinct(table, "batch_id", "table_name")
            for batch_id, table_name in sorted(parts - known):
                if batch_id.startswith(stage):
                    condition = f"batch_id = '{batch_id}' AND table_name = '{table_name}'"
                    self.store.delete(table, condition, {"undoes_part_of": batch_id})

    def _put_back(self, table: Table, stage: str, known: set[tuple[str, str]]) -> None:
        """Bring back what a batch that was cut off took out of quarantine or repeats, as it judged
        messages again: nothing of its tables was written there since.
        """
        done = self.ledger.of(stage)
        if not done:
            return
        newest = {batch.table_name: batch.started_at for batch in done}  # oldest first
        since = datetime.fromisoformat(min(newest.values()))
        undone: set[tuple[str, str]] = set()
        for commit in reversed(self.lake.commits_since(table, since)):
            names = commit.note.get("judged_again", ())
            if batch_id := commit.note.get("undoes_part_of"):
                undone |= {(batch_id, name) for name in names}
            batch_id = commit.note.get("part_of", "")
            gone = [name for name in names if (batch_id, name) not in known | undone]
            if gone and batch_id.startswith(stage):
                among = ", ".join(f"'{name}'" for name in gone)
                before = self.store.read(table, commit.version - 1)
                before = before.where(F.col("table_name").isin(gone))
                noted = {"undoes_part_of": batch_id, "judged_again": gone}
                self.store.replace(table, before, f"table_name IN ({among})", noted)


@contextmanager
def opened(settings: Settings, app: str) -> Iterator[Place]:
    """Open the lakehouse: server, buckets, session, tables as declared, ledger folded.

    Raises ServerFault where the storage does not keep its word on conditional PUTs and another
    process has the lakehouse open: there, one at a time may write.
    """
    place: Place | None = None

    def lost(fault: BatchFailed) -> None:
        if place:
            place.end(_WRITER, fault)

    with s3_server.running(settings) as endpoint, ThreadPoolExecutor(1) as beside:
        _reach(settings, endpoint)
        probing = beside.submit(s3_probe.unsafe, settings, endpoint)
        with session.spark(settings, endpoint, app) as spark, ExitStack() as held:
            if unsafe := probing.result():
                held.enter_context(_only_writer(settings, endpoint, unsafe, lost))
            place = at(settings, endpoint, spark)
            place.unsafe = unsafe
            yield place
            place.raise_lost()


def _of_lease(settings: Settings, endpoint: str) -> "S3Client":
    """A client that holds leases: no patient one, as a renewal is tried again before they are over."""
    return s3.client(settings, endpoint, answer_s=lease.ANSWER_SECONDS)


@contextmanager
def _only_writer(
    settings: Settings, endpoint: str, unsafe: str, lost: Callable[[BatchFailed], object]
) -> Iterator[None]:
    storage = _of_lease(settings, endpoint)
    with ExitStack() as held:
        try:
            held.enter_context(
                lease.held(storage, settings.buckets.ops, _WRITER, lost, settle_s=_SETTLE_SECONDS)
            )
        except BatchFailed as fault:
            raise ServerFault(f"{unsafe}; {fault}") from None
        yield


def at(settings: Settings, endpoint: str, spark: SparkSession) -> Place:
    """The lakehouse at an endpoint, in a session that is there: buckets, tables, ledger."""
    _reach(settings, endpoint)
    lake = Lake(settings, endpoint)
    store = Store(spark, settings, lake)
    store.prepare(tables.TABLES)
    return Place(settings, endpoint, spark, lake, store, Ledger(lake))


def _reach(settings: Settings, endpoint: str) -> None:
    """See to the buckets and keys: what fails here fails before a session is started."""
    s3.ensure_buckets(s3.client(settings, endpoint), settings.buckets.model_dump().values())
    keys.pseudonym()
    if settings.alerts.url:
        keys.alerts()
