"""What a batch of refine reads: a range of bronze, and reference tables at versions of its own."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import tables
from lakehouse.corrections import Correction
from lakehouse.flow import declared
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch
from lakehouse.tables import Table

_EVENTS = tables.by_name("bronze.events")


@dataclass(frozen=True)
class Range:
    """The bronze versions of one batch: those after `after`, up to and with `until`.

    versions  of every reference table and of the corrections, looked up once for the batch (see
              `references_now`)
    """

    place: Place
    batch_id: str
    after: int
    until: int
    versions: dict[str, int]

    def holds(self, version: int | None) -> bool:
        """Whether a bronze version is in the range."""
        return version is not None and self.after < version <= self.until

    @property
    def ingested(self) -> list[Batch]:
        """The batches of ingest in the range; those that were taken back are not."""
        batches = self.place.ledger.of("ingest")
        return [batch for batch in batches if self.holds(batch.version_after)]

    def messages(self, table: Table) -> int:
        """How many messages of the table's feed the range holds, by the ledger."""
        return sum(batch.feeds.get(table.feed or "", 0) for batch in self.ingested)

    @property
    def is_small(self) -> bool:
        """Whether one task reads the range sooner than several are begun."""
        messages = sum(sum(batch.feeds.values()) for batch in self.ingested)
        return messages <= self.place.settings.refine.few_messages

    def read(self, *wanted: Table) -> DataFrame:
        """The messages of the tables' feeds in the range."""
        events = self._at(_EVENTS, self.until)
        if self.after >= 0:  # files of other batches are skipped by their statistics
            ids = [batch.batch_id for batch in self.ingested]
            events = events.where(F.col("batch_id").isin(ids))
        events = events.where(F.col("feed").isin([table.feed for table in wanted]))
        return (events.coalesce(1) if self.is_small else events).drop("batch_id")

    def references(self, table: Table) -> dict[str, int]:
        """The versions of the reference tables and corrections that the table is refined with."""
        return {name: self.versions[name] for name in (*table.refers, declared.TABLE.name)}

    def corrections(self, table: Table) -> tuple[Correction, ...]:
        """The corrections in force of the table's feed, at that version."""
        version = self.versions[declared.TABLE.name]
        return declared.in_force(self.place.lake, version, table.feed)

    def known(self, table: Table) -> list[DataFrame]:
        """The rows of those reference tables, at those versions however often they are read: a
        MERGE that comes in between changes nothing.
        """
        return [self._at(tables.by_name(name), self.versions[name]) for name in table.upstream[1:]]

    @functools.cached_property
    def _at(self) -> Callable[[Table, int], DataFrame]:
        """A table at a version. All that read it share it: where the table has gone on since, Delta
        reads the log anew for each frame of an old version.
        """
        return functools.cache(self.place.store.read)

    def earlier(self, table: Table) -> DataFrame:
        """The messages of the table's feed before the range."""
        events = self.place.store.read(_EVENTS, self.after)
        return events.where(F.col("feed") == F.lit(table.feed)).drop("batch_id")


def references_now(place: Place) -> dict[str, int]:
    """The newest version of every table that a silver table refers to, and of the corrections."""
    names = {name for table in tables.SILVER for name in table.refers} | {declared.TABLE.name}
    return {name: place.lake.version(tables.by_name(name)) for name in names}
