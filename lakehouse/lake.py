"""The door to the tables for everything that needs no Spark: delta-rs and DuckDB.

Versions, transactions, what was noted with each commit, and the ledger, which is folded from it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import deltalake
import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import TableNotFoundError
from duckdb_extensions import import_extension

from lakehouse import keys, places, tables
from lakehouse.settings import Settings, home
from lakehouse.tables import Table

_NOTE = "lakehouse"


@dataclass(frozen=True)
class Commit:
    """One commit of ours on a table and what was noted with it."""

    version: int
    note: dict[str, Any]


class Lake:
    """The tables of one lakehouse, by name, without Spark."""

    def __init__(self, settings: Settings, endpoint: str | None) -> None:
        """Take the settings and the S3 endpoint in force (None is the cloud's own)."""
        self.settings = settings
        self.endpoint = endpoint
        self._credentials = keys.s3(settings)

    def uri(self, table: Table) -> str:
        """The table's address for delta-rs and DuckDB."""
        return places.uri(self.settings, table, scheme="s3")

    @property
    def storage_options(self) -> dict[str, str]:
        """What delta-rs needs to reach the storage; commits are conditional PUTs."""
        access, secret = self._credentials
        options = {
            "aws_access_key_id": access,
            "aws_secret_access_key": secret,
            "aws_region": self.settings.s3.region,
            "aws_conditional_put": "etag",
            "aws_virtual_hosted_style_request": str(not self.settings.s3.path_style).lower(),
        }
        if self.endpoint:
            options["aws_endpoint"] = self.endpoint
            options["aws_allow_http"] = str(self.endpoint.startswith("http://")).lower()
        return options

    def exists(self, table: Table) -> bool:
        """Whether the table was created."""
        return DeltaTable.is_deltatable(self.uri(table), storage_options=self.storage_options)

    def open(self, table: Table, version: int | None = None) -> DeltaTable:
        """The table at a version, newest by default, for readers of delta-rs."""
        return DeltaTable(self.uri(table), version=version, storage_options=self.storage_options)

    def _opened(self, table: Table) -> DeltaTable | None:
        try:
            return self.open(table)
        except TableNotFoundError:
            return None

    def schema(self, table: Table) -> dict[str, Any] | None:
        """The table's columns in Delta's own notation; None where it was not created."""
        opened = self._opened(table)
        return None if opened is None else dict(json.loads(opened.schema().to_json()))

    def version(self, table: Table) -> int:
        """The newest version; -1 where the table does not exist."""
        opened = self._opened(table)
        return -1 if opened is None else opened.version()

    def transaction(self, table: Table, app: str) -> int:
        """The last transaction of `app` that the table has seen; -1 for none."""
        opened = self._opened(table)
        seen = None if opened is None else opened.transaction_version(app)
        return -1 if seen is None else seen

    def create(self, table: Table, schema: str, properties: dict[str, str]) -> None:
        """Create a table that is not there, with columns in Delta's own notation."""
        DeltaTable.create(
            self.uri(table),
            Schema.from_json(schema),
            mode="ignore",
            partition_by=list(table.partitioned),
            name=table.short_name,
            description=table.grain,
            configuration=dict(properties),
            storage_options=self.storage_options,
        )

    def commits(self, table: Table, after: int = -1) -> list[Commit]:
        """Our commits on the table after version `after`, oldest first."""
        opened = self._opened(table)
        newest = -1 if opened is None else opened.version()
        if opened is None or newest <= after:
            return []
        found = []
        for entry in opened.history(limit=newest - after):
            noted = entry.get("userMetadata")
            if noted and entry["version"] > after:
                note = json.loads(noted) if noted.startswith("{") else {}
                if _NOTE in note:
                    found.append(Commit(entry["version"], note[_NOTE]))
        return sorted(found, key=lambda commit: commit.version)

    def rows(self, table: Table, version: int | None = None) -> int:
        """How many rows the table has, by its log."""
        return self.open(table, version).count()

    def distinct(self, table: Table, *columns: str) -> set[tuple[Any, ...]]:
        """The different values of some columns."""
        rows = self.open(table).to_pyarrow_table(columns=list(columns))
        return {
            tuple(row.values()) for row in rows.group_by(list(columns)).aggregate([]).to_pylist()
        }

    def append(self, table: Table, rows: pa.Table) -> None:
        """Append rows without Spark; for the small tables of ops."""
        deltalake.write_deltalake(
            self.uri(table),
            rows,
            mode="append",
            storage_options=self.storage_options,
            commit_properties=CommitProperties(max_commit_retries=50),
        )

    def sql(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in which every created table has its own name (silver.sales)."""
        folder = home() / "duckdb"
        folder.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            config={
                "extension_directory": str(folder),
                "home_directory": str(folder),
                "secret_directory": str(folder),
                "temp_directory": str(folder / "tmp"),
                "autoinstall_known_extensions": "false",
            }
        )
        for extension in ("httpfs", "delta"):
            import_extension(extension, con=connection)
            connection.load_extension(extension)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(self._secret())
        for layer in ("bronze", "silver", "gold", "ops"):
            connection.execute(f"CREATE SCHEMA {layer}")
        for table in existing(self):
            connection.execute(
                f"CREATE VIEW {table.name} AS SELECT * FROM delta_scan('{self.uri(table)}')"
            )
        return connection

    def _secret(self) -> str:
        access, secret = self._credentials
        parts = {"KEY_ID": access, "SECRET": secret, "REGION": self.settings.s3.region}
        if self.endpoint:
            scheme, _, place = self.endpoint.partition("://")
            parts |= {"ENDPOINT": place, "USE_SSL": str(scheme == "https").lower()}
        if self.settings.s3.path_style:
            parts["URL_STYLE"] = "path"
        given = ", ".join(f"{name} '{value}'" for name, value in parts.items())
        return f"CREATE SECRET (TYPE s3, {given})"


def note(content: dict[str, Any]) -> str:
    """What travels with a commit, as Delta's userMetadata."""
    return json.dumps({_NOTE: content}, separators=(",", ":"), sort_keys=True)


def existing(lake: Lake, among: Iterable[Table] = tables.TABLES) -> list[Table]:
    """The declared tables that were created."""
    return [table for table in among if lake.exists(table)]
