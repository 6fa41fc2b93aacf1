"""Drift: the index by hand, what chance gives, and a champion whose customers have changed."""

import math

import numpy as np
import pandas as pd
import pytest

from lakehouse import tables
from lakehouse.flow import drifting, scoring, training
from lakehouse.models import drift
from lakehouse.models.catalog import SEGMENTS
from lakehouse.settings import Mlflow
from tests.models import worlds

FEATURES = tables.by_name("gold.customer_features")


def of(before, now):
    """The one shift of two columns."""
    [shift] = drift.shifts(pd.DataFrame({"x": before}), pd.DataFrame({"x": now}))
    return shift


def test_the_index_of_two_words_is_that_worked_out_by_hand():
    shift = of(["a"] * 500 + ["b"] * 500, ["a"] * 800 + ["b"] * 200)
    # (Three bins: a, b, and all others, with half a row each.)
    p = [500.5 / 1001.5, 500.5 / 1001.5, 0.5 / 1001.5]
    q = [800.5 / 1001.5, 200.5 / 1001.5, 0.5 / 1001.5]
    by_hand = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert shift.value == pytest.approx(by_hand)
    assert shift.is_over
    assert shift.limit == drift.LARGE


def test_what_has_not_moved_is_seldom_over_even_where_rows_are_few():
    chance = np.random.default_rng(5)
    over = sum(of(chance.normal(size=60), chance.normal(size=40)).is_over for _ in range(300))
    assert over <= 3
    assert of(chance.normal(size=60), chance.normal(loc=2.0, size=40)).is_over


def test_a_new_word_and_a_value_that_is_missing_count():
    assert of(["a"] * 300, ["new"] * 300).is_over
    assert of([1.0, 2.0] * 200, [1.0, None] * 200).is_over
    assert not of([None, 2.0] * 200, [None, 2.0] * 200).is_over


def test_one_value_alone_has_not_moved_until_another_comes():
    assert of([7] * 100, [7] * 100).value == 0
    assert of([7] * 100, [8] * 100).is_over


def test_without_rows_there_is_nothing_to_say():
    assert drift.shifts(pd.DataFrame({"x": []}), pd.DataFrame({"x": [1]})) == []


@pytest.fixture(scope="module")
def at(where, server, spark, tmp_path_factory):
    """A lakehouse with a champion of the segments, scored, in a registry of its own."""
    registry = Mlflow(store=f"sqlite:///{tmp_path_factory.mktemp('registry')}/mlflow.db")
    where = where.model_copy(update={"mlflow": registry})
    at = worlds.lakehouse("drift", where, server, spark)
    assert drifting.look(at, SEGMENTS) == []  # there is no champion
    given = worlds.SMALL["segments"]
    assert training.train(at, SEGMENTS, given=given, split_on=worlds.SPLIT).decision.is_promoted
    scoring.score(at, SEGMENTS)
    return at


def test_customers_who_come_twice_as_often_for_as_much_have_moved_in_that_alone(at):
    rows = drifting.look(at, SEGMENTS)
    assert {row["name"] for row in rows if row["what"] == "input"} == {
        *SEGMENTS.watched[FEATURES.name]
    }
    assert not any(row["what"] == "output" for row in rows)  # it was scored once
    assert {row["name"] for row in rows if row["is_over"]} == {"cents a basket"}


def test_customers_who_all_become_alike_do(at):
    newest = at.store.read(FEATURES).where("as_of_on = '2026-04-01' AND recency_d = 9")
    later = newest.withColumn("as_of_on", (newest.as_of_on + 30))
    at.store.append(FEATURES, later, {})
    scoring.score(at, SEGMENTS)
    over = {(row["what"], row["name"]) for row in drifting.look(at, SEGMENTS) if row["is_over"]}
    assert ("input", "recency_d") in over
    assert ("output", "segment") in over
    assert ("worth", "silhouette") in over
    kept = at.lake.read(tables.by_name("ops.model_drift")).to_pylist()
    assert {(row["what"], row["name"]) for row in kept if row["is_over"]} == over
