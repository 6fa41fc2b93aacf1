"""Rule files that are refused: which, and the one sentence that says what is wrong and allowed."""

import json
import subprocess
import sys

import pytest

from lakehouse import rules
from lakehouse.errors import BadRule
from tests.test_rules import expectation

BETWEEN = "values_to_be_between"
ANY_CONDITION = r"allowed is a condition object of type comparison, nullity, and, or, pass_through"
WRONG = {  # what is given, and what the sentence says of it after file, id and type
    "an unknown argument": (
        "values_to_not_be_null",
        {"column": "n", "colum": "m"},
        r"has no argument 'colum'; it takes column$",
    ),
    "a result format, which is the gate's": (
        "values_to_be_in_set",
        {"column": "n", "value_set": [1], "result_format": "BASIC"},
        r"has no argument 'result_format'; it takes column, value_set$",
    ),
    "no column": (
        "values_to_not_be_null",
        {},
        r"lacks the argument 'column': the name of a column$",
    ),
    "a column that is no name": (
        "values_to_not_be_null",
        {"column": 5},
        r"has column = 5; allowed is the name of a column$",
    ),
    "no bound": (
        BETWEEN,
        {"column": "n", "min_value": None},
        r"has neither min_value nor max_value; it needs one of them or both$",
    ),
    "bounds in the wrong order": (
        BETWEEN,
        {"column": "n", "min_value": 5, "max_value": 4.5},
        r"has min_value = 5 and max_value = 4.5; min_value may not be above max_value$",
    ),
    "bounds of two kinds": (
        BETWEEN,
        {"column": "n", "min_value": 5, "max_value": "2026-03-01"},
        r"min_value = 5 and max_value = '2026-03-01'; allowed are two numbers, two dates or two",
    ),
    "a bound in words": (
        BETWEEN,
        {"column": "n", "min_value": "low"},
        r"min_value = 'low'; allowed is a number, a date such as 2026-03-01, or an instant with",
    ),
    "a number as text, as which GX would take it": (
        BETWEEN,
        {"column": "n", "min_value": "5"},
        r"has min_value = '5'; allowed is a number, a date",
    ),
    "an instant without offset": (
        BETWEEN,
        {"column": "n", "min_value": "2026-03-01T09:30:00"},
        r"has min_value = '2026-03-01T09:30:00'; allowed is .* such as 2026-03-01T09:30:00Z$",
    ),
    "a day that there is not": (
        BETWEEN,
        {"column": "n", "max_value": "2026-02-30"},
        r"has max_value = '2026-02-30'; allowed is",
    ),
    "a bound that is true": (BETWEEN, {"column": "n", "min_value": True}, "has min_value = True; "),
    "strictness in words": (
        BETWEEN,
        {"column": "n", "min_value": 1, "strict_min": "yes"},
        r"has strict_min = 'yes'; allowed is true or false$",
    ),
    "a length with a fraction": (
        "value_lengths_to_be_between",
        {"column": "t", "min_value": 1.5},
        r"has min_value = 1.5; allowed is a whole number, 0 or above$",
    ),
    "lengths in the wrong order": (
        "value_lengths_to_be_between",
        {"column": "t", "min_value": 2, "max_value": 1},
        r"has min_value = 2 and max_value = 1; min_value may not be above max_value$",
    ),
    "an empty set": (
        "values_to_be_in_set",
        {"column": "t", "value_set": []},
        r"has value_set = \[\]; allowed is a list of numbers, of texts or of true and false",
    ),
    "a set with null": (
        "values_to_be_in_set",
        {"column": "t", "value_set": ["a", None]},
        r"has value_set = \['a', None\]; allowed is .*, not empty, without null$",
    ),
    "a set of two kinds": (
        "values_to_not_be_in_set",
        {"column": "t", "value_set": ["a", 1]},
        r"has value_set = \['a', 1\]; allowed is a list",
    ),
    "a regex that Java cannot read": (
        "values_to_match_regex",
        {"column": "t", "regex": "^(a"},
        r"has the regex '\^\(a', which Java cannot read \(Unclosed group near index 3.*\); allowed",
    ),
    "a regex of Python's only": (
        "values_to_match_regex_list",
        {"column": "t", "regex_list": ["a", "(?P<year>x)"]},
        r"has the regex '\(\?P<year>x\)', which Java cannot read",
    ),
    "no regexes": (
        "values_to_not_match_regex_list",
        {"column": "t", "regex_list": []},
        r"has regex_list = \[\]; allowed is a list of regular expressions as Java reads them",
    ),
    "a mode of matching that there is not": (
        "values_to_match_regex_list",
        {"column": "t", "regex_list": ["a"], "match_on": "some"},
        r"has match_on = 'some'; allowed is 'any' or 'all'$",
    ),
    "a format that cannot be read": (
        "values_to_match_strftime_format",
        {"column": "t", "strftime_format": "%D"},
        r"has strftime_format = '%D'; allowed is a format that Python's strftime can write and",
    ),
    "pairs that are none": (
        "pair_values_to_be_in_set",
        {"column_A": "n", "column_B": "m", "value_pairs_set": [[1, 2, 3]]},
        r"has value_pairs_set = \[\[1, 2, 3\]\]; allowed is a list of pairs of values, not empty$",
    ),
    "rows to ignore of several columns, of two": (
        "pair_values_to_be_equal",
        {"column_A": "n", "column_B": "m", "ignore_row_if": "never"},
        r"has ignore_row_if = 'never'; allowed is 'both_values_are_missing' or 'either_value_is_",
    ),
    "one column where there must be several": (
        "expect_multicolumn_sum_to_equal",
        {"column_list": ["n"], "sum_total": 1},
        r"has column_list = \['n'\]; allowed is a list of two or more different names of columns$",
    ),
    "the same column twice": (
        "expect_select_column_values_to_be_unique_within_record",
        {"column_list": ["n", "n"]},
        r"has column_list = \['n', 'n'\]; allowed is a list of two or more different names",
    ),
    "a sum in words": (
        "expect_multicolumn_sum_to_equal",
        {"column_list": ["n", "m"], "sum_total": "all"},
        r"has sum_total = 'all'; allowed is a number$",
    ),
}
CONDITIONS = {
    "a condition of no known type": ({"type": "xor", "conditions": []}, ANY_CONDITION),
    "no condition in an and": ({"type": "and", "conditions": []}, ANY_CONDITION),
    "an empty text": ("", 'has row_condition = ""; ' + ANY_CONDITION),
    "an or within an and": (
        {"type": "and", "conditions": [{"type": "or", "conditions": []}]},
        r"has 'or' within 'and'; allowed is 'or' on top only$",
    ),
    "SQL within an and, which GX does not take": (
        {
            "type": "and",
            "conditions": [{"type": "pass_through", "pass_through_filter": "n > 1"}],
        },
        r"has 'pass_through' within 'and'; allowed is 'pass_through' on top only$",
    ),
    "an unknown operator": (
        {"type": "comparison", "column": {"name": "n"}, "operator": "=", "parameter": 1},
        r'"operator": "=", .*' + ANY_CONDITION,
    ),
    "a comparison with null": (
        {"type": "comparison", "column": {"name": "n"}, "operator": "==", "parameter": None},
        ANY_CONDITION,
    ),
    "a set of two kinds": (
        {"type": "comparison", "column": {"name": "n"}, "operator": "IN", "parameter": [1, "a"]},
        ANY_CONDITION,
    ),
    "SQL that cannot be read": (
        "n >",
        r"has row_condition = 'n >', which Spark cannot read \(\[PARSE_SYNTAX_ERROR\].*\); allowed",
    ),
    "SQL with a clock": (
        "at < current_timestamp()",
        r"has a row_condition with 'current_timestamp'; allowed is what the row alone decides, "
        r"without clock, chance or other rows$",
    ),
    "SQL with other rows": ("n > (SELECT 1)", r"has a row_condition with 'SELECT'; allowed is"),
}


