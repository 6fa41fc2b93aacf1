"""Training, promotion, scoring and rollback on tables of a lakehouse, with MLflow."""

import pytest

from lakehouse import tables
from lakehouse.errors import BadSetting, UnknownName
from lakehouse.flow import champions, scoring, training
from lakehouse.models import promotion
from lakehouse.models.catalog import MODELS, by_name
from lakehouse.tracking import CHALLENGER, CHAMPION, Tracker
from tests.models import worlds

AFFINITIES, SEGMENTS, RECOMMENDATIONS = MODELS


@pytest.fixture(scope="module")
def at(where, server, spark):
    """A lakehouse whose gold is the small world."""
    return worlds.lakehouse("models", where, server, spark)


def train(at, model, **more):
    return training.train(at, model, given=worlds.SMALL[model.name], split_on=worlds.SPLIT, **more)


def decisions(at):
    table = tables.by_name("ops.promotions")
    return sorted(at.lake.read(table).to_pylist(), key=lambda row: row["decided_at"])


def test_without_a_champion_nothing_is_scored(at):
    assert scoring.score(at, SEGMENTS) is None
    assert at.lake.rows(tables.by_name("gold.customer_segments")) == 0


def test_what_is_better_waits_for_a_word_where_one_is_wanted(at):
    trained = train(at, SEGMENTS, is_held=True)
    assert trained.decision.waits
    tracker = Tracker(at.settings, at.endpoint)
    assert tracker.find("segments", CHAMPION) is None
    assert tracker.find("segments", CHALLENGER).version == trained.version.version == 1
    assert decisions(at)[-1]["reasons"] == [promotion.WAITS]


def test_what_is_better_than_spend_alone_is_promoted_and_served_once(at):
    trained = train(at, SEGMENTS)
    assert trained.decision.reasons == ()
    champion = Tracker(at.settings, at.endpoint).find("segments", CHAMPION)
    assert champion.version == trained.version.version == 2
    assert champion.tags["version of gold.customer_features"] == "1"
    assert champion.tags["split_on"] == str(worlds.SPLIT)

    batch = scoring.score(at, SEGMENTS)
    assert batch.upstream["gold.customer_features"] == 1
    output = tables.by_name("gold.customer_segments")
    assert at.lake.rows(output) == 40
    assert scoring.score(at, SEGMENTS) is None  # nothing has changed
    [row] = at.store.read(output).select("model_version", "batch_id").distinct().collect()
    assert (row.model_version, row.batch_id) == (2, batch.batch_id)


def test_the_same_again_is_no_better_and_waits_as_challenger(at):
    trained = train(at, SEGMENTS)
    assert not trained.decision.is_promoted
    assert "of the champion; the difference is +0.0000 to +0.0000" in trained.decision.reasons[0]
    tracker = Tracker(at.settings, at.endpoint)
    assert tracker.find("segments", CHALLENGER).version == 3
    assert tracker.find("segments", CHAMPION).version == 2


def test_a_person_can_overrule_and_roll_back_and_every_decision_is_kept(at):
    champions.promote(at.lake, SEGMENTS, None, "I want the new one.")
    tracker = Tracker(at.settings, at.endpoint)
    assert tracker.find("segments", CHAMPION).version == 3
    assert tracker.find("segments", CHALLENGER) is None
    assert scoring.score(at, SEGMENTS) is not None
    assert champions.rollback(at.lake, SEGMENTS, "It was no good.").version == 2
    assert tracker.find("segments", CHAMPION).version == 2
    with pytest.raises(UnknownName, match="former champion of segments"):
        champions.rollback(at.lake, SEGMENTS, "The bad one is not the one before.")
    kept = [(row["action"], row["model_version"], row["is_promoted"]) for row in decisions(at)]
    assert kept == [
        ("train", 1, False),
        ("train", 2, True),
        ("train", 3, False),
        ("promote", 3, True),
        ("rollback", 2, True),
    ]
    assert dict(decisions(at)[0]["figures"])["silhouette.model"] > 0


def test_how_long_ago_it_was_trained_counts_what_was_not_promoted_too(at):
    assert 0 <= champions.trained_ago_d(at.lake, SEGMENTS) < 1
    assert champions.trained_ago_d(at.lake, RECOMMENDATIONS) is None


def test_nobody_is_offered_anything_who_has_not_agreed(at):
    train(at, RECOMMENDATIONS)
    if Tracker(at.settings, at.endpoint).find("recommendations", CHAMPION) is None:
        champions.promote(at.lake, RECOMMENDATIONS, None, "To see what it says.")
    scoring.score(at, RECOMMENDATIONS)
    rows = at.store.read(tables.by_name("gold.recommendations")).select("subject").distinct()
    offered = {row.subject for row in rows.collect()}
    assert worlds.REFUSES not in offered
    assert offered == {worlds.subject(number) for number in range(worlds.SUBJECTS)} - {
        worlds.REFUSES
    }


def test_rules_are_served_with_the_version_of_their_model(at):
    trained = train(at, AFFINITIES)
    champions.promote(at.lake, AFFINITIES, trained.version.version, "To see what it says.")
    batch = scoring.score(at, AFFINITIES)
    rows = at.store.read(tables.by_name("gold.product_affinities"))
    assert rows.count() == trained.judged.others["rules"]
    assert rows.where("consequent = 'butter' AND level = 'product'").count() > 0
    assert batch.upstream["model version"] == trained.version.version


def test_a_table_that_was_not_judged_yet_is_judged_before_a_model_learns_from_it(at):
    baskets = tables.by_name("gold.baskets")
    assert training._not_passed(at, AFFINITIES) == ()
    at.store.append(baskets, at.store.read(baskets).limit(1), {})
    assert training._not_passed(at, AFFINITIES) == ("gold.baskets",)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_wrong_parameter_is_a_sentence(model):
    with pytest.raises(
        UnknownName, match=f"no parameter of {model.name} called 'depth'; there are"
    ):
        model.settings({"depth": 3})
    first = model.parameters[0]
    with pytest.raises(BadSetting) as refused:
        model.settings({first.name: first.most * 2})
    assert f"{first.name} is {first.most * 2:g}; it can be" in str(refused.value)


def test_an_unknown_model_is_a_sentence():
    with pytest.raises(
        UnknownName, match="no model called 'churn'; there are affinities, segments"
    ):
        by_name("churn")
