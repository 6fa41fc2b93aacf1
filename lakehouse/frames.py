"""The tables for notebooks and scripts: `lakehouse.open()["gold.shop_hours"].polars()`.

Read by delta-rs, without Spark and without a JVM; Spark is started by who asks for a Spark frame.
"""

import atexit
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from lakehouse import s3, s3_server, settings
from lakehouse.errors import UnknownName
from lakehouse.lake import Lake
from lakehouse.query import Session
from lakehouse.tables import Table

if TYPE_CHECKING:
    import polars
    import pyspark.sql

_PLAIN_READER = 1  # Delta's reader version up to which a table is its files and nothing else


@dataclass(frozen=True)
class Rows:
    """One table at one version, to be had as whatever one works with."""

    lake: Lake
    table: Table
    version: int

    def at(self, version: int | datetime) -> "Rows":
        """The same table as it was: at a version, or at an instant (with a time zone)."""
        if isinstance(version, datetime):
            version = self.lake.version_at(self.table, version)
        return replace(self, version=version)

    def arrow(self, *columns: str) -> pa.Table:
        """As an Arrow table; all columns, or those named."""
        opened = self.lake.open(self.table, self.version)
        if opened.protocol().min_reader_version > _PLAIN_READER:  # its files alone would mislead
            query = f"SELECT {', '.join(columns) or '*'} FROM {self.table.name}"
            return Session(self.lake, self.version).ask(query)
        return self.lake.read(self.table, *columns, version=self.version)

    def pandas(self, *columns: str) -> pd.DataFrame:
        """As a pandas frame."""
        found: pd.DataFrame = self.arrow(*columns).to_pandas()
        return found

    def polars(self, *columns: str) -> "polars.DataFrame":
        """As a Polars frame; it comes with the extra `readers`."""
        import polars  # noqa: PLC0415  not everybody has it

        found = polars.from_arrow(self.arrow(*columns))
        assert isinstance(found, polars.DataFrame)
        return found

    def spark(self, session: "pyspark.sql.SparkSession") -> "pyspark.sql.DataFrame":
        """As a frame of a Spark session that reaches the storage (`lakehouse.session.spark`)."""
        from lakehouse import places  # noqa: PLC0415

        reader = session.read.format("delta").option("versionAsOf", self.version)
        return reader.load(places.uri(self.lake.settings, self.table))

    def describe(self) -> pd.DataFrame:
        """What each column means: column, type, means."""
        rows = [(one.name, one.type, one.means) for one in self.table.columns]
        return pd.DataFrame(rows, columns=["column", "type", "means"])


class Opened(Mapping[str, Rows]):
    """The tables of a lakehouse by name, each at its newest version; `sql` asks across them."""

    def __init__(self, lake: Lake, held: ExitStack) -> None:
        """Take the door to the tables, and what is to be let go of at the end."""
        self.lake = lake
        self._held = held
        # Not left to the collector: it may come before the last row is read, or after the threads
        # that an end needs are gone.
        atexit.register(self.close)

    def __getitem__(self, name: str) -> Rows:
        """One table; UnknownName lists those there are."""
        there = {table.name: table for table in self.lake.existing()}
        if name not in there:
            raise UnknownName("table", name, there)
        return Rows(self.lake, there[name], self.lake.version(there[name]))

    def __iter__(self) -> Iterator[str]:
        return (table.name for table in self.lake.existing())

    def __len__(self) -> int:
        return len(self.lake.existing())

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def pinned(self, versions: Mapping[str, int | None]) -> dict[str, Rows]:
        """Tables by name, each at a version that stays; at its newest where that is None."""
        return {
            name: self[name] if at is None else self[name].at(at) for name, at in versions.items()
        }

    def spark(self) -> "pyspark.sql.SparkSession":
        """A Spark session on the same storage, started here; it ends when this is closed."""
        from lakehouse import session  # noqa: PLC0415  most want none

        assert self.lake.endpoint  # `opened` has found it
        started = session.spark(self.lake.settings, self.lake.endpoint, "lakehouse.open")
        return self._held.enter_context(started)

    def sql(self, query: str, as_of: int | datetime | None = None) -> pd.DataFrame:
        """The answer to one SELECT, as a pandas frame."""
        found: pd.DataFrame = Session(self.lake, as_of).ask(query).to_pandas()
        return found

    def close(self) -> None:
        """Let go of the S3 server, which ends if nobody else uses it."""
        atexit.unregister(self.close)
        self._held.close()

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def opened(path: str | Path | None = None) -> Opened:
    """The lakehouse of a settings file, conf/local.yml by default."""
    where = settings.load(path or settings.PROJECT / "conf" / "local.yml")
    with ExitStack() as stack:
        endpoint = stack.enter_context(s3_server.running(where))
        s3.ensure_buckets(s3.client(where, endpoint), where.buckets.model_dump().values())
        return Opened(Lake(where, endpoint), stack.pop_all())
