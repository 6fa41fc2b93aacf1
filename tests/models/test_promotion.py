"""Who becomes champion: a better model does, and each thing that speaks against one is said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lakehouse.models import promotion
from lakehouse.models.catalog import Judged, Metric, Model
from lakehouse.models.promotion import Evidence

MODEL = Model(
    name="m",
    purpose="p",
    learns_from=("gold.baskets",),
    dated={},
    output="gold.product_affinities",
    identity=(),
    parameters=(),
    metrics=(Metric("worth", "w", ("simple", "simpler")),),
)


def judged(mine, simple=0.3, simpler=0.2, serves=None, spread=0.1):
    """Two hundred units; each method scores its mean and a spread that is the same for all."""
    noise = np.linspace(-spread, spread, 200)
    turned = noise[::-1]
    frame = pd.DataFrame(
        {"model": mine + turned, "simple": simple + noise, "simpler": simpler + noise}
    )
    return Judged({"worth": frame}, {}, serves or {})


def of_few(judged):
    return Judged({name: frame.head(19) for name, frame in judged.scores.items()})


GOOD = Evidence(
    judged=judged(0.5),
    champion=None,
    judged_on={"gold.baskets": 3},
    read={"gold.baskets": 3},
    not_passed=(),
    is_same_reloaded=True,
    rows=10,
    twice=0,
    unnamed=(),
    changed=None,
    seconds=1.0,
)


def test_a_model_that_beats_every_baseline_is_promoted_with_its_numbers():
    decision = promotion.decide(MODEL, GOOD, seed=1)
    assert decision.is_promoted
    assert decision.figures["worth.model"] == pytest.approx(0.5)
    assert decision.figures["worth.over simple, low"] > 0


@pytest.mark.parametrize(
    ("against", "reason"),
    [
        ({"judged": judged(0.3)}, "worth: 0.3000 beside 0.3000 of simple"),
        ({"judged": judged(0.31, spread=1.0)}, "of simple; the difference is -"),
        ({"judged": judged(float("nan"))}, "worth is not a number"),
        ({"judged": judged(0.5, simple=float("nan"))}, "worth: 0.5000 beside nan of simple"),
        ({"judged": of_few(judged(0.5))}, "worth: 19 to judge it on are too few; 20 are wanted"),
        ({"judged": Judged({})}, "worth: there is nothing to judge it on"),
        ({"champion": judged(0.6)}, "of the champion; the difference is -0.1"),
        ({"read": {"gold.baskets": 4}}, "judged on version 3 of gold.baskets, not on 4"),
        ({"not_passed": ("gold.baskets",)}, "gold.baskets has not passed the gate"),
        ({"is_same_reloaded": False}, "it does not say the same"),
        ({"rows": 0}, "scoring gives no row"),
        ({"twice": 2}, "2 keys of gold.product_affinities more than once"),
        ({"unnamed": ("Worth",)}, "its card does not say Worth"),
        ({"seconds": 31.0}, "scoring takes 31.0 s, more than 30 s"),
        ({"changed": 0.9}, "90% of what is served would change"),
    ],
)
def test_what_speaks_against_a_model_is_said_and_it_is_not_promoted(against, reason):
    decision = promotion.decide(MODEL, replace(GOOD, **against), seed=1)
    assert not decision.is_promoted
    assert reason in " | ".join(decision.reasons)


def test_a_baseline_that_is_served_need_not_beat_itself_but_the_others():
    same = judged(0.3, simple=0.3, serves={"worth": "simple"})
    assert promotion.decide(MODEL, replace(GOOD, judged=same), seed=1).is_promoted
    worse = judged(0.1, serves={"worth": "simple"})
    assert not promotion.decide(MODEL, replace(GOOD, judged=worse), seed=1).is_promoted


def test_the_interval_holds_the_mean_and_narrows_with_more_units():
    chance = np.random.default_rng(5)
    few, many = chance.normal(1.0, 1.0, 50), chance.normal(1.0, 1.0, 5000)
    (low, high), (lower, higher) = (promotion.interval(one, 1) for one in (few, many))
    assert low < few.mean() < high
    assert higher - lower < (high - low) / 5
