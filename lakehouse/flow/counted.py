"""What the row rules and the ledger count of some batches of a table, beside what the gate judges."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from lakehouse import tables
from lakehouse.flow.place import Place
from lakehouse.flow.suites import Gate
from lakehouse.ledger import Batch

_QUARANTINE = tables.by_name("ops.quarantine")


def rules(
    place: Place, gate: Gate, batches: Sequence[Batch]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each rule its id, and what is known of its row in ops.quality_results."""
    messages = sum(batch.messages_in for batch in batches)
    if not messages:
        return
    reasons = _reasons(place, gate.table_name, [one for one in batches if one.quarantined > 0])
    for rule in gate.rules.values():
        if rule.severity == "quarantine":
            yield rule.id, {"checked": messages, "unexpected": min(reasons[rule.id], messages)}
    kept, late = (sum(getattr(one, name) for one in batches) for name in ("kept", "late"))
    yield (
        "in_time",
        {
            "dimension": "timeliness",
            "sentence": "A message that is kept is not late.",
            "checked": max(kept, 0),
            "unexpected": min(max(late, 0), max(kept, 0)),
        },
    )
    yield (
        "said_once",
        {
            "dimension": "relevance",
            "sentence": "A message says what was not said before.",
            "checked": messages,
            "unexpected": min(max(sum(one.repeated for one in batches), 0), messages),
        },
    )


def _reasons(place: Place, table_name: str, batches: Sequence[Batch]) -> Counter[str]:
    """How many quarantined messages of some batches give each reason."""
    if not batches:
        return Counter()
    ids = ", ".join(f"'{one.batch_id}'" for one in batches)
    where = f"table_name = '{table_name}' AND batch_id IN ({ids})"
    rows = place.lake.read(_QUARANTINE, "reasons", where=where)
    return Counter(reason for reasons in rows["reasons"].to_pylist() for reason in reasons)
