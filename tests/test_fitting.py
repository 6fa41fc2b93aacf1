"""Rules that do not fit the rows they are to judge are refused before one of these is read."""

import json

import pytest

from lakehouse import rules
from lakehouse.errors import BadRule
from tests.test_rules import expectation
from tests.test_rules_refused import BETWEEN


@pytest.fixture
def load(tmp_path, spark):
    """Write a rule file and load it as that of silver.things."""

    def of(*expectations):
        (tmp_path / "things.json").write_text(json.dumps({"expectations": expectations}))
        return rules.load("silver.things", tmp_path)

    return of


MISFITS = {
    "a column that is not there": (
        "values_to_not_be_null",
        {"column": "nn"},
        r"does not fit the rows: \[UNRESOLVED_COLUMN.*`nn`.*`n`, `m`",
    ),
    "a condition on a column that is not there": (
        "values_to_not_be_null",
        {"column": "n", "row_condition": "tt = 'a'"},
        r"does not fit the rows: \[UNRESOLVED_COLUMN.*`tt`",
    ),
    "an aggregate as a condition": (
        "values_to_not_be_null",
        {"column": "n", "row_condition": "count(n) > 1"},
        r"does not fit the rows: ",
    ),
    "a text with a number": (
        BETWEEN,
        {"column": "t", "max_value": 5},
        r"compares t, which is string, with 5; allowed are numbers for a number, texts for a text",
    ),
    "a number with texts": (
        "values_to_be_in_set",
        {"column": "n", "value_set": ["a"]},
        r"compares n, which is int, with 'a'; allowed",
    ),
    "a date with a number": (
        BETWEEN,
        {"column": "day", "min_value": 5},
        r"does not fit the rows: \[DATATYPE_MISMATCH.*\"DATE\" and \"DOUBLE\"",
    ),
    "an instant with a text that is none": (
        "values_to_be_in_set",
        {"column": "at", "value_set": ["yesterday"]},
        r"compares at, which is timestamp, with 'yesterday'; allowed",
    ),
    "a text beside a number": (
        "pair_values_to_be_equal",
        {"column_A": "t", "column_B": "n"},
        r"compares t, which is string and n, which is int; allowed are two texts, or none$",
    ),
    "a pair of the wrong types": (
        "pair_values_to_be_in_set",
        {"column_A": "t", "column_B": "n", "value_pairs_set": [["a", None], [None, "b"]]},
        r"compares n, which is int, with 'b'; allowed",
    ),
    "a sum of texts": (
        "expect_multicolumn_sum_to_equal",
        {"column_list": ["t", "n"], "sum_total": 1},
        r"compares t, which is string, with 1; allowed",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_rule_that_does_not_fit_the_rows_is_refused_before_one_is_read(load, spark, case):
    kind, kwargs, sentence = MISFITS[case]
    rows = spark.createDataFrame([], "n int, m int, t string, day date, at timestamp")
    suite = load(expectation("one", kind, kwargs))
    with pytest.raises(BadRule, match=rf"^things\.json: one \(expect_\w+\) .*{sentence}") as fault:
        suite.check(rows)
    assert "\n" not in str(fault.value)


def test_a_rule_that_fits_the_rows_is_not_refused(load, spark):
    rows = spark.createDataFrame([], "n int, t string, at timestamp, s struct<n: bigint>")
    load(
        expectation("lengths", "value_lengths_to_be_between", {"column": "t", "min_value": 1}),
        expectation("instants", BETWEEN, {"column": "at", "min_value": "2026-03-01"}),
        expectation("inside", BETWEEN, {"column": "s.n", "min_value": 1}),
        expectation("words", "values_to_be_in_set", {"column": "t", "value_set": ["a"]}),
    ).check(rows)
