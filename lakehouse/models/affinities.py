"""affinities: what is bought together more often than by chance, by FP-growth.

Learnt by Spark's FPGrowth (Han, Pei and Yin, 2000; its parallel form: Li and others, 2008) on three
levels: product, sub-category (gold.products.product_type) and category. Of the rules that come out
those stay that are not chance (Fisher's exact test, Benjamini-Hochberg over a level) and of which no
shorter rule says as much.
"""

import zlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.fpm import FPGrowth, FPGrowthModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import stats

from lakehouse.errors import BadTraining
from lakehouse.models import ranking
from lakehouse.models.catalog import MODEL, Judged, Learnt, Tables

# Level -> the column of gold.products that its items are of.
LEVELS = {"product": "product_id", "sub_category": "product_type", "category": "category"}
JUDGED_AT = "category"
# Supports tried, from the highest.
_SUPPORTS = tuple(0.08 / 2**halved for halved in range(12))
# Of more baskets than this, one in ten says which support is low enough.
_MANY, _PART = 50_000, 10
RULE = ["antecedent", "consequent"]


def learn(
    baskets: DataFrame,
    products: DataFrame,
    *,
    given: dict[str, float],
    seed: int,
    before: Tables | None = None,
) -> Learnt:
    """Find the rules of every level, and what is bought most.

    Takes   baskets   gold.baskets, those before the split
            products  gold.products
            given     as the catalog declares
    Gives   rules    the columns of gold.product_affinities; `antecedent` is a tuple
            popular  level, item, baskets, of: the baskets that it is in, and all
    Raises  BadTraining where there is no basket of two items
    """
    del seed, before  # nothing is drawn, and rules have no names to keep
    rules, popular, notes = zip(
        *(of_level(baskets, products, level, given) for level in LEVELS), strict=True
    )
    tables = {"rules": pd.concat(rules), "popular": pd.concat(popular)}
    return Learnt({name: one.reset_index(drop=True) for name, one in tables.items()}, {}, notes)


