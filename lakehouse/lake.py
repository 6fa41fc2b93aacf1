"""The door to the tables for everything that needs no Spark: delta-rs and DuckDB.

Versions, transactions, what was noted with each commit, and the ledger, which is folded from it.
"""

import functools
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder
from deltalake.exceptions import TableNotFoundError
from duckdb_extensions import import_extension

from lakehouse import first_commit, keys, places, s3, tables
from lakehouse.settings import Settings, home
from lakehouse.tables import Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NOTE = "lakehouse"

CLOCKS = timedelta(minutes=5)  # by which those of two writers may differ


@dataclass(frozen=True)
class Commit:
    """One commit of ours on a table and what was noted with it."""

    version: int
    note: dict[str, Any]


@dataclass
class _Followed:
    """A table whose log is followed."""

    opened: DeltaTable | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Lake:
    """The tables of one lakehouse, by name, without Spark."""

    def __init__(self, settings: Settings, endpoint: str | None) -> None:
        """Take the settings and the S3 endpoint in force (None is the cloud's own)."""
        self.settings = settings
        self.endpoint = endpoint
        self._credentials = keys.s3(settings)
        self._followed: dict[str, _Followed] = {}

    def uri(self, table: Table) -> str:
        """The table's address for delta-rs and DuckDB."""
        return places.uri(self.settings, table, scheme="s3")

    @functools.cached_property
    def storage(self) -> "S3Client":
        """A client of the storage, for objects that are no tables."""
        return s3.client(self.settings, self.endpoint, is_patient=True)

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

    @property
    def _options(self) -> dict[str, str]:
        """Those of our own readers and writers: an outage is waited for, however often they ask."""
        patience = f"{s3.PATIENCE_SECONDS:.0f}s"
        return self.storage_options | {"max_retries": "1000", "retry_timeout": patience}

    def exists(self, table: Table) -> bool:
        """Whether the table was created; where there is no bucket it was not."""
        try:
            return DeltaTable.is_deltatable(self.uri(table), storage_options=self._options)
        except OSError as fault:
            if "<Code>NoSuchBucket</Code>" in str(fault):
                return False
            raise

    def existing(self) -> list[Table]:
        """The declared tables that were created; the storage is asked once a bucket, not a table."""
        buckets = {places.bucket(self.settings, table) for table in tables.TABLES}
        layers = {table.layer for table in tables.TABLES}
        found = {
            (bucket, folder)
            for bucket in buckets
            for layer in layers
            for folder in s3.folders(self.storage, bucket, f"{layer}/")
        }
        return [
            table
            for table in tables.TABLES
            if (places.bucket(self.settings, table), places.folder(table)) in found
        ]

    def open(self, table: Table, version: int | None = None) -> DeltaTable:
        """The table at a version, newest by default, for readers of delta-rs."""
        return DeltaTable(self.uri(table), version=version, storage_options=self._options)

    @contextmanager
    def _newest(self, table: Table) -> Iterator[DeltaTable | None]:
        """The table at its newest version, for one thread at a time; None where it does not exist.

        Its log is read once, then only what was added: each opening reads the log whole.
        """
        followed = self._followed.setdefault(table.name, _Followed())
        with followed.lock:
            if followed.opened is None:
                with suppress(TableNotFoundError):
                    followed.opened = self.open(table)
            else:
                followed.opened.update_incremental()
            yield followed.opened

    def forget(self) -> None:
        """Read every log anew from now on, for who took commits out of one."""
        self._followed.clear()

    def schema(self, table: Table) -> dict[str, Any] | None:
        """The table's columns in Delta's own notation; None where it was not created."""
        with self._newest(table) as opened:
            return None if opened is None else dict(json.loads(opened.schema().to_json()))

    def version(self, table: Table) -> int:
        """The newest version; -1 where the table does not exist."""
        with self._newest(table) as opened:
            return -1 if opened is None else opened.version()

    def transaction(self, table: Table, app: str) -> int:
        """The last transaction of `app` that the table has seen; -1 for none."""
        with self._newest(table) as opened:
            seen = None if opened is None else opened.transaction_version(app)
        return -1 if seen is None else seen

    def create(self, table: Table, schema: str) -> None:
        """Create a table that is not there, with columns in Delta's own notation.

        Its first commit is written here, whole: delta-rs knows no clustering, and Spark takes
        seconds for each property that it adds (docs/decisions/cold-start.md).
        """
        key = f"{places.log(table)}{0:020}.json"
        lines = "\n".join(json.dumps(action) for action in first_commit.actions(table, schema))
        s3.put_new(self.storage, places.bucket(self.settings, table), key, lines.encode())

    def commits(self, table: Table, after: int = -1) -> list[Commit]:
        """Our commits on the table after version `after`, oldest first."""
        with self._newest(table) as opened:
            if opened is None or opened.version() <= after:
                return []
            history = opened.history(limit=opened.version() - after)
        found = []
        for entry in history:
            noted = entry.get("userMetadata")
            if noted and entry["version"] > after:
                note = json.loads(noted) if noted.startswith("{") else {}
                if _NOTE in note:
                    found.append(Commit(entry["version"], note[_NOTE]))
        return sorted(found, key=lambda commit: commit.version)

    def commits_since(self, table: Table, instant: datetime) -> list[Commit]:
        """Our commits on the table from a little before an instant on, oldest first: more and more
        of the newest are read, as a log of years is not read for the commits of minutes.
        """
        newest, count = self.version(table), 64
        while count <= newest and self.committed_at(table, newest - count) > instant - CLOCKS:
            count *= 4
        return self.commits(table, after=newest - count)

    def committed_at(self, table: Table, version: int) -> datetime:
        """When a version was committed, UTC, by the clock of who did."""
        with self._newest(table) as opened:
            assert opened is not None
            [*_, entry] = opened.history(limit=opened.version() - version + 1)
        assert entry["version"] == version
        return datetime.fromtimestamp(entry["timestamp"] / 1000, UTC)

    def version_at(self, table: Table, instant: datetime) -> int:
        """The version that was the newest one at an instant, by the clock of who committed it; the
        oldest one that the log still tells of before there was any.
        """
        with self._newest(table) as opened:
            assert opened is not None
            history = opened.history()
        return newest_at(
            (
                (entry["version"], datetime.fromtimestamp(entry["timestamp"] / 1000, UTC))
                for entry in history
            ),
            instant,
        )

    def files(self, table: Table, version: int) -> list[str]:
        """The addresses of the files that hold the rows of a version."""
        with self._newest(table) as opened:
            if opened is not None and opened.version() == version:
                return opened.file_uris()
        return self.open(table, version).file_uris()

    def rows(self, table: Table, version: int | None = None) -> int:
        """How many rows the table has, by its log."""
        with self._newest(table) as opened:
            if opened is not None and version in (None, opened.version()):
                return opened.count()
        return self.open(table, version).count()

    def read(
        self, table: Table, *columns: str, where: str = "TRUE", version: int | None = None
    ) -> pa.Table:
        """The rows as Arrow: all columns or those named, of the rows for which the SQL `where` holds.

        By delta-rs' own engine: Arrow's datasets read in threads that hold objects of Python, and
        a process that ends while one of those still runs is aborted.
        """
        opened = self.open(table, version)
        named = ", ".join(f'"{name}"' for name in columns) or "*"
        asked = QueryBuilder().register("read", opened)
        rows = pa.table(asked.execute(f"SELECT {named} FROM read WHERE {where}").read_all())
        types = pa.schema(opened.schema().to_arrow())  # the engine's own strings are views
        return rows.cast(pa.schema([types.field(name) for name in rows.column_names]))

    def distinct(self, table: Table, *columns: str) -> set[tuple[Any, ...]]:
        """The different values of some columns."""
        rows = self.read(table, *columns)
        return {
            tuple(row.values()) for row in rows.group_by(list(columns)).aggregate([]).to_pylist()
        }

    def append(self, table: Table, rows: pa.Table) -> None:
        """Append rows without Spark; for the small tables of ops."""
        deltalake.write_deltalake(
            self.uri(table),
            rows,
            mode="append",
            storage_options=self._options,
            commit_properties=CommitProperties(max_commit_retries=50),
        )

    def add(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Append rows given as name -> value, maps as pairs; the types are the table's own."""
        with self._newest(table) as opened:
            assert opened is not None
            schema = pa.schema(opened.schema())
        self.append(table, pa.Table.from_pylist(rows, schema=schema))

    def sql(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in which every created table has its own name (silver.sales)."""
        connection = self.duckdb("httpfs", "delta")
        for layer in ("bronze", "silver", "gold", "ops"):
            connection.execute(f"CREATE SCHEMA {layer}")
        for table in self.existing():
            connection.execute(
                f"CREATE VIEW {table.name} AS SELECT * FROM delta_scan('{self.uri(table)}')"
            )
        return connection

    def duckdb(
        self, *extensions: str, credentials: tuple[str, str] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection that reaches the storage, with the owner's keys or others."""
        connection = connected(":memory:", *extensions)
        said = secret(self.settings, self.endpoint, credentials or self._credentials)
        connection.execute(f"CREATE SECRET ({said})")
        return connection


def newest_at(history: Iterable[tuple[int, datetime]], instant: datetime) -> int:
    """Of versions and when they were committed the newest that was there at an instant; the oldest
    where none was.
    """
    known = list(history)
    there = [version for version, committed_at in known if committed_at <= instant]
    return int(max(there, default=min(version for version, _ in known)))


def duckdb_folder() -> Path:
    """Where DuckDB keeps its extensions and whatever else it would keep in a person's home folder."""
    return home() / "duckdb"


def connected(
    file: str, *extensions: str, secrets: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection to a file, or to none, with extensions out of their packages.

    Takes   secrets  the folder of secrets that outlast it
    """
    folder = duckdb_folder()
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        file,
        config={
            "extension_directory": str(folder),
            "home_directory": str(folder),
            "secret_directory": str(secrets or folder),
            "temp_directory": str(folder / "tmp"),
            "autoinstall_known_extensions": "false",
            # Else each connection hashes the 100 MB of its extensions, for 0.4 s; they come out of
            # packages whose hashes are pinned.
            "allow_unsigned_extensions": "true",
        },
    )
    for extension in extensions:
        import_extension(extension, con=connection)
        connection.load_extension(extension)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def secret(where: Settings, endpoint: str | None, credentials: tuple[str, str]) -> str:
    """What a secret of DuckDB has to say of the storage."""
    access, key = credentials
    parts = {"KEY_ID": access, "SECRET": key, "REGION": where.s3.region}
    if endpoint:
        scheme, _, place = endpoint.partition("://")
        parts |= {"ENDPOINT": place, "USE_SSL": str(scheme == "https").lower()}
    if where.s3.path_style:
        parts["URL_STYLE"] = "path"
    given = ", ".join(f"{name} '{value}'" for name, value in parts.items())
    return f"TYPE s3, {given}"


def note(content: dict[str, Any]) -> str:
    """What travels with a commit, as Delta's userMetadata."""
    return json.dumps({_NOTE: content}, separators=(",", ":"), sort_keys=True)