@pytest.fixture
def load(tmp_path, spark):
    """Write a rule file of one expectation and load it as that of silver.things."""

    def of(*expectations):
        content = json.dumps({"name": "silver.things", "expectations": expectations})
        (tmp_path / "things.json").write_text(content)
        return rules.load("silver.things", tmp_path)

    return of


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_argument_is_refused_in_one_sentence_with_what_is_allowed(load, case):
    kind, kwargs, sentence = WRONG[case]
    with pytest.raises(BadRule, match=rf"^things\.json: one \(expect_\w+\) .*{sentence}") as fault:
        load(expectation("one", kind, kwargs))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("case", CONDITIONS)
def test_a_row_condition_that_cannot_be_compiled_is_refused(load, case):
    condition, sentence = CONDITIONS[case]
    given = {"column": "m", "row_condition": condition}
    with pytest.raises(BadRule, match=rf"^things\.json: one \(expect_\w+\) .*{sentence}") as fault:
        load(expectation("one", "values_to_not_be_null", given))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("parser", "condition", "sentence"),
    [
        ("pandas", "n > 1", "has condition_parser = 'pandas'; allowed is 'spark', 'great_exp"),
        ("great_expectations", "n > 1", 'has row_condition = "n > 1"; ' + ANY_CONDITION),
        # GX itself drops what follows the first comparison, and says nothing.
        ("great_expectations", 'col("n") > 1 and col("m") > 1', ANY_CONDITION),
    ],
)
def test_a_row_condition_that_its_parser_cannot_read_is_refused(load, parser, condition, sentence):
    given = {"column": "m", "row_condition": condition, "condition_parser": parser}
    with pytest.raises(BadRule, match=sentence):
        load(expectation("one", "values_to_not_be_null", given))


def test_a_text_that_names_a_clock_is_no_clock(load):
    given = {"column": "m", "row_condition": "t = 'now' OR `now` > 1"}
    assert load(expectation("one", "values_to_not_be_null", given)).rules


def test_rules_are_loaded_and_refused_without_spark(tmp_path):
    """What lists quarantined rows needs their sentences, and no engine for it."""
    code = (
        "import sys; from pathlib import Path; from lakehouse import rules\n"
        "print([rule.sentence for rule in rules.load('silver.zones').rules][0])\n"
        "rules.load('silver.things', Path(sys.argv[1]))"
    )
    one = expectation("one", BETWEEN, {"column": "n", "min_value": 2, "max_value": 1})
    (tmp_path / "things.json").write_text(json.dumps({"expectations": [one]}))
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.stdout == "The zone has an id.\n"
    assert "things.json: one (expect_column_values_to_be_between) has min_value = 2" in ran.stderr
