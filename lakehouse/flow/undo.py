"""Undo: take one batch back out of the tables, so that the next run of its stage does it again.

Only the newest batch of a table can be taken back: what came after it stands on it. The ledger
keeps the batch and gets a row that undoes it, by the commit that restores the table. What the batch
set aside is taken out afterwards, as what any batch that does not count has left.
"""

from dataclasses import replace

from lakehouse import ledger, s3, tables
from lakehouse.errors import BatchFailed, UnknownName
from lakehouse.flow import audited, refine
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch

_EVENTS = tables.by_name("bronze.events")


def batch(place: Place, batch_id: str, reason: str | None = None) -> list[Batch]:
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
    place.recover(wanted[0].stage)  # what they set aside is of no batch that counts
    audited.note(place, "undo", None, reason, batches=wanted)
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
    """Put the table back to before the batch; the commit that does so carries the ledger's row."""
    began = ledger.started(one.stage, one.table_name, f"undo-{one.batch_id}", undoes=one.batch_id)
    undone = replace(began, source_from=one.source_from, version_before=one.version_after)
    if one.version_after is not None and one.version_before is not None:
        table = tables.by_name(one.table_name)
        place.store.restore(table, one.version_before, ledger.timed(undone).note())
        undone = place.ledger.committed(undone)
    place.ledger.record([ledger.timed(undone)])
