"""ops.audit: a row for each thing that a person did to messages or tables by hand."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from lakehouse import ledger, tables
from lakehouse.flow import declared, refine
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch

_AUDIT = tables.by_name("ops.audit")


def note(
    place: Place,
    action: str,
    table_name: str | None,
    reason: str | None,
    *,
    correction_id: str | None = None,
    batches: Sequence[Batch] = (),
) -> None:
    """Note what was done, and what came of it.

    Takes   batches  those it led to, or took back: their messages count as gone then
    """
    sign = -1 if action == "undo" else 1
    # What is new in bronze is no one's doing.
    mine = [one for one in batches if one.stage == refine.STAGE]
    mine = [one for one in mine if action == "undo" or not one.messages_in]
    counts = {
        name: sign * sum(getattr(batch, name) for batch in mine)
        for name in ("kept", "quarantined", "repeated")
    }
    row = {
        "audit_id": secrets.token_hex(8),
        "done_at": datetime.now(UTC),
        "done_by": declared.who(),
        "action": action,
        "table_name": table_name,
        "correction_id": correction_id,
        "reason": reason,
        "batch_ids": sorted({batch.batch_id for batch in batches}),
        "code_version": ledger.code_version(),
        **counts,
    }
    place.lake.add(_AUDIT, [row])
