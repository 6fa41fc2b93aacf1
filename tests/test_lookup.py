"""Who has won so far: few messages are asked about without Spark, and the answer is the same."""

import functools
from collections import Counter

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import judging, tables
from lakehouse.lookup import Lookup

READINGS = tables.by_name("silver.readings")


def held(place, table):
    return judging.held(place.store.read(table), table.name, table.repeats)


def test_duckdb_answers_for_every_table_as_spark_does(lakehouse):
    """Two rows of three are asked for, a stranger beside each, and the others though they are bad."""
    every = functools.reduce(
        DataFrame.unionByName, (held(lakehouse, table) for table in tables.SILVER)
    )
    turn = F.abs(F.xxhash64("table_name", "key")) % 3
    known = every.where(turn != 1).withColumn("reasons", F.array().cast("array<string>"))
    stranger = known.withColumn("key", F.concat("key", F.lit("?")))
    bad = every.where(turn == 1).withColumn("reasons", F.array(F.lit("x")))
    told = known.unionByName(stranger).unionByName(bad).localCheckpoint()
    expected = judging.winners(every, told)
    assert not bad.isEmpty()
    versions = {table: lakehouse.lake.version(table) for table in tables.SILVER}
    found = lakehouse.lookup.winners(versions, told.toArrow())
    filled = {table.name for table in tables.SILVER if lakehouse.lake.rows(table)}
    assert {row["table_name"] for row in expected.collect()} == filled
    assert len(filled) > len(tables.SILVER) - 3
    actual = lakehouse.spark.createDataFrame(found)
    assert actual.dtypes == expected.dtypes
    assert Counter(actual.collect()) == Counter(expected.collect())


@pytest.mark.parametrize("turn", [1, 2])
def test_files_that_came_since_are_asked_too(lakehouse, turn):
    del turn  # what was read is kept in memory
    told = held(lakehouse, READINGS).withColumn("reasons", F.array().cast("array<string>"))
    told = told.limit(5).toArrow()
    lookup = Lookup(lakehouse.lake)
    assert lookup.winners({}, told).num_rows == 0
    before = lookup.winners({READINGS: 0}, told)  # the version that made the table
    assert before.num_rows == 0
    now = lookup.winners({READINGS: lakehouse.lake.version(READINGS)}, told)
    assert now.num_rows == 5
