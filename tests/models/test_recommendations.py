"""recommendations: what one buys again and what is new, each with a reason, for strangers too."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from lakehouse.models import recommendations, splits
from lakehouse.models.catalog import RECOMMENDATIONS
from tests.models.worlds import SPLIT

GIVEN = RECOMMENDATIONS.settings({"rank": 4, "least_buyers": 2, "iterations": 3})


@pytest.fixture(scope="module")
def learnt(baskets, products):
    return recommendations.learn(
        splits.before(baskets, "paid_at", SPLIT), products, given=GIVEN, seed=1
    )


@pytest.fixture(scope="module")
def offered(learnt, baskets, products):
    asked = recommendations.asked(baskets, products).toPandas()
    strangers = pd.DataFrame({"subject": ["p1_new", "p1_lost"], "shop_id": ["S1", None]})
    return recommendations.scored(learnt.tables, pd.concat([asked, strangers]))


def test_new_is_what_one_has_not_bought_and_again_is_what_one_has(offered, learnt):
    strengths = learnt.tables["strengths"]
    bought = set(zip(strengths["level"], strengths["subject"], strengths["item"], strict=True))
    known = offered[offered["subject"].isin(strengths["subject"])]
    pairs = zip(known["level"], known["subject"], known["item"], strict=True)
    is_bought = np.array([one in bought for one in pairs])
    assert (is_bought == (known["task"] == "again")).all()


def test_places_count_from_one_and_every_offer_has_a_reason(offered):
    for _, ranks in offered.groupby(["subject", "level", "task"])["rank"]:
        assert sorted(ranks) == list(range(1, len(ranks) + 1))
    assert offered["reason"].str.len().min() > 0


def test_a_purchase_is_a_reason_where_it_has_buyers_in_common():
    bought = np.array([[2.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    items = np.array(["bread", "salt", "butter", "beer"], dtype=object)
    known = recommendations.Strengths(np.arange(3), items, bought, np.zeros(3), np.array(["S1"]))
    cosine = recommendations.similar((bought > 0).astype(float))
    mine, best = np.array([0]), np.array([[2, 3, -1]])
    for method, otherwise in (
        ("als", "bought by those who buy as you do"),
        ("popularity", "bought most anywhere"),
    ):
        said = recommendations._reasons(known, mine, best, cosine, method)
        assert said == ["because you bought bread", otherwise]
    again = recommendations._reasons(known, mine, np.array([[0, 1]]), cosine, None)
    assert again == ["you have bought it before"] * 2


def test_what_was_bought_since_the_split_is_not_new(offered, baskets, products):
    for level in recommendations.LEVELS:
        rows = recommendations.purchases(baskets, products, level).collect()
        has = {(row.subject, row.item) for row in rows}
        new = offered[(offered["task"] == "new") & (offered["level"] == level)]
        assert not has & set(zip(new["subject"], new["item"], strict=True))


def test_an_older_model_is_judged_on_the_tasks_of_the_newer_one(learnt, baskets, products):
    early = splits.before(baskets, "paid_at", SPLIT - timedelta(days=25))
    older = recommendations.learn(early, products, given=GIVEN, seed=1)
    later = splits.after(baskets, "paid_at", SPLIT)
    mine = recommendations.judge(learnt.tables, later, products)
    theirs = recommendations.judge(older.tables, later, products, history=learnt.tables)
    for metric, scores in mine.scores.items():
        assert list(theirs.scores[metric].index) == list(scores.index)
        assert np.isfinite(theirs.scores[metric]["model"]).all()


def test_a_stranger_gets_what_is_bought_most_in_the_shop_or_anywhere(offered):
    reasons = offered.groupby("subject")["reason"].agg(set)
    assert reasons["p1_new"] == {"bought most in your shop"}
    assert reasons["p1_lost"] == {"bought most anywhere"}


def test_each_task_is_served_by_the_best_method_of_the_training(learnt):
    served = learnt.tables["served"].set_index("task")
    for task, row in served.iterrows():
        worth = row.drop("method").dropna().astype(float)
        assert worth[row["method"]] == worth.max(), task


def test_it_is_judged_on_both_tasks_beside_every_baseline(learnt, baskets, products):
    judged = recommendations.judge(learnt.tables, splits.after(baskets, "paid_at", SPLIT), products)
    for metric in RECOMMENDATIONS.metrics:
        scores = judged.scores[metric.name]
        assert {"model", "als", *metric.baselines} == set(scores.columns)
        pd.testing.assert_series_equal(
            scores["model"], scores[judged.serves[metric.name]], check_names=False
        )


def test_two_things_with_the_same_buyers_are_as_alike_as_can_be():
    is_bought = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    alike = recommendations.similar(is_bought)
    assert alike == pytest.approx(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
