"""Who has won so far, for few messages: DuckDB reads silver's files for them, beside Spark.

A question about some thousand messages costs Spark more in planning it and in opening files than
in reading (docs/decisions/batches.md). The files of a table never change, so what was read of them
stays in memory for the next question.
"""

import functools
import threading
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from lakehouse.lake import Lake
from lakehouse.tables import Table

_MEMORY = "1GB"  # of files read before and of the question at hand
_ARRIVAL = (
    "{'arrived_at': arrived_at::TIMESTAMPTZ, 'source_object': source_object, "
    "'source_line': source_line}"
)
_NOTHING = pa.table({"table_name": []})


class Lookup:
    """Questions about the rows of one lakehouse's tables."""

    def __init__(self, lake: Lake) -> None:
        """Take the Spark-free door; nothing is opened before the first question."""
        self.lake = lake
        self._opening = threading.Lock()

    @functools.cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        connection = self.lake.duckdb("httpfs")
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute("SET validate_external_file_cache = 'NO_VALIDATION'")
        connection.execute("SET parquet_metadata_cache = true")
        return connection

    def winners(self, versions: Mapping[Table, int], told: pa.Table) -> pa.Table:
        """What silver tables hold, each at a version, of messages that could be repeats.

        Takes   told  as judging.messages gives it
        Gives   as judging.winners does
        """
        with self._opening:
            sql = self._connection.cursor()
        with sql:
            sql.register("told", told)
            found = [
                sql.execute(_question(table), {"files": files}).to_arrow_table()
                for table, version in versions.items()
                if (files := self.lake.files(table, version))
            ]
        return pa.concat_tables(found) if found else _NOTHING


def _question(table: Table) -> str:
    is_late = "is_late" if "is_late" in table.column_names else "false"
    return f"""
        WITH asked AS (
            SELECT DISTINCT key FROM told
            WHERE table_name = '{table.name}' AND len(reasons) = 0 AND key IS NOT NULL
        ), held AS (
            SELECT {_key(table)} AS key, event_id, {_ARRIVAL} AS arrival, {is_late} AS is_late
            FROM read_parquet($files)
        )
        SELECT '{table.name}' AS table_name, key, min(arrival) AS before,
               min(event_id) AS before_event_id, bool_or(is_late) AS before_is_late
        FROM held JOIN asked USING (key) GROUP BY key
    """


def _key(table: Table) -> str:
    """The values of `repeats` as one text, as judging has them in Spark."""
    types = {column.name: column.type for column in table.columns}
    *others, last = (
        f"epoch_us({name})::VARCHAR" if types[name] == "timestamp" else name
        for name in table.repeats
    )
    return " || ".join([*(f"length({text}) || ':' || {text}" for text in others), last])
