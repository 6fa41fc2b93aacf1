"""What the checks share: the tables through DuckDB, the ledger's rows, and what landed."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import duckdb

from lakehouse.flow.place import Place
from lakehouse.flow.promises import landed
from lakehouse.lake import Commit
from lakehouse.ledger import Batch
from lakehouse.tables import Table

_SHOWN = 3


class Evidence:
    """The data at hand, looked at once."""

    def __init__(self, place: Place) -> None:
        """Take the open lakehouse; nothing is read before a check asks for it."""
        self.place = place
        self._commits: dict[str, list[Commit]] = {}

    @cached_property
    def sql(self) -> duckdb.DuckDBPyConnection:
        """DuckDB with every table under its own name."""
        return self.place.lake.sql()

    @cached_property
    def landed(self) -> list[landed.Landed]:
        """The objects of the landing zone."""
        return landed.read(self.place)

    @cached_property
    def recorded(self) -> list[Batch]:
        """The rows of ops.batches, oldest first."""
        rows = self.sql.execute(
            "SELECT * FROM (SELECT DISTINCT ON (batch_id, table_name, undoes) * FROM ops.batches) "
            "ORDER BY started_at"
        )
        names = [column[0] for column in rows.description or ()]
        return [Batch(**dict(zip(names, row, strict=True))) for row in rows.fetchall()]

    @cached_property
    def batches(self) -> list[Batch]:
        """The batches that count: those taken back are left out."""
        undone = {batch.undoes for batch in self.recorded if batch.undoes}
        return [one for one in self.recorded if not one.undoes and one.batch_id not in undone]

    def ask(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.sql.execute(query, given).fetchall()

    def at(self, table: Table, version: int) -> str:
        """The table at a version, as SQL."""
        return f"delta_scan('{self.place.lake.uri(table)}', version := {version})"

    def commits(self, table: Table) -> list[Commit]:
        """The table's commits that a batch made, oldest first."""
        if table.name not in self._commits:
            ours = self.place.lake.commits(table)
            self._commits[table.name] = [commit for commit in ours if "batch" in commit.note]
        return self._commits[table.name]

    def of(self, table: Table) -> list[Batch]:
        """The batches of one table, oldest first."""
        return [batch for batch in self.batches if batch.table_name == table.name]

    def progress(self, table: Table) -> int:
        """The bronze version that a silver table has reached; -1 before the first."""
        reached = (batch.source_to for batch in self.of(table))
        return max((version for version in reached if version is not None), default=-1)


def listed(found: Sequence[object]) -> str:
    """The first few by name, and how many more there are."""
    more = len(found) - _SHOWN
    shown = ", ".join(str(one) for one in found[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
