"""gold.data_quality: shares of pairs of a rule and a message, by table, day and dimension."""

from datetime import date, datetime

import pytest
from chispa import assert_df_equality

from lakehouse.gold import data_quality

NOON, DAY = datetime(2026, 3, 1, 12), date(2026, 3, 1)
LATER = datetime(2026, 3, 2, 9)


def counted(rule, dimension, checked, unexpected, **known):
    return row(rule, dimension, "counted", checked=checked, unexpected=unexpected, **known)


def row(rule, dimension, verdict, **known):
    about = {
        "table_name": "silver.sales",
        "version": 7,
        "expectation_id": rule,
        "dimension": dimension,
        "verdict": verdict,
        "arrived_at": NOON,
        "run_id": "g1",
        "judged_at": NOON,
    }
    return about | known


@pytest.fixture
def scores(frame):
    """(dimension, score, numerator, denominator, worst rule) of the rows of ops.quality_results."""

    def of(*rows):
        built = data_quality.build(frame("ops.quality_results", *rows))
        columns = ("dimension", "score", "numerator", "denominator", "worst_rule")
        return sorted(tuple(one[name] for name in columns) for one in built.collect())

    return of


def test_a_row_is_a_table_a_day_and_a_dimension(spark, frame):
    rows = [
        counted("said_once", "relevance", 10, 3),
        counted("said_once", "relevance", 5, 0, arrived_at=LATER),
        counted("said_once", "relevance", 4, 1, table_name="silver.devices"),
    ]
    expected = spark.createDataFrame(
        [
            ("silver.sales", DAY, "relevance", 0.7, 7, 10, "said_once"),
            ("silver.sales", LATER.date(), "relevance", 1.0, 5, 5, None),
            ("silver.devices", DAY, "relevance", 0.75, 3, 4, "said_once"),
        ],
        "table_name string, arrived_on date, dimension string, score double, numerator bigint, "
        "denominator bigint, worst_rule string",
    )
    built = data_quality.build(frame("ops.quality_results", *rows))
    assert_df_equality(built, expected, ignore_row_order=True, ignore_nullable=True)


def test_rules_of_a_dimension_are_added_up_over_the_runs_of_a_day(scores):
    assert scores(
        counted("price_is_there", "completeness", 10, 1),
        counted("price_is_there", "completeness", 20, 0, version=8, run_id="g2"),
        counted("shop_is_there", "completeness", 30, 9),
    ) == [("completeness", 0.833333, 50, 60, "shop_is_there")]


def test_a_rule_of_the_gate_stands_for_all_messages_by_its_last_verdict_of_the_day(scores):
    assert scores(
        counted("said_once", "relevance", 10, 0),
        row("key_is_unique", "integrity", "failed", judged_at=NOON, run_id="g1"),
        row("key_is_unique", "integrity", "passed", judged_at=LATER, run_id="g2"),
        row("sums_agree", "integrity", "passed", judged_at=NOON, run_id="g1"),
        row("sums_agree", "integrity", "failed", judged_at=LATER, run_id="g2"),
    ) == [("integrity", 0.5, 10, 20, "sums_agree"), ("relevance", 1.0, 10, 10, None)]


def test_without_messages_a_rule_of_the_gate_is_one_pair(scores):
    assert scores(
        row("a", "volume", "passed"), row("b", "volume", "failed"), row("c", "volume", "passed")
    ) == [("volume", 0.666667, 2, 3, "b")]


def test_what_looked_at_nothing_or_has_no_day_gives_no_score(scores):
    assert (
        scores(
            counted("in_time", "timeliness", 0, 0),
            row("a", "volume", "failed", arrived_at=None),
        )
        == []
    )
