"""Many micro-batches on one table, with maintenance on a schedule: what becomes of its files.

    make soak                  2,000 batches; BATCHES=200 fewer

Readings are appended as a stream does it: a small commit with its transaction id and note each. Beside
it is the same without maintenance, and a table to which the same rows were written at once. Exits 1
where the maintained table has too many files or is slow to ask, or where the control is not.
"""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from bench.chaos.drivers import HOME
from bench.results import Row, publish
from lakehouse import places, s3, s3_server, session, settings, tables
from lakehouse.delta import Once
from lakehouse.flow import maintain, place
from lakehouse.flow.place import Place
from lakehouse.settings import Buckets, Maintain, Settings

READINGS = tables.by_name("silver.readings")
ROWS = 100  # of a batch
EVERY = 100  # batches between two maintenances
SHOPS, DEVICES = 10, 20
FILE_BYTES = 512 << 10  # small, so that the ideal is more than one file
ASKED = 60  # times, of each table
_BEGIN = datetime(2026, 3, 1)
_MOST_FILES, _SLOWEST = 2.0, 1.5


def main() -> None:
    """Append, ask, print and write the results."""
    batches = int(os.environ.get("BATCHES") or 2000)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(HOME / "home")
    spark = settings.Spark(driver_memory="2g", shuffle_partitions=2)
    where = Settings(spark=spark, maintain=Maintain(file_bytes=FILE_BYTES, time_travel_hours=0))
    with s3_server.running(where) as endpoint, session.spark(where, endpoint, "soak") as spark_:

        def at(name: str) -> Place:
            return place.at(
                where.model_copy(update={"buckets": Buckets.named(name)}), endpoint, spark_
            )

        rows, broken = _compared(at("kept"), at("left"), at("fresh"), batches)
    publish("soak", rows)
    if broken:
        sys.exit("\n".join(broken))
    shutil.rmtree(HOME, ignore_errors=True)


def _compared(kept: Place, left: Place, fresh: Place, batches: int) -> tuple[list[Row], list[str]]:
    few = min(batches, max(EVERY, batches // 10))  # the control needs no more to be slow
    began = time.monotonic()
    most = soaked(kept, batches, EVERY)
    seconds = time.monotonic() - began
    soaked(left, few, None)
    written(fresh, batches)
    p95 = asked((kept, left, fresh), few)
    share = {at.settings.buckets.lake: files(at) for at in (kept, left)}
    files_kept, files_left = share.values()
    slow_kept, slow_left = (p95[at] / p95[2] for at in (0, 1))
    rows = [
        Row("micro-batches", batches, "batches", batches),
        Row("a batch, with its share of maintenance", seconds / batches, "s"),
        Row(
            "files, of the ideal number",
            files_kept,
            "times",
            _MOST_FILES,
            files_left,
            f"without maintenance, after {few} batches",
            is_at_most=True,
        ),
        Row("most files between two maintenances", most, "files"),
        Row("files that lie there, those of old versions too", there(kept), "files"),
        Row(
            "p95 of a point query, of that on a table freshly written",
            slow_kept,
            "times",
            _SLOWEST,
            slow_left,
            f"without maintenance, after {few} batches",
            is_at_most=True,
        ),
        Row("p95 of a point query on a table freshly written", p95[2], "s"),
    ]
    broken = [f"{row.name}: {row.value:.2f}" for row in rows if row.met is False]
    if files_left <= _MOST_FILES or slow_left <= _SLOWEST:
        broken.append("without maintenance it is as good: the check does not bite")
    rows_there = kept.lake.rows(READINGS)
    if rows_there != batches * ROWS:
        broken.append(f"{rows_there} rows of {batches * ROWS}")
    return rows, broken


def soaked(at: Place, batches: int, every: int | None) -> int:
    """Append so many batches, with maintenance after `every` of them; the most files there were."""
    most = 0
    for turn in range(batches):
        at.store.append(READINGS, readings(at, turn, 1), {"turn": turn}, Once("soak", turn))
        if every and (turn + 1) % every == 0:
            most = max(most, maintain.files(at, READINGS).count)
            report = maintain.table(at, READINGS)
            print(
                f"soak: {turn + 1} batches, {report.before.count} -> {report.after.count} files",
                flush=True,
            )
    return most


def written(at: Place, batches: int) -> None:
    """Write the rows of so many batches at once, as maintenance would leave them."""
    at.store.append(READINGS, readings(at, 0, batches), {"turn": 0})
    at.store.optimize(READINGS, FILE_BYTES)


def readings(at: Place, first: int, batches: int) -> DataFrame:
    """The rows of some batches: each has readings of all shops, of a minute of its own."""
    number = F.col("id")
    minute = F.make_interval(mins=F.floor(number / ROWS).cast("int"))
    rows = at.spark.range(first * ROWS, (first + batches) * ROWS, numPartitions=1)
    value = (F.xxhash64(number) % 1000) / 10
    return rows.select(
        F.format_string("S%d", number % SHOPS).alias("shop_id"),
        (F.lit(_BEGIN) + minute).alias("measured_at"),
        F.md5(number.cast("string")).alias("event_id"),
        F.format_string("S%d-%d", number % SHOPS, number % (SHOPS * DEVICES)).alias("device_id"),
        F.lit("temperature").alias("metric"),
        value.alias("value"),
        F.lit("C").alias("unit"),
        value.cast("string").alias("raw_value"),
        F.lit("C").alias("raw_unit"),
        F.lit(False).alias("is_late"),
        F.lit("soak").alias("source_object"),
        number.cast("int").alias("source_line"),
        (F.lit(_BEGIN) + minute).alias("arrived_at"),
        F.floor(number / ROWS).cast("string").alias("batch_id"),
    )


def asked(of: Sequence[Place], batches: int) -> list[float]:
    """The p95 in seconds of one shop's rows of a minute, asked of each place in turns."""
    seconds: list[list[float]] = [[] for _ in of]
    for turn in range(ASKED + 5):
        minute = _BEGIN + timedelta(minutes=(turn * 37) % batches)
        for at, taken in zip(of, seconds, strict=True):
            began = time.monotonic()
            rows = at.store.read(READINGS).where(
                (F.col("shop_id") == f"S{turn % SHOPS}") & (F.col("measured_at") == F.lit(minute))
            )
            found = len(rows.collect())
            taken.append(time.monotonic() - began)
            if found != ROWS // SHOPS:
                raise RuntimeError(f"{found} rows of {ROWS // SHOPS} at {minute}")
    return [statistics.quantiles(taken[5:], n=20)[18] for taken in seconds]


def files(at: Place) -> float:
    """How many times the ideal number of files there are."""
    found = maintain.files(at, READINGS)
    return found.count / maintain.ideal(at, found)


def there(at: Place) -> int:
    """Files of rows in the storage, those that no newest version names too."""
    found = s3.objects(
        at.lake.storage, places.bucket(at.settings, READINGS), places.folder(READINGS)
    )
    keys = (one["Key"] for one in found)
    return sum("_delta_log" not in key and key.endswith(".parquet") for key in keys)


if __name__ == "__main__":
    main()
