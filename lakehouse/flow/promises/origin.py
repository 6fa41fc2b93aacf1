"""Promise 7, known origin: every row leads to a batch that says what made it."""

from collections.abc import Iterator

from lakehouse import tables
from lakehouse.flow.promises.evidence import Evidence
from lakehouse.ledger import Batch
from lakehouse.tables import Table


def unknown(evidence: Evidence) -> Iterator[str]:
    """Sentences about rows whose batch is not in the ledger, and batches that do not say enough."""
    for table in tables.WRITTEN:
        if "batch_id" not in table.column_names:
            continue
        known = {batch.batch_id: batch for batch in evidence.of(table)}
        there = evidence.ask(
            f"SELECT batch_id, count(*) FROM {table.name} GROUP BY ALL ORDER BY ALL"
        )
        for batch_id, rows in there:
            batch = known.get(batch_id)
            if batch is None:
                yield f"{table.name}: {rows} rows are of batch {batch_id}, which is in no ledger"
            elif silent := _silent_about(batch, table):
                yield f"batch {batch_id} of {table.name} does not say its {', '.join(silent)}"


def _silent_about(batch: Batch, table: Table) -> list[str]:
    """What the batch of a row ought to say and does not."""
    silent = [] if batch.code_version else ["code version"]
    if table.feed and not batch.rules_version:
        silent.append("rules version")
    if table.feed and batch.source_to is None:
        silent.append("bronze version")
    read = table.upstream[1:] if table.feed else table.upstream
    silent.extend(f"version of {name}" for name in read if name not in batch.upstream)
    return silent
