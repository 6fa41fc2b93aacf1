"""Questions in SQL for people: DuckDB over the tables, which can read them and nothing else.

A view is made when its table is first named, as each reads a log. The connection reaches the buckets of
the tables alone, no file and no other place, and its configuration is locked; on the project's own server
its keys could not write either.
"""

import difflib
import functools
import re
from datetime import datetime

import duckdb
import pyarrow as pa

from lakehouse import keys, tables
from lakehouse.errors import BadQuery
from lakehouse.lake import Lake
from lakehouse.tables import Table

_LAYERS = ("bronze", "silver", "gold", "ops")
_NAMED = re.compile(r'\b"?(bronze|silver|gold|ops)"?\s*\.\s*"?(\w+)"?', re.IGNORECASE)
_DECLARED = {table.name: table for table in tables.TABLES}
_READS = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN])


class Session:
    """A connection for questions, one after the other.

    as_of  a version, or an instant: every table as it was then; None is now
    """

    def __init__(
        self, lake: Lake, as_of: int | datetime | None = None, memory: str = "2GB"
    ) -> None:
        """Connect and shut the connection in."""
        self.lake = lake
        self.as_of = as_of
        self._made: set[str] = set()
        self._connection = lake.duckdb("httpfs", "delta", credentials=keys.viewer(lake.settings))
        for layer in _LAYERS:
            self._connection.execute(f"CREATE SCHEMA {layer}")
        buckets = lake.settings.buckets
        reach = ", ".join(f"'s3://{one}/'" for one in (buckets.lake, buckets.gold, buckets.ops))
        for setting in (
            f"memory_limit = '{memory}'",
            f"allowed_directories = [{reach}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")

    @functools.cached_property
    def there(self) -> list[str]:
        """The names of the tables that were created, in declared order."""
        return [table.name for table in self.lake.existing()]

    def ask(self, query: str) -> pa.Table:
        """The answer to one SELECT.

        Raises BadQuery with what is wrong in one line: another statement, an unknown name (with the
        nearest right ones), broken SQL, something that is out of reach.
        """
        try:
            statements = self._connection.extract_statements(query)
            if [one.type for one in statements] not in _READS:
                raise BadQuery("one SELECT at a time; `lakehouse sql` changes nothing")
            for layer, name in _NAMED.findall(query):
                self._view(f"{layer}.{name}".lower())
            return self._connection.execute(statements[0]).to_arrow_table()
        except duckdb.CatalogException as fault:
            raise BadQuery(self._unknown(str(fault))) from None
        except duckdb.PermissionException:
            raise BadQuery(
                "files and other places are out of reach; ask the tables by their names"
            ) from None
        except duckdb.Error as fault:
            raise BadQuery(_first_line(str(fault))) from None

    def interrupt(self) -> None:
        """Give up the question under way."""
        self._connection.interrupt()

    def _view(self, name: str) -> None:
        table = _DECLARED.get(name)
        if table is None or name in self._made or not self.lake.exists(table):
            return
        version = self._version(table)
        given = "" if version is None else f", version = {version}"
        uri = self.lake.uri(table)
        self._connection.execute(f"CREATE VIEW {name} AS SELECT * FROM delta_scan('{uri}'{given})")
        self._made.add(name)

    def _version(self, table: Table) -> int | None:
        if isinstance(self.as_of, int):
            newest = self.lake.version(table)
            if self.as_of > newest:
                raise BadQuery(f"{table.name} has versions 0 to {newest}, not {self.as_of}")
            return self.as_of
        return None if self.as_of is None else self.lake.version_at(table, self.as_of)

    def _unknown(self, said: str) -> str:
        """The sentence for a table that is not there, with those nearest to it."""
        missing = re.search(r"Table with name (\S+) does not exist", said)
        if missing is None:
            return _first_line(said)
        by_short = {name.split(".")[1]: name for name in self.there}
        near = difflib.get_close_matches(missing[1].split(".")[-1], by_short, n=3)
        if not by_short:
            return f"no table called '{missing[1]}'; there are none yet, `lakehouse run` makes them"
        named = [by_short[short] for short in near] or sorted(self.there)
        return f"no table called '{missing[1]}'; there {'is' if near else 'are'} {', '.join(named)}"


def when(text: str) -> int | datetime:
    """What `--as-of` means: a version, or an instant in UTC.

    Raises BadQuery for anything else.
    """
    if text.isdigit():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery(
            f"--as-of {text!r}: a version, or an instant such as 2026-03-01T12:00:00Z"
        ) from None
    return found if found.tzinfo else datetime.fromisoformat(f"{found.isoformat()}+00:00")


def names() -> list[str]:
    """Every declared name, for completion: tables and their columns."""
    found = {table.name for table in tables.TABLES}
    found |= {name for table in tables.TABLES for name in table.column_names}
    return sorted(found)


def _first_line(said: str) -> str:
    return " ".join(said.partition("\n\nLINE ")[0].split())
