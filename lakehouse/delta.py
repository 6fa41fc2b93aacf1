"""The door to Delta for Spark: creating, reading, appending and merging declared tables."""

import math
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import tenacity
from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
)
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from lakehouse import places, s3
from lakehouse.errors import BatchFailed, ChangedColumn
from lakehouse.lake import Lake, note
from lakehouse.settings import Settings
from lakehouse.tables import Column, Table

_CREATORS = 4  # tables created at once: each waits for the storage most of its time
_TXN_APP = "spark.databricks.delta.write.txnAppId"
_TXN_VERSION = "spark.databricks.delta.write.txnVersion"
_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


# What Delta refuses because another writer changed what was read; nothing was written then.
_CONFLICTS = (
    ConcurrentAppendException,
    ConcurrentDeleteReadException,
    ConcurrentDeleteDeleteException,
)


def _noted(state: tenacity.RetryCallState) -> None:
    store, table = state.args[:2]
    store.conflicts[table.name] += 1


# Among three writers that never rest (`make chaos PART=merges`) ten tries in a row were seen to fail.
_MOST_TRIES = 30
_again_after_a_conflict = tenacity.retry(
    retry=tenacity.retry_if_exception_type(_CONFLICTS),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
    stop=tenacity.stop_after_attempt(_MOST_TRIES),
    before_sleep=_noted,
    reraise=True,
)


@dataclass(frozen=True)
class Once:
    """A transaction id: a table takes a write of `app` only if its version is higher than before.

    What it guards against is a write that is tried again after its answer was lost.
    """

    app: str
    version: int


