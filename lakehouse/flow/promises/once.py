"""Promises 2 and 8: twice is once, and any number of writers lose nothing."""

import re
from collections import Counter
from collections.abc import Iterator

from lakehouse import places, s3, tables
from lakehouse.flow.promises.evidence import Evidence, listed
from lakehouse.judging import POSITION

_SET_ASIDE = tuple(tables.by_name(name) for name in ("ops.quarantine", "ops.repeats"))
_COMMIT = re.compile(r"_delta_log/(\d{20})\.json$")


def repeated(evidence: Evidence) -> Iterator[str]:
    """Sentences about keys and messages that stand in a table twice."""
    for table in (*tables.JUDGED, *_SET_ASIDE):
        wanted = [("key", table.key)]
        if table.feed:  # a receipt has several rows, a line each
            line = ("line",) if "line" in table.key else ()
            wanted.append(("message", (*POSITION, *line)))
        for what, columns in wanted:
            names = ", ".join(columns)
            twice = evidence.ask(
                f"SELECT {names} FROM {table.name} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL"
            )
            if twice:
                rows = [" / ".join(map(str, row)) for row in twice]
                yield f"{table.name}: {len(rows)} {what}s stand there twice: {listed(rows)}"


def lost(evidence: Evidence) -> Iterator[str]:
    """Sentences about commits that are missing from a table's log or stand in it twice."""
    place = evidence.place
    for table in tables.TABLES:
        keys = s3.objects(
            place.lake.storage, places.bucket(place.settings, table), places.log(table)
        )
        there = [int(found[1]) for one in keys if (found := _COMMIT.search(one["Key"]))]
        gaps = sorted(set(range(min(there), max(there) + 1)) - set(there)) if there else []
        if gaps:
            yield f"{table.name}: the log lacks version {listed(gaps)}"
            continue
        noted = Counter(commit.note["batch"]["batch_id"] for commit in evidence.commits(table))
        for batch_id, times in noted.items():
            if times > 1:
                yield f"{table.name}: batch {batch_id} was committed {times} times"
