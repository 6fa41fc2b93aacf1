"""What the rule file of a table says beside its compiled row rules: what the gate judges, and the
dimension of every rule.
"""

# ruff: noqa: PLC0415  Spark is loaded by what reads a rule file, not by what may come to it.

import functools
import json
from dataclasses import dataclass
from typing import Any

from lakehouse.errors import BadRule
from lakehouse.tables import Table

DIMENSIONS = (
    "accuracy",
    "completeness",
    "consistency",
    "timeliness",
    "relevance",
    "integrity",
    "volume",
)

ALERTS = ("quarantine_share", "silent_feed")

# Where a rule does not say it itself, in `dimension` of its meta.
_BY_TYPE = {
    "expect_column_values_to_not_be_null": "completeness",
    "expect_column_pair_values_a_to_be_greater_than_b": "consistency",
    "expect_column_pair_values_to_be_equal": "consistency",
    "expect_compound_columns_to_be_unique": "integrity",
    "expect_column_values_to_be_unique": "integrity",
    "unexpected_rows_expectation": "integrity",
    "expect_table_row_count_to_be_between": "volume",
    "expect_table_row_count_to_equal": "volume",
}


@dataclass(frozen=True)
class Described:
    """One rule of a file, whatever judges it.

    owner  who is asked about it
    alert  the kind of alert that is told where it does not hold, though it is no `fail`
    """

    id: str
    severity: str
    sentence: str
    dimension: str
    owner: str | None = None
    alert: str | None = None


@dataclass(frozen=True)
class Gate:
    """What the gate judges of one table.

    raw    expectations as the file has them, of severity fail and warn
    rules  every rule of the file by its id, the row rules too
    """

    table_name: str
    version: str
    raw: tuple[dict[str, Any], ...]
    rules: dict[str, Described]

    def needs(self, word: str) -> bool:
        """Whether a query of the gate's names a view."""
        return any(word in json.dumps(one) for one in self.raw)

    @property
    def of_ledger(self) -> tuple[dict[str, Any], ...]:
        """Those that do not look at the table's rows: they can change while it does not."""
        return tuple(
            one
            for one in self.raw
            if one["type"] == "expect_query_value_to_be_between"
            and "{batch}" not in one["kwargs"]["query"]
        )


@functools.cache
def of(table: Table) -> Gate:
    """The gate of a table; an empty one where it has no rule file of its own.

    Raises BadRule as rules.load does, and for an unknown dimension.
    """
    from lakehouse import rules

    suite = rules.load(table.name)
    path = rules.file_of(table.name, rules.FOLDER)
    content = json.loads(path.read_bytes())["expectations"] if path.exists() else []
    described = {one["meta"]["id"]: _described(path.name, one) for one in content}
    return Gate(table.name, suite.version, suite.gate, described)


def _described(file: str, expectation: dict[str, Any]) -> Described:
    meta = expectation["meta"]
    dimension = meta.get("dimension") or _BY_TYPE.get(expectation["type"], "accuracy")
    if dimension not in DIMENSIONS:
        raise BadRule(
            f"{file}: {meta['id']} is of dimension '{dimension}'; there are {', '.join(DIMENSIONS)}"
        )
    if (alert := meta.get("alert")) not in (None, *ALERTS):
        raise BadRule(f"{file}: {meta['id']} has alert '{alert}'; there are {', '.join(ALERTS)}")
    said = meta["id"], meta["severity"], meta["sentence"], dimension, meta.get("owner"), alert
    return Described(*said)
