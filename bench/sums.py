"""Whether the ledger accounts for every message that came in."""

from collections import Counter

from lakehouse import tables
from lakehouse.ledger import Ledger


def missing(ledger: Ledger) -> dict[str, int]:
    """By silver table, the messages of its feed in bronze that refine has not accounted for: those
    in bronze less those that went in, where they differ.
    """
    feeds: Counter[str] = Counter()
    for batch in ledger.of("ingest"):
        feeds.update(batch.feeds)
    counts = {}
    for table in tables.SILVER:
        refined = sum(batch.messages_in for batch in ledger.of("refine", table.name))
        counts[table.name] = feeds[table.feed or ""] - refined
    return {name: count for name, count in counts.items() if count}
