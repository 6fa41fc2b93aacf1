"""What we compile and Great Expectations itself find the same rows broken, rule by rule."""

import pytest
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.registry import _registered_expectations, _registered_metrics

from lakehouse.rules import kinds
from tests import gx
from tests.edges import EDGES, as_rules, edge_rows, expectations, with_conditions


def broken(frame, expectations):
    """Id of each rule -> the rows of `frame` that break what we compiled."""
    compiled = {one["meta"]["id"]: kinds.of("of.json", one).broken() for one in expectations}
    judged = frame.select("row", *(column.alias(f"r{rule}") for rule, column in compiled.items()))
    rows = judged.collect()
    assert {row[f"r{rule}"] for row in rows for rule in compiled} <= {True, False}
    return {rule: [row["row"] for row in rows if row[f"r{rule}"]] for rule in compiled}


def differing(frame, expectations):
    """The expectations of which GX counts another number of rows, with both numbers."""
    ours, theirs = broken(frame, expectations), gx.counts(frame, expectations)
    return [
        (one, len(ours[rule]), theirs[rule])
        for one in expectations
        if len(ours[rule := one["meta"]["id"]]) != theirs[rule]
    ]


@pytest.fixture(scope="module")
def edges(spark):
    """The frame of edge values."""
    return spark.createDataFrame(edge_rows(), EDGES).coalesce(1).localCheckpoint()


def test_every_expectation_breaks_as_many_rows_as_gx_counts(edges):
    assert differing(edges, as_rules(expectations())) == []


@pytest.mark.filterwarnings("ignore:.*row_condition parameter:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The condition_parser parameter:DeprecationWarning")
def test_every_row_condition_leaves_the_rows_that_gx_leaves(edges):
    assert differing(edges, as_rules(with_conditions())) == []


def test_they_are_the_same_rows(edges):
    of_each = {kind: (kind, kwargs) for kind, kwargs in expectations()}
    assert {f"expect_{kind}" for kind in of_each} == set(kinds.KINDS)
    one_of_each = as_rules(of_each.values())
    ours = broken(edges, one_of_each)
    assert all(0 < len(rows) < 193 for rows in ours.values())
    assert ours == gx.unexpected(edges, one_of_each)


# What GX judges row by row on Spark and we do not, as it looks at other rows, or (the last) as GX
# itself stops where a cell is no JSON.
OF_MANY_ROWS = {
    "expect_column_values_to_be_unique",
    "expect_compound_columns_to_be_unique",
    "expect_column_values_to_be_increasing",
    "expect_column_values_to_be_decreasing",
    "expect_column_values_to_not_be_outliers",
    "expect_column_value_z_scores_to_be_less_than",
    "expect_column_values_to_match_json_schema",
}


def test_all_that_gx_judges_row_by_row_on_spark_is_compiled_or_needs_other_rows():
    engine = SparkDFExecutionEngine.__name__
    found = {
        name
        for name, kind in _registered_expectations.items()
        if kind.__module__.startswith("great_expectations.expectations.core")
        and (metric := getattr(kind, "map_metric", None))
        and engine in _registered_metrics.get(f"{metric}.condition", {}).get("providers", {})
    }
    assert found - OF_MANY_ROWS == set(kinds.KINDS)
