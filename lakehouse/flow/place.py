"""A lakehouse that is open for work: its settings, session, tables, ledger and locks."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.readwriter import DataStreamWriter

from lakehouse import keys, places, s3, s3_server, session, tables
from lakehouse.delta import Store
from lakehouse.errors import BatchFailed
from lakehouse.lake import Lake
from lakehouse.landing import Zone
from lakehouse.ledger import Ledger
from lakehouse.settings import Settings, home

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

    @property
    def zone(self) -> Zone:
        """The landing zone."""
        return Zone(self.settings, self.endpoint)

    @property
    def pseudonym_key(self) -> tuple[int, bytes]:
        """Number and secret of the key in force."""
        return keys.pseudonym()

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
        """Take out what a batch wrote to quarantine and repeats before it was cut off.

        Such a batch is in no ledger, as the commit that makes it count is its last one; its
        messages are still to be processed and will be judged again.
        """
        self.ledger.fold()
        known = {(batch.batch_id, batch.table_name) for batch in self.ledger.batches}
        for table in PARTS:
            parts = self.lake.distinct(table, "batch_id", "table_name")
            for batch_id, table_name in sorted(parts - known):
                if batch_id.startswith(stage):
                    condition = f"batch_id = '{batch_id}' AND table_name = '{table_name}'"
                    self.store.delete(table, condition, {"undoes_part_of": batch_id})


@contextmanager
def opened(settings: Settings, app: str) -> Iterator[Place]:
    """Open the lakehouse: server, buckets, session, tables as declared, ledger folded."""
    with s3_server.running(settings) as endpoint:
        _reach(settings, endpoint)
        with session.spark(settings, endpoint, app) as spark:
            yield at(settings, endpoint, spark)


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


@contextmanager
def alone(stage: str) -> Iterator[None]:
    """Hold a stage on this machine.

    Raises BatchFailed where another process holds it; the sentence says which and since when.
    """
    folder = home() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / stage, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise BatchFailed(
                f"{stage} is being run by {file.read().strip()}; wait for it or stop it"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        file.flush()
        yield
