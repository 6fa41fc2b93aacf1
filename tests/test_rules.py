"""Row rules: what each expectation demands of a row, and which rule files are refused."""

import json

import pytest

from lakehouse import rules, silver, tables
from lakehouse.errors import BadRule

META = {"severity": "quarantine", "sentence": "It is so.", "owner": "nobody"}
RULES = {
    "not_null": ("values_to_not_be_null", {"column": "n"}),
    "null": ("values_to_be_null", {"column": "n"}),
    "from_2_to_4": ("values_to_be_between", {"column": "n", "min_value": 2, "max_value": 4}),
    "at_least_0": ("values_to_be_between", {"column": "n", "min_value": 0}),
    "at_most_0": ("values_to_be_between", {"column": "n", "max_value": 0}),
    "above_2_below_4": (
        "values_to_be_between",
        {"column": "n", "min_value": 2, "max_value": 4, "strict_min": True, "strict_max": True},
    ),
    "2_letters": ("value_lengths_to_be_between", {"column": "t", "min_value": 2, "max_value": 2}),
    "in_set": ("values_to_be_in_set", {"column": "t", "value_set": ["ab", "xyz"]}),
    "not_in_set": ("values_to_not_be_in_set", {"column": "t", "value_set": ["ab"]}),
    "regex": ("values_to_match_regex", {"column": "t", "regex": "^[a-c]+$"}),
    "above_m": ("pair_values_a_to_be_greater_than_b", {"column_A": "n", "column_B": "m"}),
    "m_or_above": (
        "pair_values_a_to_be_greater_than_b",
        {"column_A": "n", "column_B": "m", "or_equal": True},
    ),
    "where_t_is_ab": (
        "values_to_be_between",
        {"column": "n", "min_value": 9, "row_condition": "t = 'ab'", "condition_parser": "spark"},
    ),
}
# n, m and t of a row, and the rules that it breaks.
ROWS = {
    "nulls": (None, None, None, {"not_null"}),
    "least": (2, 1, "ab", {"null", "at_most_0", "above_2_below_4", "not_in_set", "where_t_is_ab"}),
    "most": (
        4,
        5,
        "xyz",
        {"null", "at_most_0", "above_2_below_4", "2_letters", "regex", "above_m", "m_or_above"},
    ),
    "between": (3, 3, "c", {"null", "at_most_0", "2_letters", "in_set", "above_m"}),
    "below": (
        -1,
        None,
        "AB",
        {"null", "from_2_to_4", "at_least_0", "above_2_below_4", "in_set", "regex"},
    ),
    "above": (9, 8, None, {"null", "from_2_to_4", "at_most_0", "above_2_below_4"}),
}


def expectation(name, kind, kwargs, **meta):
    prefix = "expect_column_" if not kind.startswith("expect") else ""
    return {"type": prefix + kind, "kwargs": kwargs, "meta": {"id": name, **META, **meta}}


@pytest.fixture
def load(tmp_path, spark):
    """Write a rule file and load it as that of silver.things."""

    def of(*expectations, text=None):
        content = text or json.dumps({"name": "silver.things", "expectations": expectations})
        (tmp_path / "things.json").write_text(content)
        return rules.load("silver.things", tmp_path)

    return of


@pytest.fixture(scope="module")
def broken(spark, tmp_path_factory):
    """Row -> the rules it breaks."""
    folder = tmp_path_factory.mktemp("rules")
    suite = {"expectations": [expectation(name, *rule) for name, rule in RULES.items()]}
    (folder / "things.json").write_text(json.dumps(suite))
    rows = [(name, n, m, t) for name, (n, m, t, _) in ROWS.items()]
    frame = spark.createDataFrame(rows, "name string, n int, m int, t string")
    return dict(frame.select("name", rules.load("silver.things", folder).broken()).collect())


@pytest.mark.parametrize(("row", "ids"), [(name, cells[3]) for name, cells in ROWS.items()])
def test_a_row_breaks_these_rules_and_a_null_only_the_one_that_forbids_it(broken, row, ids):
    assert set(broken[row]) == ids


def test_broken_rules_are_named_in_the_order_of_the_file(broken):
    order = list(RULES)
    assert all(ids == sorted(ids, key=order.index) for ids in broken.values())