def of_level(
    baskets: DataFrame, products: DataFrame, level: str, given: dict[str, float]
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """The rules of one level and what is bought most there, as `learn` gives them, and a note."""
    bought = items_of(baskets, products, level).persist()
    of = bought.count()
    model, support = mined(bought, of, given, level)
    found = _rules(model, of)
    kept = _telling(_significant(found, given["false_discovery_rate"]))
    popular = _popular(bought).assign(level=level, of=of)
    bought.unpersist()
    note = (
        f"{level}: {of:,} baskets, support {support:.2g}, {len(found):,} rules, "
        f"{len(kept):,} of which are not chance and say more than a shorter one"
    )
    return kept.assign(level=level), popular, note


def items_of(baskets: DataFrame, products: DataFrame, level: str) -> DataFrame:
    """The different items of a level in each basket; those with one alone say nothing.

    Gives   shop_id, basket_id, items array<string> in order of their names
    """
    lines = baskets.select("shop_id", "basket_id", F.explode("product_ids").alias("product_id"))
    item = F.col("product_id") if level == "product" else F.col(LEVELS[level])
    return (
        lines.join(products.select("product_id", "product_type", "category"), "product_id", "left")
        .where(item.isNotNull())
        .groupBy("shop_id", "basket_id")
        .agg(F.array_sort(F.collect_set(item)).alias("items"))
        .where(F.size("items") > 1)
    )


def mined(
    bought: DataFrame, of: int, given: dict[str, float], level: str
) -> tuple[FPGrowthModel, float]:
    """The model of the least support at which no more than `most_item_sets` come out.

    Of many baskets a part says first which support that is: what is rare in a part is less rare in
    the whole, so that a flood is rather seen too early than too late.
    """
    if not of:
        raise BadTraining(
            f"affinities: no basket of two items at the level {level} before the split"
        )
    most = round(given["most_item_sets"])
    least = max(given["least_support"], given["least_baskets"] / of)
    few = bought if of <= _MANY else bought.where(F.crc32("basket_id") % _PART == 0)
    tried: list[tuple[FPGrowthModel, float]] = []
    for support in (*(one for one in _SUPPORTS if one > least), least):
        model = _fitted(few, support, given) if support <= 1 else None
        if model is None or _floods(model, most):
            break
        tried.append((model, support))
    for model, support in reversed(tried):
        whole = model if few is bought else _fitted(bought, support, given)
        if few is bought or not _floods(whole, most):
            return whole, support
    raise BadTraining(
        f"affinities: {of:,} baskets of two items and more at the level {level}: either fewer "
        f"than least_baskets ({given['least_baskets']:g}) or, at the highest support tried, more "
        f"than most_item_sets ({most:,}) item sets"
    )


def _fitted(bought: DataFrame, support: float, given: dict[str, float]) -> FPGrowthModel:
    growth = FPGrowth(itemsCol="items", minSupport=support, minConfidence=given["least_confidence"])
    return growth.fit(bought.select("items"))


def _floods(model: FPGrowthModel, most: int) -> bool:
    """Item sets are made one by one, so that looking for one more than allowed stops a flood."""
    return model.freqItemsets.limit(most + 1).count() > most


def _rules(model: FPGrowthModel, of: int) -> pd.DataFrame:
    """All rules with their figures; none with a lift of 1 or less is of use.

    Source  support, confidence: Agrawal and others (1993); lift, conviction: Brin and others (1997);
            leverage: Piatetsky-Shapiro (1991)
    """
    found = model.associationRules.toPandas()
    rules = pd.DataFrame(
        {
            "antecedent": [tuple(sorted(one)) for one in found["antecedent"]],
            "consequent": [one[0] for one in found["consequent"]],
            "confidence": found["confidence"].astype(float),
            "lift": found["lift"].astype(float),
            "support": found["support"].astype(float),
        }
    )
    rules["baskets"] = of
    rules["baskets_with_both"] = (rules["support"] * of).round().astype("int64")
    rules["baskets_with_antecedent"] = (
        (rules["baskets_with_both"] / rules["confidence"]).round().astype("int64")
    )
    rules["baskets_with_consequent"] = (
        (rules["confidence"] / rules["lift"] * of).round().astype("int64")
    )
    of_consequent = rules["baskets_with_consequent"] / of
    rules["leverage"] = rules["support"] - rules["baskets_with_antecedent"] / of * of_consequent
    unmet = 1 - rules["confidence"]
    rules["conviction"] = ((1 - of_consequent) / unmet.where(unmet > 0)).astype(float)
    return rules


def _significant(rules: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Those that are not chance: at most `rate` of them are expected to be.

    Source  Fisher's exact test, one-sided: the hypergeometric tail; Benjamini and Hochberg (1995)
    """
    if rules.empty:
        return rules.assign(p_value=[], q_value=[])
    p_value = stats.hypergeom.sf(
        rules["baskets_with_both"] - 1,
        rules["baskets"],
        rules["baskets_with_antecedent"],
        rules["baskets_with_consequent"],
    )
    judged = rules.assign(p_value=p_value, q_value=stats.false_discovery_control(p_value))
    return judged[(judged["q_value"] <= rate) & (judged["lift"] > 1)]


def _telling(rules: pd.DataFrame) -> pd.DataFrame:
    """Those of which no shorter rule with the same consequent is as confident."""
    both = zip(rules["antecedent"], rules["consequent"], strict=True)
    known = dict(zip(both, rules["confidence"], strict=True))

    @cache
    def best(antecedent: tuple[str, ...], consequent: str) -> float:
        """The confidence of the rule or a shorter one; below 0 where there is none."""
        shorter = (best(one, consequent) for one in _one_less(antecedent))
        return max([float(known.get((antecedent, consequent), -1.0)), *shorter])

    is_telling = [
        all(best(one, consequent) < confidence for one in _one_less(antecedent))
        for (antecedent, consequent), confidence in known.items()
    ]
    return rules[np.array(is_telling, dtype=bool)]


def _one_less(items: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """The items without one of them; nothing is no choice."""
    if len(items) > 1:
        for at in range(len(items)):
            yield items[:at] + items[at + 1 :]


def _popular(bought: DataFrame) -> pd.DataFrame:
    counted = bought.select(F.explode("items").alias("item")).groupBy("item")
    found = counted.agg(F.count("*").alias("baskets")).toPandas()
    return found.sort_values(["baskets", "item"], ascending=[False, True])


def asked(baskets: DataFrame, products: DataFrame) -> None:
    """Nobody is asked: the rules are what is served."""
    del baskets, products


def scored(tables: Tables, asked: None) -> pd.DataFrame:
    """The rows of gold.product_affinities."""
    del asked
    rules: pd.DataFrame = tables["rules"]
    return rules.assign(antecedent=rules["antecedent"].map(list))


def sample(tables: Tables, rows: pd.DataFrame) -> pd.DataFrame:
    """A few rows to predict of, as an example."""
    del tables
    return pd.DataFrame({"items": list(rows["antecedent"].head(3))})


def predict(tables: Tables, asked: pd.DataFrame) -> pd.DataFrame:
    """Name ten items that go with those of each basket, the likeliest first.

    Takes   asked  items: a list of items of the level that is judged
    Gives   items: a list of ten, filled up with what is bought most
    """
    named = _named(tables, list(asked["items"]))
    return pd.DataFrame({"items": named}, index=asked.index)


def _named(tables: Tables, baskets: list[Any]) -> list[list[str]]:
    popular = _most_bought(tables)
    by_first: dict[str, list[tuple[frozenset[str], str, float]]] = {}
    rules = tables["rules"]
    for rule in rules[rules["level"] == JUDGED_AT].itertuples():
        antecedent = frozenset(rule.antecedent)
        by_first.setdefault(min(antecedent), []).append(
            (antecedent, str(rule.consequent), float(rule.confidence))
        )
    named = []
    for basket in baskets:
        there = set(basket)
        best: dict[str, float] = {}
        for item in there:
            for antecedent, consequent, confidence in by_first.get(item, ()):
                if consequent not in there and antecedent <= there:
                    best[consequent] = max(best.get(consequent, 0.0), confidence)
        # What the rules do not speak of is as likely as it is everywhere.
        likely = {item: share for item, share in popular.items() if item not in there}
        for item, share in likely.items():
            best.setdefault(item, share)
        ranked = sorted(best, key=lambda item: (-best[item], item))
        named.append(ranked[: ranking.AT])
    return named


def _most_bought(tables: Tables) -> dict[str, float]:
    """What is bought most, with the share of the baskets that it is in."""
    popular = tables["popular"]
    mine = popular[popular["level"] == JUDGED_AT].head(5 * ranking.AT)
    return dict(zip(mine["item"], mine["baskets"] / mine["of"], strict=True))


def judge(
    tables: Tables, baskets: DataFrame, products: DataFrame, *, history: Tables | None = None
) -> Judged:
    """Hide one item of each later basket, and look whether it is among the ten that are named.

    Takes   baskets  gold.baskets, those after the split
    """
    del history  # an item is hidden, whatever was before
    later = items_of(baskets, products, JUDGED_AT).orderBy("shop_id", "basket_id").toPandas()
    # Which one is hidden follows from the basket alone.
    hidden = [
        items[zlib.crc32(basket.encode()) % len(items)]
        for items, basket in zip(later["items"], later["basket_id"], strict=True)
    ]
    shown = [
        [item for item in items if item != one]
        for items, one in zip(later["items"], hidden, strict=True)
    ]
    named = _named(tables, shown)
    popular = list(_most_bought(tables))
    scores = pd.DataFrame(
        {
            MODEL: [float(one in ten) for one, ten in zip(hidden, named, strict=True)],
            "popularity": [
                float(one in [item for item in popular if item not in rest][: ranking.AT])
                for one, rest in zip(hidden, map(set, shown), strict=True)
            ],
        }
    )
    return Judged({"hit_rate_at_10": scores}, {"rules": float(len(tables["rules"]))})
