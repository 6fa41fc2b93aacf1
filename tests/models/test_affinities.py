"""affinities: rules of what is bought together, and none that is chance or says nothing more."""

import pytest

from lakehouse.errors import BadTraining
from lakehouse.models import affinities
from lakehouse.models.catalog import AFFINITIES

GIVEN = AFFINITIES.settings({"least_baskets": 5})


@pytest.fixture(scope="module")
def learnt(baskets, products):
    return affinities.learn(baskets, products, given=GIVEN, seed=1)


def of(learnt, level, antecedent, consequent):
    rules = learnt.tables["rules"]
    mine = rules[(rules["level"] == level) & (rules["consequent"] == consequent)]
    found = [rule for rule in mine.to_dict("records") if rule["antecedent"] == antecedent]
    return found[0] if found else None


def test_the_figures_of_a_rule_are_those_counted_by_hand(learnt, baskets):
    bought = [set(row.product_ids) for row in baskets.collect()]
    both = sum({"bread", "butter"} <= one for one in bought)
    bread, butter, n = (
        sum("bread" in o for o in bought),
        sum("butter" in o for o in bought),
        len(bought),
    )
    rule = of(learnt, "product", ("bread",), "butter")
    assert [rule[f"baskets_with_{name}"] for name in ("both", "antecedent", "consequent")] == [
        both,
        bread,
        butter,
    ]
    assert rule["baskets"] == n
    assert rule["support"] == pytest.approx(both / n)
    assert rule["confidence"] == pytest.approx(both / bread) == 1.0
    assert rule["lift"] == pytest.approx((both / bread) / (butter / n))
    assert rule["leverage"] == pytest.approx(both / n - bread / n * butter / n)
    assert rule["conviction"] != rule["conviction"]  # it never fails


def test_a_longer_rule_stays_only_where_it_says_more(learnt):
    assert of(learnt, "product", ("bread", "milk"), "butter") is None  # bread alone says as much
    assert of(learnt, "product", ("butter",), "bread") is not None


def test_what_is_bought_together_by_chance_is_no_rule(learnt):
    rules = learnt.tables["rules"]
    assert (rules["q_value"] <= GIVEN["false_discovery_rate"]).all()
    assert (rules["lift"] > 1).all()
    assert of(learnt, "product", ("milk",), "beer") is None


def test_every_level_has_rules_of_its_own_names(learnt):
    rules = learnt.tables["rules"]
    assert set(rules["level"]) == {"product", "sub_category", "category"}
    assert of(learnt, "category", ("drinks",), "snacks") is not None
    assert of(learnt, "sub_category", ("ales",), "salted") is not None


def test_a_flood_is_stopped_with_a_sentence(baskets, products):
    with pytest.raises(BadTraining, match="more than most_item_sets"):
        affinities.learn(
            baskets.unionByName(_wide(baskets)),
            products.unionByName(_many(products)),
            given=GIVEN | {"most_item_sets": 100},
            seed=1,
        )


def _many(products):
    rows = [(f"w{n}", f"c{n}", f"t{n}") for n in range(12)]
    return products.sparkSession.createDataFrame(rows, products.schema)


def _wide(baskets):
    wide = [f"w{n:02}".replace("w0", "w") for n in range(12)]
    rows = [("S1", f"wide{n}", None, None, wide) for n in range(400)]
    return baskets.sparkSession.createDataFrame(rows, baskets.schema)


def test_ten_are_named_without_what_is_in_the_basket_and_judged_beside_popularity(
    learnt, baskets, products
):
    judged = affinities.judge(learnt.tables, baskets, products)
    scores = judged.scores["hit_rate_at_10"]
    assert set(scores.columns) == {"model", "popularity"}
    assert scores["model"].mean() >= scores["popularity"].mean() > 0
    named = affinities._named(learnt.tables, [["drinks"]])[0]
    assert named[0] == "snacks"
    assert "drinks" not in named
