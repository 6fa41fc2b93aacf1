"""ops.batches, the ledger: what each batch read and wrote, folded from the commits themselves.

The row of a batch travels with the commit that makes the batch count (bronze.events, silver.*,
gold.*). It is copied to ops.batches afterwards; where that copy is missing, because a process
ended in between, `fold` makes it from the commit.
"""

import functools
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

import lakehouse
from lakehouse import tables
from lakehouse.errors import BatchFailed, LedgerMismatch
from lakehouse.lake import Lake
from lakehouse.settings import PROJECT
from lakehouse.tables import Table

_BATCHES = tables.by_name("ops.batches")
_READERS = 8  # logs read at once: each waits for the storage most of its time


@dataclass(frozen=True)
class Batch:
    """One row of ops.batches; the columns are explained there."""

    batch_id: str
    stage: str
    table_name: str
    source_from: int | None = None
    source_to: int | None = None
    objects: list[str] = field(default_factory=list)
    upstream: dict[str, int] = field(default_factory=dict)
    messages_in: int = 0
    kept: int = 0
    quarantined: int = 0
    repeated: int = 0
    late: int = 0
    feeds: dict[str, int] = field(default_factory=dict)
    version_before: int | None = None
    version_after: int | None = None
    code_version: str = ""
    rules_version: str | None = None
    started_at: str = ""
    duration_ms: int | None = None
    undoes: str | None = None

    def check(self) -> "Batch":
        """The batch itself; LedgerMismatch where its messages do not add up."""
        accounted = self.kept + self.quarantined + self.repeated
        if self.stage in ("ingest", "refine") and accounted != self.messages_in:
            raise LedgerMismatch(
                f"batch {self.batch_id} of {self.table_name}: {self.messages_in} messages in, but "
                f"{self.kept} kept + {self.quarantined} quarantined + {self.repeated} repeated = "
                f"{accounted}; nothing of it was committed"
            )
        return self

    def note(self) -> dict[str, Any]:
        """What travels with the commit."""
        return {"batch": asdict(self)}


def started(stage: str, table_name: str, batch_id: str, **known: Any) -> Batch:
    """A batch that begins now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Batch(batch_id, stage, table_name, code_version=code_version(), started_at=now, **known)


def timed(batch: Batch) -> Batch:
    """The batch with the time that it took until now."""
    began = datetime.fromisoformat(batch.started_at)
    return replace(batch, duration_ms=round((datetime.now(UTC) - began).total_seconds() * 1000))


_ByTable = dict[tuple[str, str | None], list[Batch]]
_Sorted = tuple[list[Batch], int, _ByTable]


class Ledger:
    """The batches of one lakehouse; read it once, then it keeps itself up with what it records."""

    def __init__(self, lake: Lake, *, is_reader: bool = False) -> None:
        """Read ops.batches and add what only the commits know; a reader does not record that."""
        self.lake = lake
        self.told: Callable[[Batch], object] | None = None  # hears of each batch recorded
        self._writing = threading.RLock()  # the stages of one process share a ledger
        self._sorted: _Sorted = ([], -1, defaultdict(list))  # each look at it is for one table
        self.batches: list[Batch] = _read(lake)
        if is_reader:
            self.batches += self._missing()
        else:
            self.fold()

    def of(self, stage: str, table_name: str | None = None) -> list[Batch]:
        """The batches of a stage, of one table or of all; those taken back are left out."""
        batches, count, found = self._sorted
        if batches is not self.batches or count != len(self.batches):
            self._sorted = self.batches, len(self.batches), _live(self.batches)
            found = self._sorted[2]
        return list(found[stage, table_name])

    def counts(self) -> set[tuple[str, str]]:
        """Id and table of every batch that was not taken back."""
        undone = {(one.undoes, one.table_name) for one in self.batches if one.undoes}
        return {(one.batch_id, one.table_name) for one in self.batches} - undone

    def undone(self, table_name: str | None = None) -> list[str]:
        """The batches that were taken back, of one table or of all."""
        return [
            batch.undoes
            for batch in self.batches
            if batch.undoes and table_name in (None, batch.table_name)
        ]

    def record(self, batches: Iterable[Batch]) -> None:
        """Append batches to ops.batches, each with the version that its commit made.

        One that is there already is left out: another stage may have found its commit first.
        """
        with self._writing:
            known = {_key(batch) for batch in self.batches}
            new = [batch for batch in batches if _key(batch) not in known]
            if new:
                self.lake.append(_BATCHES, _rows(new))
                self.batches.extend(new)
        if self.told:
            for batch in new:
                self.told(batch)

    def committed(self, batch: Batch) -> Batch:
        """The batch with the table version that its commit made."""
        table = tables.by_name(batch.table_name)
        before = batch.version_before if batch.version_before is not None else -1
        for commit in self.lake.commits(table, after=before):
            if commit.note.get("batch", {}).get("batch_id") == batch.batch_id:
                return replace(batch, version_after=commit.version)
        return batch

    def taken(self, batch: Batch) -> Batch:
        """The same of a write that the table takes once; BatchFailed where it took another's."""
        done = self.committed(batch)
        if done.version_after is None:
            raise BatchFailed(
                f"{batch.batch_id} of {batch.table_name}: another process was first; nothing of it "
                "was written"
            )
        return done

    def fold(self) -> list[Batch]:
        """Record every batch that a table's commits know and ops.batches does not; give those."""
        with self._writing:
            missing = self._missing()
            if missing:  # it may be another process that has recorded them by now
                self.batches = _read(self.lake)
                self.record(missing)
        return missing

    def _missing(self) -> list[Batch]:
        known = {(batch.batch_id, batch.table_name) for batch in self.batches}
        with ThreadPoolExecutor(_READERS) as readers:
            found = [
                batch for batches in readers.map(self._new, tables.WRITTEN) for batch in batches
            ]
        return [batch for batch in found if (batch.batch_id, batch.table_name) not in known]

    def _new(self, table: Table) -> list[Batch]:
        """The batches that the commits know after the newest one known of the table."""
        newest = max(
            (batch.version_after or -1 for batch in self.batches_of(table.name)), default=-1
        )
        return [
            replace(Batch(**content), version_after=commit.version)
            for commit in self.lake.commits(table, after=newest)
            if (content := commit.note.get("batch"))
        ]

    def batches_of(self, table_name: str) -> list[Batch]:
        """All rows about one table, those taken back too."""
        return [batch for batch in self.batches if batch.table_name == table_name]

    def waiting(self) -> dict[str, int]:
        """Messages in bronze by feed that no silver table is declared for."""
        counts: dict[str, int] = {}
        for batch in self.of("ingest"):
            for feed, count in batch.feeds.items():
                if not tables.fed_by(feed):
                    counts[feed] = counts.get(feed, 0) + count
        return counts

    def ingested(self) -> set[str]:
        """The landing objects that are in bronze or quarantine."""
        return {name for batch in self.of("ingest") for name in batch.objects}


