"""gold.experiments: an effect is found, none is not taken for one, a crooked split is said."""

from datetime import UTC, datetime

import pytest
from pyspark.sql import functions as F

from lakehouse.gold import experiments
from tests.worlds import rows_of

USES = 0.10


@pytest.fixture(scope="module")
def nobody(spark):
    """gold.assignments where no offer is declared."""
    return rows_of(spark, "gold.assignments", [])


def assigned(rows, shares, control):
    """gold.assignments that agree with what was shown."""
    return rows.select(
        "subject",
        "offer_id",
        "variant",
        F.create_map(*(F.lit(one) for pair in shares.items() for one in pair))[
            F.col("variant")
        ].alias("share"),
        F.lit(control).alias("control"),
    )


def exposures(spark, *, offers, a_form, lift, seed, split=0.5):
    """So many customers a form of each offer: A is used by USES of them, B by `lift` more."""
    of = offers * 2 * a_form
    return (
        spark.range(of)
        .withColumn("offer_id", F.concat(F.lit("o"), F.col("id") % offers))
        .withColumn("subject", F.concat(F.lit("p"), F.col("id")))
        .withColumn("exposure_id", F.col("id").cast("string"))
        .withColumn("variant", F.when(F.rand(seed) < split, "B").otherwise("A"))
        .withColumn("uses", F.when(F.col("variant") == "B", USES + lift).otherwise(USES))
        .withColumn("is_used", F.rand(seed + 1) < F.col("uses"))
        .withColumn("shown_at", F.timestamp_seconds("id"))
        .withColumn("nth", F.lit(1))
    )


def test_figures_are_those_worked_out_by_hand(spark, nobody):
    """Agresti and Caffo of 30 of 100 beside 20 of 100: 31/102 - 21/102, ± 1.96 standard errors."""
    rows = (
        spark.range(200)
        .withColumn("variant", F.when(F.col("id") < 100, "A").otherwise("B"))
        .withColumn("is_used", F.col("id") % 100 < F.when(F.col("id") < 100, 20).otherwise(30))
        .selectExpr("*", "'o' AS offer_id", "1 AS nth", "timestamp_seconds(id) AS shown_at")
        .withColumn("subject", F.col("id").cast("string"))
    )
    again = rows.union(rows.withColumn("nth", F.lit(2)))
    [row] = experiments.build(again, nobody).collect()
    assert row.strayed is None
    assert (row.control, row.subjects, row.used) == ("A", 100, 30)
    assert (row.control_subjects, row.control_used) == (100, 20)
    assert row.lift == pytest.approx(0.10)
    assert row.lift_low == pytest.approx(-0.0208, abs=1e-4)
    assert row.lift_high == pytest.approx(0.2169, abs=1e-4)
    assert row.verdict == "open"


def test_a_use_of_a_later_showing_of_the_same_form_counts_and_of_another_form_does_not(
    spark, nobody
):
    rows = [
        {"subject": f"p{n}", "exposure_id": f"{n}-{nth}", "offer_id": "o", "nth": nth}
        | {"variant": variant, "is_used": is_used, "shown_at": datetime(2026, 3, nth, tzinfo=UTC)}
        | {"batch_id": "b"}
        for n, told in enumerate(
            (
                (("A", False), ("A", True)),
                (("A", False), ("B", True)),
                (("B", False), ("A", True)),
                (("B", False), ("A", False), ("B", True)),
            )
        )
        for nth, (variant, is_used) in enumerate(told, start=1)
    ]
    [row] = experiments.build(rows_of(spark, "gold.exposures", rows), nobody).collect()
    assert (row.control_subjects, row.control_used, row.subjects, row.used) == (2, 1, 2, 1)


def test_a_declared_control_that_nobody_was_shown_is_beside_nothing(spark):
    rows = exposures(spark, offers=1, a_form=100, lift=0.0, seed=1)
    declared = assigned(rows, {"A": 0.4, "B": 0.4, "plain": 0.2}, "plain")
    assert experiments.build(rows, declared).count() == 0


def test_an_effect_is_recovered(spark, nobody):
    rows = exposures(spark, offers=1, a_form=5000, lift=0.06, seed=1)
    found = experiments.build(rows, nobody).first()
    assert found.verdict == "better"
    assert found.lift_low <= 0.06 <= found.lift_high
    rows = exposures(spark, offers=1, a_form=5000, lift=-0.06, seed=1)
    worse = experiments.build(rows, nobody).first()
    assert worse.verdict == "worse"


def test_nothing_is_taken_for_an_effect_in_at_most_16_of_200_however_often_one_looks(spark, nobody):
    rows = exposures(spark, offers=200, a_form=1000, lift=0.0, seed=5).persist()
    found = set()
    for share in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0):
        seen = experiments.build(rows.where(F.col("id") < 200 * 2000 * share), nobody)
        found |= {row.offer_id for row in seen.where("verdict <> 'open'").collect()}
    assert len(found) <= 16
    rows.unpersist()


def test_a_split_that_is_not_as_declared_is_said_whatever_came_of_it(spark, nobody):
    rows = exposures(spark, offers=1, a_form=2000, lift=0.1, seed=3, split=0.6).persist()
    assert experiments.build(rows, nobody).first().verdict == "not sampled evenly"
    as_it_was = assigned(rows, {"A": 0.4, "B": 0.6}, "A")
    assert experiments.build(rows, as_it_was).first().verdict == "better"
    rows.unpersist()


def test_the_control_is_the_declared_one_and_who_was_shown_another_form_is_counted(spark):
    rows = exposures(spark, offers=1, a_form=5000, lift=0.06, seed=1).persist()
    wanted = assigned(rows, {"A": 0.5, "B": 0.5}, "B")
    few = F.col("subject").isin("p1", "p2", "p3")
    other = F.when(F.col("variant") == "A", "B").otherwise("A")
    wanted = wanted.withColumn("variant", F.when(few, other).otherwise(F.col("variant")))
    [row] = experiments.build(rows, wanted).collect()
    assert (row.variant, row.control, row.verdict) == ("A", "B", "worse")
    strayed_to_a = rows.where(few & (F.col("variant") == "A")).count()
    assert row.strayed == strayed_to_a
    rows.unpersist()
