"""Undo: take one batch back out of the tables, so that the next run of its stage does it again.

Only the newest batch of a table can be taken back: what came after it stands on it. The ledger
keeps the batch and gets a row that undoes it.
"""

from dataclasses import replace

from pyspark.sql import functions as F

from lakehouse import ledger, s3, tables
from lakehouse.errors import BatchFailed, UnknownName
from lakehouse.flow import refine
from lakehouse.flow.place import PARTS, Place
from lakehouse.ledger import Batch

_EVENTS = tables.by_name("bronze.events")


def batch(place: Place, batch_id: str) -> list[Batch]:
    """Take back a batch of ingest or refine, on every table that it wrote; give what was undone.

    Raises UnknownName where the ledger has no such batch, BatchFailed where a later batch stands
    on it; the message says which to undo first.
    """
    place.ledger.fold()
    done = [one for stage in ("ingest", "refine") for one in place.ledger.of(stage)]
    wanted = [one for one in done if one.batch_id == batch_id]
    if not wanted:
        raise UnknownName("batch", batch_id, [one.batch_id for one in done][-5:])
    for one in wanted:
        _refuse_unless_newest(place, one)
    for one in wanted:
        _take_back(place, one)
        undone = ledger.started(one.stage, one.table_name, f"undo-{batch_id}", undoes=batch_id)
        place.ledger.record([replace(ledger.timed(undone), source_from=one.source_from)])
    return wanted


def _refuse_unless_newest(place: Place, one: Batch) -> None:
    newest = place.ledger.of(one.stage, one.table_name)[-1]
    if newest.batch_id != one.batch_id:
        raise BatchFailed(
            f"{one.batch_id} is not the newest batch of {one.table_name}; "
            f"undo {newest.batch_id} first"
        )
    if one.stage == "ingest":
        landed = {found["Key"] for found in s3.objects(place.zone.storage(), place.zone.bucket)}
        if gone := sorted(set(one.objects) - landed):
            raise BatchFailed(
                f"{len(gone)} objects of {one.batch_id} are no longer in the landing zone, such as "
                f"{gone[0]}; it cannot be done again"
            )
        for table in tables.SILVER:
            if refine.progress(place, table) >= (one.version_after or 0):
                last = place.ledger.of("refine", table.name)[-1]
                raise BatchFailed(
                    f"{table.name} was refined from {one.batch_id}; undo {last.batch_id} first"
                )


def _take_back(place: Place, one: Batch) -> None:
    """Put the table, and its part of quarantine and repeats, back to before the batch."""
    noted = {"undoes": one.batch_id}
    table = tables.by_name(one.table_name)
    if one.version_after is not None and one.version_before is not None:
        place.store.restore(table, one.version_before, noted)
    for parts in PARTS:
        # Newest first: two loops of a stream may have written parts of one id, for other tables.
        for commit in reversed(place.lake.commits(parts)):
            if commit.note.get("part_of") == one.batch_id:
                before = place.store.read(parts, commit.version - 1)
                before = before.where(F.col("table_name") == one.table_name)
                place.store.replace(parts, before, f"table_name = '{one.table_name}'", noted)
