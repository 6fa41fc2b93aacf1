"""The content hash: what it is that two runs must agree in."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.tables import Table


@dataclass(frozen=True)
class Content:
    """Row count and an order-free sum of row hashes."""

    rows: int
    hashes: int

    def __str__(self) -> str:
        """Short enough to compare by eye."""
        return f"{self.rows} rows, {self.hashes & (1 << 64) - 1:016x}"


def of(rows: DataFrame, table: Table) -> Content:
    """The content of rows of a table, over its content columns.

    Source  Spark's xxhash64, seed 42. A null leaves the hash as it is, so each cell is hashed with
            its place.
    """
    cells = [F.struct(F.lit(place), F.col(name)) for place, name in enumerate(table.content)]
    hashes = rows.select(F.xxhash64(*cells).cast("decimal(38, 0)").alias("hash"))
    [row] = hashes.agg(F.count("*").alias("rows"), F.sum("hash").alias("sum")).collect()
    return Content(int(row["rows"]), int(row["sum"] or 0))
