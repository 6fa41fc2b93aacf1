"""Rank correlation and its interval, beside a published example."""

from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import functions as F

from lakehouse import association

# The example of `ci.spear` in Bonett's package statpsych, with what it says it returns.
Y = (21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19)
X = (67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51)
PUBLISHED = (0.8699639, 0.5840951, 0.9638297)


@pytest.fixture
def found(spark):
    """What is found of series of pairs, by name."""

    def of(**series):
        start = datetime(2026, 3, 1, tzinfo=UTC)
        rows = [
            (name, start + timedelta(hours=n), x, y)
            for name, pairs in series.items()
            for n, (x, y) in enumerate(pairs)
        ]
        pairs = spark.createDataFrame(rows, "name string, at timestamp, x bigint, y bigint")
        rho = association.spearman(pairs, ["name"], x="x", y="y", at="at")
        low, high = association.interval(F.col("rho"), F.col("pairs"))
        told = rho.withColumns({"low": low, "high": high}).collect()
        return {row.name: row for row in told}

    return of


def test_rho_and_its_interval_are_those_of_the_published_example(found):
    row = found(one=zip(X, Y, strict=True))["one"]
    assert (row.rho, row.low, row.high) == pytest.approx(PUBLISHED, abs=5e-7)
    assert row.pairs == 15


def test_the_limits_are_reached_and_what_never_changes_goes_with_nothing(found):
    rows = found(
        up=[(1, 10), (2, 30), (5, 31), (9, 99)],
        down=[(1, 4), (2, 3), (3, 2), (4, 1)],
        still=[(7, 1), (7, 2), (7, 3), (7, 4)],
        few=[(1, 2), (2, 1), (3, 3)],
    )
    assert (rows["up"].rho, rows["down"].rho) == pytest.approx((1.0, -1.0))
    assert rows["still"].rho is None
    assert rows["few"].rho == pytest.approx(0.5)
    assert (rows["few"].low, rows["few"].high) == (None, None)


def test_hours_that_resemble_the_hour_before_count_for_less(found):
    slow = [(n, n) for n in range(40)]
    quick = [(n * 17 % 40, n * 17 % 40) for n in range(40)]
    rows = found(slow=slow, quick=quick)
    assert rows["slow"].effective_pairs < 5
    assert rows["quick"].effective_pairs > 20
    assert rows["slow"].rho == rows["quick"].rho
