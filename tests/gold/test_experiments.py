"""gold.experiments: an effect is found, none is not taken for one, a crooked split is said."""

import pytest
from pyspark.sql import functions as F

from lakehouse.gold import experiments

USES = 0.10


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


def test_figures_are_those_worked_out_by_hand(spark):
    """Agresti and Caffo of 30 of 100 beside 20 of 100: 31/102 - 21/102, ± 1.96 standard errors."""
    rows = (
        spark.range(200)
        .withColumn("variant", F.when(F.col("id") < 100, "A").otherwise("B"))
        .withColumn("is_used", F.col("id") % 100 < F.when(F.col("id") < 100, 20).otherwise(30))
        .selectExpr("*", "'o' AS offer_id", "1 AS nth", "timestamp_seconds(id) AS shown_at")
    )
    [row] = experiments.build(rows.union(rows.withColumn("nth", F.lit(2)))).collect()
    assert (row.control, row.subjects, row.used) == ("A", 100, 30)
    assert (row.control_subjects, row.control_used) == (100, 20)
    assert row.lift == pytest.approx(0.10)
    assert row.lift_low == pytest.approx(-0.0208, abs=1e-4)
    assert row.lift_high == pytest.approx(0.2169, abs=1e-4)
    assert row.verdict == "open"


def test_an_effect_is_recovered(spark):
    found = experiments.build(exposures(spark, offers=1, a_form=5000, lift=0.06, seed=1)).first()
    assert found.verdict == "better"
    assert found.lift_low <= 0.06 <= found.lift_high
    worse = experiments.build(exposures(spark, offers=1, a_form=5000, lift=-0.06, seed=1)).first()
    assert worse.verdict == "worse"


def test_nothing_is_taken_for_an_effect_in_at_most_16_of_200_however_often_one_looks(spark):
    rows = exposures(spark, offers=200, a_form=1000, lift=0.0, seed=5).persist()
    found = set()
    for share in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0):
        seen = experiments.build(rows.where(F.col("id") < 200 * 2000 * share))
        found |= {row.offer_id for row in seen.where("verdict <> 'open'").collect()}
    assert len(found) <= 16
    rows.unpersist()


def test_a_split_that_is_not_even_is_said_whatever_came_of_it(spark):
    rows = exposures(spark, offers=1, a_form=2000, lift=0.1, seed=3, split=0.6)
    assert experiments.build(rows).first().verdict == "not sampled evenly"