def _live(batches: list[Batch]) -> _ByTable:
    """The batches that count, by stage and by stage and table."""
    live: dict[tuple[str, str], Batch] = {}
    for batch in batches:
        if batch.undoes:
            live.pop((batch.undoes, batch.table_name), None)
        else:
            live[batch.batch_id, batch.table_name] = batch
    found: _ByTable = defaultdict(list)
    for batch in live.values():
        found[batch.stage, None].append(batch)
        found[batch.stage, batch.table_name].append(batch)
    return found


@functools.cache
def code_version() -> str:
    """The package's version and, in a checkout, its commit."""
    try:
        commit = subprocess.run(
            ["git", "-C", str(PROJECT), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return lakehouse.__version__
    return f"{lakehouse.__version__}+{commit}"


_ARROW = pa.schema(
    [
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("source_from", pa.int64()),
        pa.field("source_to", pa.int64()),
        pa.field("objects", pa.list_(pa.string())),
        pa.field("upstream", pa.map_(pa.string(), pa.int64())),
        pa.field("messages_in", pa.int64()),
        pa.field("kept", pa.int64()),
        pa.field("quarantined", pa.int64()),
        pa.field("repeated", pa.int64()),
        pa.field("late", pa.int64()),
        pa.field("feeds", pa.map_(pa.string(), pa.int64())),
        pa.field("version_before", pa.int64()),
        pa.field("version_after", pa.int64()),
        pa.field("code_version", pa.string()),
        pa.field("rules_version", pa.string()),
        pa.field("started_at", pa.timestamp("us", tz="UTC")),
        pa.field("duration_ms", pa.int64()),
        pa.field("undoes", pa.string()),
    ]
)
_MAPS = ("upstream", "feeds")


def _key(batch: Batch) -> tuple[str, str, str | None]:
    return batch.batch_id, batch.table_name, batch.undoes


def _rows(batches: list[Batch]) -> pa.Table:
    rows = []
    for batch in batches:
        row = asdict(batch)
        row["started_at"] = datetime.fromisoformat(batch.started_at)
        row |= {name: list(row[name].items()) for name in _MAPS}
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=_ARROW)


def _read(lake: Lake) -> list[Batch]:
    if not lake.exists(_BATCHES):
        return []
    found = {}
    for row in lake.read(_BATCHES).to_pylist():
        row |= {name: dict(row[name] or []) for name in _MAPS}
        row["objects"] = row["objects"] or []
        row["started_at"] = row["started_at"].isoformat(timespec="milliseconds")
        batch = Batch(**row)
        found[_key(batch)] = batch
    return sorted(found.values(), key=lambda batch: batch.started_at)
