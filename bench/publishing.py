"""What publishing costs: two million hours of zones (gold.shop_comfort) into a PostgreSQL of this machine.

    make bench-publish              ROWS=200000 fewer

First, again with nothing new, and with one row of a hundred changed; beside the last two, the same
written anew.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from bench import homes
from bench.results import Row
from bench.results import publish as told
from lakehouse import settings, tables
from lakehouse.lake import Lake
from lakehouse.publishing import connect, server
from lakehouse.publishing import tables as publishing

TABLE = tables.by_name("gold.shop_comfort")
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_SHOPS, _ZONES = 100, 20


def main() -> None:
    """Write the rows, publish them, print and write the results."""
    count = int(os.environ.get("ROWS") or 2_000_000)
    with homes.lake("bench-publish") as lake:
        lake.append(TABLE, rows(count))
        try:
            told("bench-publish", _figures(lake, count))
        finally:
            server.remove(settings.home())


def _figures(lake: Lake, count: int) -> list[Row]:
    running = server.start(settings.home())
    os.environ[connect.PASSWORD] = server.password(settings.home())
    connection = connect.connected(running.url)
    publishing.prepare(connection)
    sql = lake.duckdb("httpfs", "delta")

    def once(*, in_full: bool = False) -> publishing.Published:
        return publishing.publish(connection, lake, sql, TABLE, in_full=in_full)

    first, done = _timed(once)
    assert (done.how, done.rows) == ("new", count)
    nothing, done = _timed(once)
    assert done.how == "as it was"
    lake.open(TABLE).update({"entries": "entries + 1"}, predicate="noise_leq_db = 1.0")
    changed, done = _timed(once)
    assert done.written == done.removed == count // 100
    anew, _ = _timed(lambda: once(in_full=True))
    [[size]] = connection.run("SELECT pg_total_relation_size('gold.shop_comfort')")
    connection.close()
    return [
        Row(f"first time, {count:,} rows", first, "s"),
        Row("nothing new", nothing, "s", None, anew, "s written anew"),
        Row("one row of a hundred changed", changed, "s", None, anew, "s written anew"),
        Row("on disk, with indexes", size / 1e6, "MB"),
    ]


def _timed(call: Callable[[], publishing.Published]) -> tuple[float, publishing.Published]:
    since = time.perf_counter()
    done = call()
    return time.perf_counter() - since, done


def rows(count: int) -> pa.Table:
    """Each zone's hours, whose numbers differ; noise counts to a hundred."""
    number = pa.array(range(count), pa.int64())
    zone, hour = _parted(number, _SHOPS * _ZONES)
    shop = _parted(zone, _SHOPS)[0]
    at = pc.add(pa.scalar(_FIRST, pa.timestamp("us", tz="UTC")), _hours(hour))
    part = pc.cast(_parted(number, 100)[0], pa.float64())
    known = {
        "shop_id": pc.binary_join_element_wise("S", pc.cast(shop, pa.string()), ""),
        "zone_id": pc.binary_join_element_wise("Z", pc.cast(zone, pa.string()), ""),
        "hour_at": at,
        "entries": number,
        "noise_leq_db": part,
        "temperature_mean_c": pc.add(pc.divide(part, 7.0), 15.0),
        "batch_id": pa.array(["b"] * count),
    }
    of = {"string": pa.string(), "bigint": pa.int64(), "int": pa.int32(), "double": pa.float64()}
    of |= {"date": pa.date32(), "timestamp": pa.timestamp("us", tz="UTC"), "boolean": pa.bool_()}
    zero = {"bigint": 0, "int": 0, "double": 0.0, "string": "", "boolean": False}
    cells = []
    for column in TABLE.columns:
        kind = of.get(column.type, pa.list_(pa.string()))
        if column.name in known:
            cells.append(pc.cast(known[column.name], kind))
        else:
            filled = zero.get(column.type, _FIRST.date()) if column.is_never_null else None
            cells.append(pa.array([filled] * count, kind))
    return pa.Table.from_arrays(cells, names=list(TABLE.column_names))


def _parted(number: pa.Array, by: int) -> tuple[pa.Array, pa.Array]:
    """Rest and quotient."""
    quotient = pc.divide(number, by)
    return pc.subtract(number, pc.multiply(quotient, by)), quotient


def _hours(hour: pa.Array) -> pa.Array:
    step = int(timedelta(hours=1) / timedelta(microseconds=1))
    return pc.cast(pc.multiply(hour, step), pa.duration("us"))


if __name__ == "__main__":
    main()
