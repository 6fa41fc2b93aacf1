"""Gold without Spark: DuckDB, Polars and pandas read the same numbers as Spark."""

import re

import polars as pl
import pytest
from pyspark.sql import functions as F

from lakehouse import query, tables
from lakehouse.commands.demo import NEXT

pytestmark = pytest.mark.timeout(900)
# No customer of the small world wears a sensor.
EMPTY = {"gold.customer_hours"}


def by_spark(lakehouse, table, numbers):
    sums = [F.sum(name).cast("bigint") for name in numbers]
    row = lakehouse.store.read(table).agg(F.count("*"), *sums).first()
    return tuple(int(value or 0) for value in row)


def by_duckdb(lakehouse, table, numbers):
    sums = ", ".join(["count(*)", *(f"sum({name})" for name in numbers)])
    [row] = lakehouse.lake.sql().sql(f"SELECT {sums} FROM {table.name}").fetchall()
    return tuple(int(value or 0) for value in row)


def by_polars(lakehouse, table, numbers):
    lake = lakehouse.lake
    frame = pl.read_delta(lake.uri(table), storage_options=lake.storage_options)
    return frame.height, *(int(frame[name].sum()) for name in numbers)


def by_pandas(lakehouse, table, numbers):
    frame = lakehouse.lake.open(table).to_pandas()
    return len(frame), *(int(frame[name].sum()) for name in numbers)


@pytest.mark.parametrize("table", tables.GOLD, ids=lambda table: table.name)
def test_four_readers_see_the_same_numbers(lakehouse, table):
    numbers = [column.name for column in table.columns if column.type in ("bigint", "int")]
    expected = by_spark(lakehouse, table, numbers)
    assert expected[0] > 0 or table.name in EMPTY
    assert by_duckdb(lakehouse, table, numbers) == expected
    assert by_polars(lakehouse, table, numbers) == expected
    assert by_pandas(lakehouse, table, numbers) == expected


def test_what_the_demo_says_to_ask_next_has_an_answer(lakehouse):
    asked = re.findall(r'lakehouse sql "(.+)"', NEXT)
    assert len(asked) == NEXT.count("lakehouse sql") > 0
    for text in asked:
        assert query.Session(lakehouse.lake).ask(text).num_rows > 0