def test_only_rules_of_severity_quarantine_are_judged_on_a_row(load):
    kind = "values_to_not_be_null"
    suite = load(
        expectation("gate", kind, {"column": "n"}, severity="fail"),
        expectation("table", "expect_table_row_count_to_equal", {"value": 1}, severity="warn"),
        expectation("row", kind, {"column": "m"}),
    )
    assert [rule.id for rule in suite.rules] == ["row"]
    assert suite.rules[0].sentence == "It is so."


def test_the_version_of_a_suite_changes_with_its_file(load):
    one = expectation("one", *RULES["not_null"])
    assert (
        load(one).version
        == load(one).version
        != load(one, one | {"meta": one["meta"] | {"id": "two"}}).version
    )


def test_a_table_without_a_rule_file_has_no_rules_and_none_is_broken(spark, tmp_path):
    suite = rules.load("silver.things", tmp_path)
    assert (suite.rules, suite.version) == ((), "none")
    assert spark.range(1).select(suite.broken()).first()[0] == []


def test_an_expectation_that_allows_exceptions_is_refused_and_those_that_can_be_judged_listed(load):
    name, (kind, kwargs) = "most", RULES["not_null"]
    with pytest.raises(
        BadRule,
        match=r"things\.json: most \(expect_column_values_to_not_be_null\) cannot be judged on one row; without `mostly`, those that can are expect_column_pair_.*expect_column_values_to_not_be_null",
    ):
        load(expectation(name, kind, kwargs | {"mostly": 0.9}))


def test_an_expectation_that_allows_no_exception_may_say_so(load):
    kind, kwargs = RULES["not_null"]
    assert len(load(expectation("all", kind, kwargs | {"mostly": 1.0})).rules) == 1


def test_an_expectation_of_a_whole_column_is_refused_and_those_that_can_be_judged_listed(load):
    with pytest.raises(
        BadRule, match=r"unique \(expect_column_values_to_be_unique\) cannot.*to_be_in_set"
    ):
        load(expectation("unique", "values_to_be_unique", {"column": "n"}))


@pytest.mark.parametrize("name", ["id", "severity", "sentence", "owner"])
def test_an_expectation_that_lacks_a_meta_entry_is_refused(load, name):
    one = expectation("one", *RULES["not_null"])
    del one["meta"][name]
    with pytest.raises(
        BadRule, match=rf"expect_column_values_to_not_be_null lacks {name} in its meta"
    ):
        load(one)


def test_an_expectation_without_meta_is_refused(load):
    one = expectation("one", *RULES["not_null"])
    del one["meta"]
    with pytest.raises(BadRule, match="lacks id, severity, sentence, owner in its meta"):
        load(one)


def test_an_id_that_stands_twice_is_refused(load):
    one = expectation("one", *RULES["not_null"])
    with pytest.raises(BadRule, match=r"things\.json: the id one stands twice"):
        load(one, one)


def test_an_unknown_severity_is_refused_and_the_known_ones_listed(load):
    one = expectation("one", *RULES["not_null"], severity="grave")
    with pytest.raises(BadRule, match="one has severity 'grave'; there are fail, quarantine, warn"):
        load(one)


def test_a_missing_argument_is_refused(load):
    with pytest.raises(
        BadRule, match=r"one \(expect_column_values_to_be_in_set\) lacks the argument 'value_set'"
    ):
        load(expectation("one", "values_to_be_in_set", {"column": "t"}))


@pytest.mark.parametrize("text", ["{", "[]", "{}", "null"])
def test_what_is_no_suite_is_refused(load, text):
    with pytest.raises(BadRule, match=r"things\.json: not a Great Expectations suite"):
        load(text=text)


@pytest.mark.parametrize("table", tables.SILVER, ids=lambda table: table.name)
def test_the_rules_that_ship_can_be_judged_on_the_rows_that_are_built(table, frame):
    built = silver.BUILD[table.name](*map(frame, table.upstream))
    suite = rules.load(table.name)
    assert suite.rules
    judged = built.select("*", suite.broken().alias("broken"))  # unknown columns are refused here
    assert judged.columns[-1] == "broken"
    assert all(rule.sentence.endswith(".") for rule in suite.rules)


def test_every_rule_file_that_ships_is_of_a_table_that_the_gate_judges():
    assert set(rules.FOLDER.glob("*.json")) <= {rules.file_of(one.name) for one in tables.JUDGED}
