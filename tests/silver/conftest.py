"""Messages as bronze holds them, and rows as a silver function gives them."""

import json
from datetime import UTC, datetime

import pytest

from lakehouse import tables
from lakehouse.feeds import FEEDS

ARRIVED = datetime(2026, 3, 1, 10, 0, 7, tzinfo=UTC)
FROM = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def events(frame):
    """Make bronze.events of a feed; a payload may be a dict. Message n is e<n>, line <n>."""

    def of(feed, *messages):
        assert feed in {known.name for known in FEEDS}
        return frame("bronze.events", *map(row, [feed] * len(messages), messages, range(1, 99)))

    def row(feed, message, number):
        own = {
            "event_id": f"e{number}",
            "feed": feed,
            "source_object": "object",
            "source_line": number,
            "arrived_at": ARRIVED,
        }
        payload = message["payload"]
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return {**own, **message, "payload": text}

    return of


@pytest.fixture(scope="session")
def silver(spark):
    """Make the frame that a silver function is expected to give, out of whole rows."""

    def of(table, *rows, extra=""):
        declared = tables.by_name(table)
        later = {"batch_id", "corrected_by", *(["valid_to"] if declared.is_history else [])}
        source = ("arrived_at", "source_object", "source_line")
        columns = [one for one in declared.columns if one.name not in {*later, *source}]
        columns += [one for name in source for one in declared.columns if one.name == name]
        ddl = ", ".join(f"{column.name} {column.type}" for column in columns)
        return spark.createDataFrame(rows, f"{ddl}, {extra}" if extra else ddl)

    return of
