"""Maintain: fewer and larger files, rows clustered as declared, and nothing kept for too long.

It runs beside the writers. What a file is still needed for is read from the ledger: a version that
a table was last refined or built from, one that `undo` would go back to, the declared time travel.
"""

import math
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse import places, s3, tables
from lakehouse.first_commit import TOMBSTONES_KEPT
from lakehouse.flow.place import PARTS, Place
from lakehouse.lake import CLOCKS
from lakehouse.tables import Table

STAGE = "maintain"
_EVENTS = tables.by_name("bronze.events")
_QUARANTINE = tables.by_name("ops.quarantine")
_CHECKPOINTS_KEPT = 3
# A batch under way, of whatever process, reads versions and has written files that no version names
# yet; none was seen to take a tenth of this.
LONGEST_BATCH = timedelta(hours=1)


@dataclass(frozen=True)
class Files:
    """The files of a table's newest version."""

    count: int
    size: int  # bytes


@dataclass(frozen=True)
class Report:
    """What was done to one table.

    kept_since  the instant from which on every version can still be read
    conflicts   writes of others that got in the way and were waited for
    """

    table_name: str
    before: Files
    after: Files
    vacuumed: int
    kept_since: datetime
    conflicts: int
    seconds: float


def table(place: Place, declared: Table) -> Report:
    """Compact and cluster one table, and delete the files and checkpoints that nobody needs."""
    began, store = time.monotonic(), place.store
    before, conflicts = files(place, declared), store.conflicts[declared.name]
    if before.count > ideal(place, before):
        store.optimize(declared, place.settings.maintain.file_bytes)
    since = kept_since(place, declared)
    kept = datetime.now(UTC) - since
    # Of what was taken out before that, no snapshot says any more that it is still needed.
    vacuumed = store.vacuum(declared, kept) if kept < TOMBSTONES_KEPT else 0
    _drop_checkpoints(place, declared)
    return Report(
        declared.name,
        before,
        files(place, declared),
        vacuumed,
        since,
        store.conflicts[declared.name] - conflicts,
        time.monotonic() - began,
    )


def files(place: Place, declared: Table) -> Files:
    """The files of the newest version."""
    actions = pa.table(place.lake.open(declared).get_add_actions())
    return Files(actions.num_rows, int(pc.sum(actions["size_bytes"]).as_py() or 0))


def ideal(place: Place, found: Files) -> int:
    """How many files of the size aimed at would hold as many bytes; a table has one at least."""
    return max(1, math.ceil(found.size / place.settings.maintain.file_bytes))


def kept_since(place: Place, declared: Table) -> datetime:
    """The instant from which on the table's versions must stay readable."""
    travel = timedelta(hours=place.settings.maintain.time_travel_hours)
    since = datetime.now(UTC) - max(travel, LONGEST_BATCH)
    oldest = oldest_needed(place, declared)
    if oldest is None or oldest >= place.lake.version(declared):
        return since
    return min(since, place.lake.committed_at(declared, oldest) - CLOCKS)


def oldest_needed(place: Place, declared: Table) -> int | None:
    """The oldest version that a stage may still ask for; None where the newest will do."""
    ledger = place.ledger
    needed: list[int] = []
    if declared is _EVENTS and any(not ledger.of("refine", one.name) for one in tables.SILVER):
        needed.append(0)
    for stage, readers in (("refine", tables.SILVER), ("build", tables.BUILT)):
        for reader in readers:
            done = ledger.of(stage, reader.name)[-2:]  # after an undo the last but one is the last
            needed += [one.upstream[declared.name] for one in done if declared.name in one.upstream]
            if declared is _EVENTS and stage == "refine":
                needed += [one.source_to for one in done if one.source_to is not None]
    mine = [one for stage in ("ingest", "refine") for one in ledger.of(stage, declared.name)]
    needed += [one.version_before for one in mine[-1:] if one.version_before is not None]
    if declared in PARTS:
        needed += _of_parts(place, declared)
    return min(needed, default=None)


def _of_parts(place: Place, parts: Table) -> list[int]:
    """The versions of quarantine or repeats that were before what may yet be taken out of them: what
    the newest batch of a table put in, by an undo; what a batch put in that was cut off.
    """
    ledger, commits = place.ledger, place.lake.commits(parts)
    done = [
        ledger.of(stage, one.name)
        for stage, of in (("ingest", (_EVENTS,)), ("refine", tables.SILVER))
        for one in of
    ]
    newest = {batches[-1].batch_id for batches in done if batches}
    counts = {batch_id for batch_id, _ in ledger.counts()}
    is_over = counts | {one.note.get("undoes_part_of") for one in commits}
    by_batch = [(one.version - 1, one.note.get("part_of")) for one in commits]
    return [
        before for before, batch in by_batch if batch and (batch in newest or batch not in is_over)
    ]


def expire_landing(place: Place) -> int:
    """Delete what landed longer ago than the landing zone keeps it and is ingested; how many."""
    before = datetime.now(UTC) - timedelta(days=place.settings.maintain.landing_days)
    storage, bucket = place.zone.storage(), place.zone.bucket
    batches = place.ledger.of("ingest")
    # The objects of the newest batch may be asked for once more, by a stream that is started again.
    done = [batch for batch in batches if batch.objects][:-1]
    ingested = {name for batch in done for name in batch.objects}
    gone = [
        one["Key"]
        for one in s3.objects(storage, bucket)
        if one["Key"] in ingested and one["LastModified"] < before
    ]
    s3.delete(storage, bucket, gone)
    return len(gone)


def expire_quarantine(place: Place) -> None:
    """Take the payloads out of quarantined rows that have waited for too long; the rows stay, as
    every message is accounted for.
    """
    assert _QUARANTINE.retention is not None
    before = datetime.now(UTC) - _QUARANTINE.retention
    condition = (
        f"arrived_at < timestamp'{before:%Y-%m-%d %H:%M:%S}' AND "
        "(payload IS NOT NULL OR is_releasable)"
    )
    place.store.update(
        _QUARANTINE,
        condition,
        {"payload": "NULL", "subject": "NULL", "is_releasable": "false"},
        {"expired_before": f"{before:%Y-%m-%dT%H:%M:%SZ}"},
    )


def _drop_checkpoints(place: Place, declared: Table) -> None:
    """Delete the checkpoints of a log but for the newest ones, those that a batch under way may read,
    and the last of each day: the commits, which are kept, say the same.
    """
    bucket, log = places.bucket(place.settings, declared), places.log(declared)
    storage = place.zone.storage()
    parts: dict[str, list[str]] = {}
    last_of: dict[date, str] = {}
    young: set[str] = set()  # a frame under way may stand on one
    for one in s3.objects(storage, bucket, log):  # in the order of versions
        version = one["Key"].removeprefix(log)[:20]
        if ".checkpoint" in one["Key"] and version.isdigit():
            parts.setdefault(version, []).append(one["Key"])
            last_of[one["LastModified"].date()] = version
            if one["LastModified"] > datetime.now(UTC) - LONGEST_BATCH:
                young.add(version)
    kept = {*sorted(parts)[-_CHECKPOINTS_KEPT:], *last_of.values(), *young}
    gone = [key for version, keys in parts.items() if version not in kept for key in keys]
    s3.delete(storage, bucket, gone)
