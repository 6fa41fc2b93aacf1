"""Judging a frame by Great Expectations: counts, bounds, references, and no pseudonym shown to it."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from lakehouse.errors import BadRule
from lakehouse.quality import judge

ROWS = [("a", 1, 10), ("b", 2, 20), ("b", 2, 30), (None, 3, None)]
QUERY = "expect_query_value_to_be_between"
DRIFT = "expect_distribution_to_match_reference"


def rule(name, kind, **kwargs):
    meta = {"id": name, "severity": "fail", "sentence": "It is so.", "owner": "nobody"}
    return {"type": kind, "kwargs": kwargs, "meta": meta}


@pytest.fixture(scope="module")
def frame(spark):
    return spark.newSession().createDataFrame(ROWS, "who string, n int, m int")


@pytest.fixture
def judged(frame):
    """What rules come to, by their id."""

    def of(*rules, on=frame, figures=(), subjects=()):
        found, seconds = judge.judge("silver.things", on, rules, dict(figures), subjects)
        assert seconds > 0
        return {one.id: one for one in found}

    return of


def test_each_kind_of_expectation_is_judged_with_what_it_saw(judged):
    found = judged(
        rule("rows", "expect_table_row_count_to_equal", value={"$PARAMETER": "kept"}),
        rule("more", "expect_table_row_count_to_equal", value={"$PARAMETER": "kept + 1"}),
        rule("named", "expect_column_values_to_not_be_null", column="who"),
        rule("counted", "expect_column_values_to_not_be_null", column="n"),
        rule("mean", "expect_column_mean_to_be_between", column="n", min_value=1, max_value=3),
        rule("key", "expect_compound_columns_to_be_unique", column_list=["who", "n"]),
        rule(
            "twice",
            "unexpected_rows_expectation",
            unexpected_rows_query="SELECT n FROM {batch} GROUP BY n HAVING count(*) > 1",
        ),
        rule("sum", QUERY, query="SELECT sum(m) FROM {batch}", max_value=50),
        rule("least", QUERY, query="SELECT min(m) FROM {batch}", min_value=10, max_value=10),
        figures={"kept": 4},
    )
    assert {name: one.holds for name, one in found.items()} == {
        "rows": True,
        "more": False,
        "named": False,
        "counted": True,
        "mean": True,
        "key": False,
        "twice": False,
        "sum": False,
        "least": True,
    }
    assert (found["named"].checked, found["named"].unexpected) == (4, 1)
    assert found["counted"].unexpected == 0
    assert found["key"].unexpected == 2
    assert [found[name].observed for name in ("rows", "mean", "twice", "sum")] == [4, 2, 1, 60]


def test_a_value_that_is_null_is_within_any_bounds(judged):
    found = judged(rule("none", QUERY, query="SELECT max(m) FROM {batch} WHERE n > 9", max_value=0))
    assert (found["none"].holds, found["none"].observed) == (True, None)


def test_a_query_may_look_at_other_tables_by_their_views(frame, judged):
    frame.sparkSession.sql("SELECT 'a' AS who").createOrReplaceTempView("known")
    found = judged(
        rule(
            "strangers",
            QUERY,
            query="SELECT count(*) FROM {batch} LEFT ANTI JOIN known USING (who)",
            max_value=0,
        )
    )
    assert (found["strangers"].holds, found["strangers"].observed) == (False, 3)


@pytest.mark.parametrize(
    ("new", "holds"), [((0, 1, 2, 3), True), ((0, 0, 0, 3), False), ((7, 7, 8, 9), False)]
)
def test_a_distribution_is_compared_with_that_of_the_reference_version(spark, judged, new, holds):
    session, noon = spark.newSession(), datetime(2026, 3, 1, 12)
    old = [(one, noon) for one in (0, 1, 2, 3) * 5]
    later = [(one, noon + timedelta(days=1)) for one in new * 5]
    session.createDataFrame(old, "m int, arrived_at timestamp").createOrReplaceTempView("reference")
    both = session.createDataFrame(old + later, "m int, arrived_at timestamp")
    drift = rule("drift", DRIFT, bucket="m", least_rows=20, max_value=0.25)
    found = judged(drift, on=both)["drift"]
    assert found.holds is holds
    assert found.observed == pytest.approx(0) if holds else found.observed > 0.25
    drift["kwargs"]["least_rows"] = 21
    assert judged(drift, on=both)["drift"].observed is None


def test_a_pseudonym_is_a_number_to_it_and_a_key_stays_unique(frame, judged):
    query = rule("subjects", QUERY, query="SELECT max(who) FROM {batch}", max_value=2**63)
    key = rule("key", "expect_compound_columns_to_be_unique", column_list=["who", "m"])
    found = judged(query, key, subjects=("who", "not_there"))
    assert abs(found["subjects"].observed) > 1000
    assert found["key"].holds


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (rule("bad", QUERY, query="SELECT nothing FROM {batch}", max_value=0), "nothing"),
        (rule("bad", "expect_miracles", column="n"), "expect_miracles"),
        (rule("bad", "expect_column_values_to_not_be_null"), "column"),
        (rule("bad", "expect_table_row_count_to_equal", value={"$PARAMETER": "x"}), "PARAMETER x"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_named_in_one_sentence(judged, broken, said):
    good = rule("good", QUERY, query="SELECT count(*) FROM {batch}", max_value=9)
    with pytest.raises(BadRule, match=rf"^things\.json: bad cannot be judged: .*{said}") as fault:
        judged(good, broken)
    assert "\n" not in str(fault.value)


def test_threads_that_read_rules_at_once_each_get_their_own_figures():
    asked = rule("more", "expect_table_row_count_to_equal", value={"$PARAMETER": "kept + 1"})

    def of(kept):
        return judge.built("silver.things", asked, {"kept": kept}).value

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(of, range(200)))
    finally:
        sys.setswitchinterval(before)
    assert found == [kept + 1 for kept in range(200)]
