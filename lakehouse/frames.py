"""The tables for notebooks and scripts: `lakehouse.open()["gold.shop_hours"].polars()`.

Read by delta-rs, without Spark and without a JVM, or through a server of Spark where one is asked for
(readers.py). Spark is started here by who asks for a Spark frame.
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

from lakehouse import readers, s3, s3_server, settings
from lakehouse.errors import UnknownName
from lakehouse.lake import Lake
from lakehouse.readers import Reader
from lakehouse.tables import Table

if TYPE_CHECKING:
    import polars
    import pyspark.sql


@dataclass(frozen=True)
class Rows:
    """One table at one version, to be had as whatever one works with."""

    reader: Reader
    table: Table
    version: int

    def at(self, version: int | datetime) -> "Rows":
        """The same table as it was: at a version, or at an instant (with a time zone)."""
        if isinstance(version, datetime):
            version = self.reader.version_at(self.table, version)
        return replace(self, version=version)

    def arrow(self, *columns: str) -> pa.Table:
        """As an Arrow table; all columns, or those named."""
        return self.reader.rows(self.table, self.version, *columns)

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
        """As a frame of a Spark session, such as that of `Opened.spark`."""
        return self.reader.frame(session, self.table, self.version)

    def describe(self) -> pd.DataFrame:
        """What each column means: column, type, means."""
        rows = [(one.name, one.type, one.means) for one in self.table.columns]
        return pd.DataFrame(rows, columns=["column", "type", "means"])


class Opened(Mapping[str, Rows]):
    """The tables of a lakehouse by name, each at its newest version; `sql` asks across them."""

    def __init__(self, reader: Reader, held: ExitStack) -> None:
        """Take who reads the tables, and what is to be let go of at the end."""
        self.reader = reader
        self._held = held
        # Not left to the collector: it may come before the last row is read, or after the threads
        # that an end needs are gone.
        atexit.register(self.close)

    def __getitem__(self, name: str) -> Rows:
        """One table; UnknownName lists those there are."""
        there = {table.name: table for table in self.reader.existing()}
        if name not in there:
            raise UnknownName("table", name, there)
        return Rows(self.reader, there[name], self.reader.version(there[name]))

    def __iter__(self) -> Iterator[str]:
        return (table.name for table in self.reader.existing())

    def __len__(self) -> int:
        return len(self.reader.existing())

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def pinned(self, versions: Mapping[str, int | None]) -> dict[str, Rows]:
        """Tables by name, each at a version that stays; at its newest where that is None."""
        return {
            name: self[name] if at is None else self[name].at(at) for name, at in versions.items()
        }

    def spark(self) -> "pyspark.sql.SparkSession":
        """A Spark session, started here; it ends when this is closed."""
        return self._held.enter_context(self.reader.spark())

    def sql(self, query: str, as_of: int | datetime | None = None) -> pd.DataFrame:
        """The answer to one SELECT, as a pandas frame."""
        found: pd.DataFrame = self.reader.ask(query, as_of).to_pandas()
        return found

    def close(self) -> None:
        """Let go of the S3 server, which ends if nobody else uses it."""
        atexit.unregister(self.close)
        self._held.close()

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def opened(path: str | Path | None = None, connect: str | None = None) -> Opened:
    """The lakehouse of a settings file, conf/local.yml by default; read here, or by the server of
    Spark that `connect` or the environment asks for.
    """
    where = settings.load(path or settings.PROJECT / "conf" / "local.yml")
    with ExitStack() as stack:
        if (asked := readers.asked_for(connect)) is not None:
            connected = readers.Connected(readers.address(asked), where)
            stack.callback(connected.session.stop)
            return Opened(connected, stack.pop_all())
        endpoint = stack.enter_context(s3_server.running(where))
        s3.ensure_buckets(s3.client(where, endpoint), where.buckets.model_dump().values())
        return Opened(readers.Embedded(Lake(where, endpoint)), stack.pop_all())