class Store:
    """The tables of one lakehouse through one Spark session.

    A write that another writer's commit gets in the way of is tried again, thirty times at most;
    but for `replace` and `restore`, whose rows were read before that commit.
    conflicts  how often that was, by table
    """

    def __init__(self, spark: SparkSession, settings: Settings, lake: Lake) -> None:
        """Take the session, and the Spark-free door for versions and notes."""
        self.spark = spark
        self.settings = settings
        self.lake = lake
        self.conflicts: Counter[str] = Counter()

    def uri(self, table: Table) -> str:
        """The table's address for Spark."""
        return places.uri(self.settings, table)

    def prepare(self, declared: Iterable[Table]) -> None:
        """Create the tables as declared, or add the declared columns that they lack.

        Raises ChangedColumn when a column has another type than declared: a changed type is a new
        table.
        """
        with ThreadPoolExecutor(_CREATORS) as creators:
            list(creators.map(self._prepare, declared))

    def _prepare(self, table: Table) -> None:
        schema = self.lake.schema(table)
        if schema is None:
            self._create(table)
            return
        there = {field.name: field.dataType for field in StructType.fromJson(schema).fields}
        for column, field in zip(table.columns, _struct(table).fields, strict=True):
            if column.name not in there:
                self._add(table, column)
            elif there[column.name].simpleString() != field.dataType.simpleString():
                raise ChangedColumn(
                    f"{table.name}.{column.name} is {there[column.name].simpleString()} but "
                    f"declared {field.dataType.simpleString()}; a changed type is a new table: "
                    "declare it under another name"
                )

    def _add(self, table: Table, column: Column) -> None:
        try:
            self.spark.sql(
                f"ALTER TABLE delta.`{self.uri(table)}` ADD COLUMNS "
                f"(`{column.name}` {column.type} COMMENT '{_quoted(column.means)}')"
            )
        except Exception:
            # Another command, the first of this version of the project too, may have added it.
            schema = StructType.fromJson(self.lake.schema(table) or {})
            if column.name not in schema.fieldNames():
                raise

    def _create(self, table: Table) -> None:
        declared = _struct(table)
        for column, field in zip(table.columns, declared.fields, strict=True):
            field.nullable = not column.is_never_null
            field.metadata = {"comment": column.means}
        self.lake.create(table, declared.json())

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The table's rows, at a version or newest."""
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.uri(table))

    def changes(self, table: Table, after: int, until: int) -> DataFrame:
        """Rows that commits after version `after` and up to `until` wrote, changed or removed.

        Gives the table's columns and Delta's _change_type, _commit_version, _commit_timestamp.
        """
        return (
            self.spark.read.format("delta")
            .option("readChangeFeed", "true")
            .option("startingVersion", after + 1)
            .option("endingVersion", until)
            .load(self.uri(table))
        )

    def append(
        self, table: Table, rows: DataFrame, noted: dict[str, Any], once: Once | None = None
    ) -> None:
        """Append rows in one commit that carries `noted`."""
        writer = (
            rows.select(*_ordered(table, rows))
            .write.format("delta")
            .mode("append")
            .option("userMetadata", note(noted))
        )
        if once:
            writer = writer.option("txnAppId", once.app).option("txnVersion", once.version)
        writer.save(self.uri(table))

    @_again_after_a_conflict
    def merge(
        self,
        table: Table,
        upserts: DataFrame,
        deletes: DataFrame,
        noted: dict[str, Any],
        *,
        once: Once | None = None,
        since: int | None = None,
    ) -> None:
        """Bring rows in by the table's key, and take rows out by it, in one commit.

        A row that is there just so, but for the batch that wrote it, is left as it is.

        Takes   upserts  whole rows
                deletes  the key columns of rows to remove; none of them in `upserts`
                since    the version that they were worked out on: no batch may have come after it
        Raises  BatchFailed where one has, by a process that took over what this one held
        """
        if since is not None:
            self._refuse_after_another(table, since)
        names = _ordered(table, upserts)
        changes = (
            upserts.select(*names)
            .withColumn("_delete", F.lit(False))
            .unionByName(
                deletes.select(*table.key).withColumn("_delete", F.lit(True)),
                allowMissingColumns=True,
            )
        )
        same_key = " AND ".join(f"old.`{name}` <=> new.`{name}`" for name in table.key)
        said = [name for name in names if name != "batch_id"]
        differs = " OR ".join(f"NOT (old.`{name}` <=> new.`{name}`)" for name in said)
        columns = {f"`{name}`": f"new.`{name}`" for name in names}
        # A session of its own: MERGE takes transaction ids and metadata from nowhere else.
        session = self.spark.newSession()
        session.conf.set(_METADATA, note(noted))
        if once:
            session.conf.set(_TXN_APP, once.app)
            session.conf.set(_TXN_VERSION, str(once.version))
        (
            DeltaTable.forPath(session, self.uri(table))
            .alias("old")
            .merge(changes.alias("new"), same_key)
            .whenMatchedDelete("new._delete")
            .whenMatchedUpdate(differs, columns)  # type: ignore[arg-type]
            .whenNotMatchedInsert("NOT new._delete", columns)  # type: ignore[arg-type]
            .execute()
        )

    def _refuse_after_another(self, table: Table, since: int) -> None:
        for commit in self.lake.commits(table, after=since):
            if batch := commit.note.get("batch"):
                raise BatchFailed(
                    f"{table.name}: {batch['batch_id']} of another process came first; nothing was "
                    "written, as it would be older"
                )

    def replace(self, table: Table, rows: DataFrame, condition: str, noted: dict[str, Any]) -> None:
        """Put rows in place of those of a SQL condition, in one commit."""
        (
            rows.select(*_ordered(table, rows))
            .write.format("delta")
            .mode("overwrite")
            .option("replaceWhere", condition)
            .option("userMetadata", note(noted))
            .save(self.uri(table))
        )

    def restore(self, table: Table, version: int, noted: dict[str, Any]) -> None:
        """Make the table's rows those of an earlier version, by a new commit."""
        session = self.spark.newSession()
        session.conf.set(_METADATA, note(noted))
        DeltaTable.forPath(session, self.uri(table)).restoreToVersion(version)

    @_again_after_a_conflict
    def update(
        self, table: Table, condition: str, changes: dict[str, str], noted: dict[str, Any]
    ) -> None:
        """Set columns (name -> SQL expression) of the rows of a SQL condition in one commit."""
        session = self.spark.newSession()
        session.conf.set(_METADATA, note(noted))
        DeltaTable.forPath(session, self.uri(table)).update(condition, changes)  # type: ignore[arg-type]

    @_again_after_a_conflict
    def optimize(self, table: Table, file_bytes: int) -> None:
        """Bring the rows of small files together in files of about so many bytes, clustered as
        declared; no row is changed.
        """
        session = self.spark.newSession()
        session.conf.set("spark.databricks.delta.optimize.maxFileSize", file_bytes)
        session.conf.set("spark.databricks.delta.optimize.minFileSize", file_bytes // 2)
        DeltaTable.forPath(session, self.uri(table)).optimize().executeCompaction()

    def vacuum(self, table: Table, kept: timedelta) -> int:
        """Delete the files that no version of the time `kept` until now needs; how many.

        Delta rounds to whole hours, also down: here they are rounded up.
        """
        there = self._files(table)
        DeltaTable.forPath(self.spark, self.uri(table)).vacuum(math.ceil(kept / timedelta(hours=1)))
        return len(there - self._files(table))

    def _files(self, table: Table) -> set[str]:
        bucket, folder = places.bucket(self.settings, table), places.folder(table)
        found = (one["Key"] for one in s3.objects(self.lake.storage, bucket, folder))
        return {key for key in found if not key.startswith(places.log(table))}

    @_again_after_a_conflict
    def delete(self, table: Table, condition: str, noted: dict[str, Any]) -> None:
        """Remove the rows of a SQL condition in one commit."""
        session = self.spark.newSession()
        session.conf.set(_METADATA, note(noted))
        DeltaTable.forPath(session, self.uri(table)).delete(condition)


def _struct(table: Table) -> StructType:
    found = StructType.fromDDL(table.ddl)
    assert isinstance(found, StructType)
    return found


def _ordered(table: Table, rows: DataFrame) -> list[str]:
    there = set(rows.columns)
    return [name for name in table.column_names if name in there]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
