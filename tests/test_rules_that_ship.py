"""The rules in expectations/: what Great Expectations makes of the files, and of broken rows."""

import json
import random
from datetime import UTC, datetime

import pytest
from pyspark.sql import types as T

from lakehouse import rules, silver, tables
from tests import gx
from tests.test_rules_and_gx import broken, differing

FILES = sorted(rules.FOLDER.glob("*.json"))
NAN = float("nan")
TEXTS = (
    *("", "x", "X-1", "5", "NaN", "urn:epc:id:sgtin:0614141.812345.6789", "America/Chicago"),
    *("UTC", "utc", "Europe/", "EUR", "é", "2026-03-01"),
)
EDGES = {
    T.StringType: TEXTS,
    T.IntegerType: (-1, 0, 1, 7),
    T.LongType: (-1, 0, 1, 7),
    T.DoubleType: (NAN, float("inf"), -1.0, 0.0, 1.5),
    T.TimestampType: tuple(datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2)),
    T.BooleanType: (True, False),
}


def of_rows(path):
    """The expectations of a file that are judged row by row."""
    every = json.loads(path.read_text())["expectations"]
    return [one for one in every if one["meta"]["severity"] == "quarantine"]


def example(kind):
    """Some value of a type."""
    if isinstance(kind, T.ArrayType):
        return [example(kind.elementType)]
    if isinstance(kind, T.StructType):
        return tuple(example(one.dataType) for one in kind)
    return EDGES[type(kind)][-1]


def named(kwargs):
    """The columns that an expectation looks at."""
    names = [kwargs.get("column"), kwargs.get("column_A"), kwargs.get("column_B")]
    return [name for name in (*names, *kwargs.get("column_list", ())) if name]


def conditions(condition):
    """The parts of a row condition, all of which must hold."""
    return condition.get("conditions", [condition]) if condition else []


def pools(expectations, schema):
    """Column -> null, the edges of its type, and what the rules say of it, and what is beside."""
    found = {one.name: [None, *EDGES.get(type(one.dataType), ())] for one in schema}
    for one in schema:
        if len(found[one.name]) == 1:
            found[one.name].append(example(one.dataType))
    for one in expectations:
        kwargs = one["kwargs"]
        for name in named(kwargs):
            found[name] += kwargs.get("value_set", ())
            bounds = (kwargs.get("min_value"), kwargs.get("max_value"))
            beside = [at + by for at in bounds if at is not None for by in (-1, 0, 1)]
            found[name] += beside if isinstance(schema[name].dataType, T.NumericType) else ()
    whole = {one.name for one in schema if isinstance(one.dataType, T.IntegralType)}
    real = {one.name for one in schema if isinstance(one.dataType, T.DoubleType)}
    casts = {**dict.fromkeys(whole, int), **dict.fromkeys(real, float)}
    return {
        name: [
            value if value is None else casts.get(name, lambda one: one)(value) for value in pool
        ]
        for name, pool in found.items()
    }


def satisfied(part, pool):
    """A value with which one part of a row condition holds."""
    if part["type"] == "nullity":
        return None if part["is_null"] else pool[-1]
    values = part["parameter"]
    assert part["operator"] in ("==", "IN"), "say here which value satisfies it"
    return values[-1] if part["operator"] == "IN" else values


def spoiled(expectations, schema):
    """Rule by rule: rows with each value of its columns, within its row condition and anywhere."""
    draw = random.Random(6)
    values = pools(expectations, schema)
    rows = []
    for one in expectations:
        for name in named(one["kwargs"]):
            for value in values[name]:
                row = {column: draw.choice(pool) for column, pool in values.items()}
                rows.append(row | {name: value})
                for part in conditions(one["kwargs"].get("row_condition")):
                    at = part["column"]["name"]
                    row[at] = satisfied(part, values[at])
                rows.append(row | {name: value})
    return [(at, *(row[one.name] for one in schema)) for at, row in enumerate(rows)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_a_suite_that_great_expectations_loads_without_a_warning(path):
    said = json.loads(path.read_text())
    loaded = gx.suite(said["expectations"], said["name"])
    assert [one.meta["id"] for one in loaded.expectations] == [
        one["meta"]["id"] for one in said["expectations"]
    ]
    assert said["name"] in {table.name for table in tables.TABLES}
    assert rules.file_of(said["name"]) == path


@pytest.mark.parametrize("table", tables.SILVER, ids=lambda table: table.name)
def test_each_rule_fits_the_rows_that_are_built(table, frame):
    rules.load(table.name).check(silver.BUILD[table.name](*map(frame, table.upstream)))


@pytest.mark.parametrize("table", tables.SILVER, ids=lambda table: table.name)
def test_each_rule_breaks_as_many_spoiled_rows_as_gx_counts(table, spark, frame):
    expectations = of_rows(rules.FOLDER / f"{table.short_name}.json")
    schema = silver.BUILD[table.name](*map(frame, table.upstream)).schema
    rows = spoiled(expectations, schema)
    numbered = T.StructType([T.StructField("row", T.IntegerType()), *schema])
    for one in numbered:
        one.nullable = True
    spoiled_rows = spark.createDataFrame(rows, numbered).coalesce(1).localCheckpoint()
    for rule, found in broken(spoiled_rows, expectations).items():
        assert 0 < len(found) < len(rows), f"{rule}: no row here breaks it, or each does"
    assert differing(spoiled_rows, expectations) == []
