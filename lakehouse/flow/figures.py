"""What the ledger says that the gate compares tables with: sums, arrivals, and silence of feeds."""

import bisect
import statistics
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from lakehouse import tables
from lakehouse.landing.lines import arrived_at
from lakehouse.ledger import Batch, Ledger
from lakehouse.tables import Table

# So far back batches are shown to the rules: the day at hand and the week before it.
SHOWN = timedelta(days=8)

_AT = pa.timestamp("us", tz="UTC")
FEEDS = pa.schema(
    {
        "feed": pa.string(),
        "table_name": pa.string(),
        "arrived_at": _AT,
        "lake_at": _AT,
        "silent_h": pa.int64(),
    }
)
_COUNTS = ("messages_in", "kept", "quarantined", "repeated", "late")
BATCHES = pa.schema(
    {
        "table_name": pa.string(),
        "arrived_at": _AT,
        "is_last_day": pa.bool_(),
        **dict.fromkeys(_COUNTS, pa.int64()),
    }
)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
# An hour with less than this share of the objects of a usual one is not one in which the lake was at
# work: what comes days late does not move its clock.
_BUSY = 0.1

Known = dict[str, tuple[datetime | None, Counter[datetime]]]


class Figures:
    """The ledger as it is now, seen from one run of the gate."""

    def __init__(self, ledger: Ledger, known: Known) -> None:
        """Take the ledger, and where to keep what the names of landed objects were read for."""
        self._known = known
        self._known_at: dict[tuple[str, int], datetime | None] = {}
        self._ingested = [one for one in ledger.of("ingest") if one.version_after is not None]
        self._ingested.sort(key=lambda one: one.version_after or 0)
        self._versions = [one.version_after or 0 for one in self._ingested]
        self._newest: list[datetime | None] = []  # arrival up to and with each of them
        for batch in self._ingested:
            arrived = [self._newest_of(batch), *self._newest[-1:]]
            self._newest.append(max(filter(None, arrived), default=None))
        self._refined: dict[str, list[Batch]] = {}
        for batch in ledger.of("refine"):
            self._refined.setdefault(batch.table_name, []).append(batch)

    def batches(self, table: Table, after: int, until: int) -> list[Batch]:
        """The batches that made a silver table's versions after one and up to another."""
        return [
            one
            for one in self._refined.get(table.name, [])
            if one.version_after is not None and after < one.version_after <= until
        ]

    def sums(self, batches: Iterable[Batch]) -> dict[str, int]:
        """Their messages, added up: what a rule file asks for as {"$PARAMETER": "kept"}."""
        done = list(batches)
        return {name: sum(getattr(one, name) for one in done) for name in _COUNTS}

    def arrived_at(self, table: Table, version: int) -> datetime | None:
        """The newest arrival that a version of a silver table can know of; of gold, that there is."""
        if not table.feed:
            return self.newest_arrival()
        if (table.name, version) not in self._known_at:
            made = [one.source_to for one in self.batches(table, -1, version)]
            newest = max((to for to in made if to is not None), default=-1)
            self._known_at[table.name, version] = self._arrived(newest)
        return self._known_at[table.name, version]

    def newest_arrival(self) -> datetime | None:
        """The newest arrival in the lake: the only clock that a rule may ask."""
        return self._newest[-1] if self._newest else None

    def feeds(self) -> list[dict[str, Any]]:
        """When each feed last had a message, and in how many hours since the lake was at work."""
        hours, found = self._busy_hours(), []
        for table in tables.SILVER:
            last = [
                at
                for one in self._ingested
                if one.feeds.get(table.feed or "") and (at := self._newest_of(one))
            ]
            if hours and last:
                silent = sum(hour > max(last) for hour in hours)
                row = {"feed": table.feed, "table_name": table.name, "arrived_at": max(last)}
                found.append(row | {"lake_at": hours[-1] + _HOUR, "silent_h": silent})
        return found

    def recent(self) -> list[dict[str, Any]]:
        """The batches of refine of the last days, by the arrival of their newest message."""
        found = []
        for name, batches in self._refined.items():
            told = [
                (at, one)
                for one in batches
                # (What is released from quarantine is no new message, but fewer that wait.)
                if (one.messages_in or one.quarantined) and (at := self._arrived(one.source_to))
            ]
            now = max((at for at, _ in told), default=None)
            for at, one in told:
                if now and at > now - SHOWN:
                    row = {"table_name": name, "arrived_at": at, "is_last_day": at > now - _DAY}
                    found.append(row | {count: getattr(one, count) for count in _COUNTS})
        return found

    def _busy_hours(self) -> list[datetime]:
        """The hours of the last days in which the lake was at work, in order."""
        now = self.newest_arrival()
        objects: Counter[datetime] = Counter()
        for batch in self._ingested:
            newest, hours = self._told(batch)
            if now and newest and newest > now - SHOWN:
                objects += hours
        if not objects:
            return []
        usual = statistics.median(objects.values())
        return sorted(hour for hour, count in objects.items() if count >= _BUSY * usual)

    def _arrived(self, bronze_version: int | None) -> datetime | None:
        if bronze_version is None:
            return None
        place = bisect.bisect_right(self._versions, bronze_version)
        return self._newest[place - 1] if place else None

    def _newest_of(self, batch: Batch) -> datetime | None:
        return self._told(batch)[0]

    def _told(self, batch: Batch) -> tuple[datetime | None, Counter[datetime]]:
        """The newest arrival of a batch of ingest, and its objects by the hour of their arrival."""
        if batch.batch_id not in self._known:
            arrived = [at for at in map(arrived_at, batch.objects) if at]
            hours = Counter(at.replace(minute=0, second=0, microsecond=0) for at in arrived)
            self._known[batch.batch_id] = max(arrived, default=None), hours
        return self._known[batch.batch_id]
