"""segments: two kinds of customers are told apart, in words, and keep their names."""

from datetime import timedelta

import pandas as pd
import pytest
from pyspark.sql import functions as F

from lakehouse.errors import BadTraining
from lakehouse.models import segments, splits
from lakehouse.models.catalog import SEGMENTS
from tests.models.worlds import SPLIT, subject

GIVEN = SEGMENTS.settings({"least_k": 2, "most_k": 3, "bootstraps": 2})


@pytest.fixture(scope="module")
def past(known):
    return splits.before(known, "as_of_on", SPLIT)


@pytest.fixture(scope="module")
def learnt(past):
    return segments.learn(past, given=GIVEN, seed=1)


def test_the_two_kinds_are_two_segments_with_telling_words(learnt, past):
    found = segments.scored(learnt.tables, segments.asked(past).toPandas()).set_index("subject")
    home = {found.loc[subject(number), "segment"] for number in range(0, 40, 2)}
    party = {found.loc[subject(number), "segment"] for number in range(1, 40, 2)}
    assert len(home) == len(party) == 1
    assert home != party
    [said] = set(found.loc[found["segment"] == next(iter(party)), "words"])
    assert "weekends" in said or "spends much" in said or "fills the trolley" in said
    assert (found["distance"] < found["runner_up_distance"]).all()


def test_names_stay_from_one_training_to_the_next(learnt, past):
    before = {
        **learnt.tables,
        "centres": learnt.tables["centres"].assign(name=["few", "many"]),
    }
    again = segments.learn(past, given=GIVEN, seed=2, before=before)
    names = dict(
        zip(again.tables["centres"]["words"], again.tables["centres"]["name"], strict=True)
    )
    assert names == dict(zip(before["centres"]["words"], before["centres"]["name"], strict=True))


def test_the_same_seed_gives_the_same_model(learnt, past):
    again = segments.learn(past, given=GIVEN, seed=1)
    for name, frame in learnt.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], frame)


def test_they_are_judged_a_month_later_beside_spend_alone(learnt, known):
    judged = segments.judge(learnt.tables, splits.after(known, "as_of_on", SPLIT))
    scores = judged.scores["silhouette"].mean()
    assert scores["model"] > scores["spend_quantiles"]
    assert len(judged.scores["silhouette"]) == 40


def test_a_row_that_knows_its_future_is_refused(past):
    day = F.lit(SPLIT + timedelta(days=1))
    with pytest.raises(BadTraining, match="40 rows hold purchases of their as_of_on or later"):
        segments.learn(past.withColumn("first_bought_on", day), given=GIVEN, seed=1)


def test_too_few_customers_are_refused(past):
    with pytest.raises(BadTraining, match="5 customers are too few for 2 segments"):
        segments.learn(past.orderBy("subject").limit(5), given=GIVEN, seed=1)
