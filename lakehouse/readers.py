"""The ways by which tables come into a notebook: read here, or through a server of Spark."""

# ruff: noqa: PLC0415  Spark is loaded by who asks for it.

import os
import socket
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import pyarrow as pa

from lakehouse import places, query, tables
from lakehouse.errors import BadQuery, ServerFault
from lakehouse.lake import Lake, newest_at
from lakehouse.settings import Settings
from lakehouse.tables import Table

if TYPE_CHECKING:
    import pyspark.sql

CONNECT = "LAKEHOUSE_CONNECT"  # the environment's word for `lakehouse.open(connect=…)`
_PLAIN_READER = 1  # Delta's reader version up to which a table is its files and nothing else
_ANSWER_S = 10.0


class Reader(Protocol):
    """What frames need of the tables."""

    def existing(self) -> list[Table]:
        """The tables that were created and may be read, in declared order."""

    def version(self, table: Table) -> int:
        """The newest version."""

    def version_at(self, table: Table, instant: datetime) -> int:
        """The version that was the newest one at an instant."""

    def rows(self, table: Table, version: int, *columns: str) -> pa.Table:
        """The rows of a version: all columns, or those named."""

    def ask(self, asked: str, as_of: int | datetime | None) -> pa.Table:
        """The answer to one SELECT; BadQuery says what is wrong with it."""

    def frame(
        self, spark: "pyspark.sql.SparkSession", table: Table, version: int
    ) -> "pyspark.sql.DataFrame":
        """The rows of a version as a frame of a session that `spark` has started."""

    def spark(self) -> AbstractContextManager["pyspark.sql.SparkSession"]:
        """A Spark session of this process."""


class Embedded:
    """Tables read here, from the storage, by delta-rs and DuckDB."""

    def __init__(self, lake: Lake) -> None:
        """Take the lake."""
        self.lake = lake
        self.existing = lake.existing
        self.version = lake.version
        self.version_at = lake.version_at

    def rows(self, table: Table, version: int, *columns: str) -> pa.Table:
        """See Reader."""
        opened = self.lake.open(table, version)
        if opened.protocol().min_reader_version > _PLAIN_READER:  # its files alone would mislead
            return self.ask(f"SELECT {', '.join(columns) or '*'} FROM {table.name}", version)
        return self.lake.read(table, *columns, version=version)

    def ask(self, asked: str, as_of: int | datetime | None) -> pa.Table:
        """See Reader."""
        return query.Session(self.lake, as_of).ask(asked)

    def frame(
        self, spark: "pyspark.sql.SparkSession", table: Table, version: int
    ) -> "pyspark.sql.DataFrame":
        """See Reader; the session reads the storage itself."""
        reader = spark.read.format("delta").option("versionAsOf", version)
        return reader.load(places.uri(self.lake.settings, table))

    def spark(self) -> AbstractContextManager["pyspark.sql.SparkSession"]:
        """See Reader; it works on the same storage."""
        from lakehouse import session

        return session.spark(self.lake.settings, self.lake.endpoint, "lakehouse.open")


class Connected:
    """Tables read by a server of Spark (`lakehouse serve sql`), without a key of the storage."""

    def __init__(self, address: str, settings: Settings) -> None:
        """Connect to `sc://HOST:PORT/;token=…`; ServerFault says why that cannot be."""
        self.settings = settings
        place = urlsplit(address)
        said = f"{place.hostname}:{place.port}"
        try:
            socket.create_connection((place.hostname, place.port), _ANSWER_S).close()
        except OSError as fault:
            raise ServerFault(
                f"no Spark Connect at {said} ({fault.strerror or fault}); `lakehouse serve sql` serves it"
            ) from None
        from pyspark.errors import PySparkException
        from pyspark.sql.connect.session import SparkSession

        self._faults = PySparkException
        self.session = SparkSession.builder.remote(address).create()
        try:
            self.existing()
        except PySparkException as fault:
            self.session.client.close()  # or what it has begun is tried again when the process ends
            raise ServerFault(f"Spark Connect at {said}: {_said(fault)}") from None

    def existing(self) -> list[Table]:
        """See Reader."""
        schemas = [row.namespace for row in self._collected("SHOW SCHEMAS")]
        there = {
            f"{schema}.{row.tableName}"
            for schema in schemas
            for row in self._collected(f"SHOW TABLES IN {schema}")
        }
        return [table for table in tables.TABLES if table.name in there]

    def version(self, table: Table) -> int:
        """See Reader."""
        [newest] = self._collected(f"DESCRIBE HISTORY {table.name} LIMIT 1")
        return int(newest.version)

    def version_at(self, table: Table, instant: datetime) -> int:
        """See Reader."""
        history = self._collected(f"DESCRIBE HISTORY {table.name}")
        return newest_at(((row.version, row.timestamp.astimezone(UTC)) for row in history), instant)

    def rows(self, table: Table, version: int, *columns: str) -> pa.Table:
        """See Reader."""
        named = ", ".join(columns) or "*"
        return self.ask(f"SELECT {named} FROM {table.name} VERSION AS OF {version}", None)

    def ask(self, asked: str, as_of: int | datetime | None) -> pa.Table:
        """See Reader; an older version is named in the SELECT itself."""
        if as_of is not None:
            raise BadQuery(
                "Spark goes back a table at a time: write `FROM gold.shops VERSION AS OF 3`"
            )
        try:
            return self.session.sql(asked).toArrow()
        except self._faults as fault:
            raise BadQuery(_said(fault)) from None

    def frame(
        self, spark: "pyspark.sql.SparkSession", table: Table, version: int
    ) -> "pyspark.sql.DataFrame":
        """See Reader; the rows come here first."""
        return spark.createDataFrame(self.rows(table, version))

    def spark(self) -> AbstractContextManager["pyspark.sql.SparkSession"]:
        """See Reader; it learns and joins here, and reaches no storage."""
        from lakehouse import session

        return session.spark(self.settings, None, "lakehouse.open")

    def _collected(self, asked: str) -> list[Any]:
        return list(self.session.sql(asked).collect())


def address(connect: str) -> str:
    """Where a server is: its address as it stands, or that of the role which this machine serves."""
    if "://" in connect:
        return connect
    from lakehouse.serving import roles, server

    role = roles.by_name(connect)
    running = server.status(role)
    if running is None:
        raise ServerFault(
            f"nobody serves {role.name}s here; `lakehouse serve sql --role {role.name}` does"
        )
    return f"{running.remote};token={server.token_file(role).read_text(encoding='utf-8').strip()}"


def asked_for(connect: str | None) -> str | None:
    """The server that is to be read through, by what was given or by the environment."""
    return connect or os.environ.get(CONNECT) or None


def _said(fault: BaseException) -> str:
    """A sentence of Spark's: the details of a report of gRPC, else the first line."""
    lines = str(fault).strip().splitlines()
    details = [one.partition(" = ")[2].strip('"') for one in lines if "details = " in one]
    return next(iter([*details, *lines]), type(fault).__name__)
