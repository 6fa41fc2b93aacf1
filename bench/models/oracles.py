"""What Spark learns beside what a library of one machine learns of the same rows.

FP-growth: item sets and their counts beside mlxtend's. k-means: cost beside scikit-learn's, medians
of five seeds. ALS: NDCG beside implicit's; both choose from the same grid by the four weeks before
the split, and are judged on those after it, by medians of five seeds.
"""

import os
from itertools import product
from statistics import median

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from mlxtend.frequent_patterns import fpgrowth
from mlxtend.preprocessing import TransactionEncoder
from pyspark.ml.fpm import FPGrowth
from pyspark.sql import DataFrame, SparkSession
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans

from bench.models import sets
from bench.models.sets import HOLDOUT, Purchases
from bench.results import Row
from lakehouse.models import affinities, ranking, recommendations, segments, splits
from lakehouse.models.catalog import RECOMMENDATIONS, Tables
from lakehouse.models.recommendations import JUDGED_AT, Strengths

SEEDS = range(1, 6)
GRID = tuple(product((0.01, 0.1, 1.0, 10.0), (1.0, 5.0)))  # regularisation, alpha
RANK, ITERATIONS = 32, 10
K = 5
# Supports at which both give thousands of item sets, and neither gives millions.
_SUPPORTS = {"ePub": 0.001, "Online Retail": 0.01, "Complete Journey": 0.02}

Item = frozenset[str]


def figures(spark: SparkSession) -> list[Row]:
    """The three beside their libraries."""
    journey = sets.complete_journey(spark)
    rows = _item_sets(spark, journey)
    rows.append(_cost(spark, journey))
    rows.append(_ndcg(journey))
    return rows


def _item_sets(spark: SparkSession, journey: Purchases) -> list[Row]:
    categories = affinities.items_of(journey.baskets, journey.products, "category")
    found = {"Complete Journey": _lists(categories)}
    if (epub := sets.epub()) is not None:
        found["ePub"] = epub
    if (retail := sets.online_retail(spark)) is not None:
        bought = affinities.items_of(retail.baskets, retail.products, "product")
        found["Online Retail"] = _lists(bought)
    rows = []
    for name, baskets in found.items():
        ours, theirs = _by_spark(spark, baskets, name), _by_mlxtend(baskets, name)
        differing = {one for one in ours.keys() | theirs.keys() if ours.get(one) != theirs.get(one)}
        rows.append(
            Row(
                f"item sets of {name}, {len(baskets):,} baskets: those that differ",
                len(differing),
                "item sets",
                0,
                len(theirs),
                "all of mlxtend",
                is_at_most=True,
                is_promise=True,
            )
        )
    return rows


def _lists(bought: DataFrame) -> list[list[str]]:
    return [list(row["items"]) for row in bought.select("items").collect()]


def _by_spark(spark: SparkSession, baskets: list[list[str]], name: str) -> dict[Item, int]:
    frame = spark.createDataFrame(pd.DataFrame({"items": baskets}))
    model = FPGrowth(itemsCol="items", minSupport=_SUPPORTS[name]).fit(frame)
    found = model.freqItemsets.toPandas()
    return {frozenset(one): int(n) for one, n in zip(found["items"], found["freq"], strict=True)}


def _by_mlxtend(baskets: list[list[str]], name: str) -> dict[Item, int]:
    encoder = TransactionEncoder()
    encoded = encoder.fit_transform(baskets)
    frame = pd.DataFrame(encoded, columns=encoder.columns_)
    found = fpgrowth(frame, min_support=_SUPPORTS[name], use_colnames=True)
    counts = (found["support"] * len(baskets)).round().astype(int)
    return {frozenset(one): int(n) for one, n in zip(found["itemsets"], counts, strict=True)}


def _cost(spark: SparkSession, journey: Purchases) -> Row:
    described = segments.asked(journey.known).orderBy("subject").toPandas()
    scaled = segments.scaled_by(described, segments.scaling_of(described))
    frame = segments.as_vectors(spark, scaled).persist()
    ours = median(_within(scaled, segments.fitted(frame, K, seed)) for seed in SEEDS)
    theirs = median(KMeans(K, n_init=1, random_state=seed).fit(scaled).inertia_ for seed in SEEDS)
    frame.unpersist()
    return Row(
        f"k-means, k = {K}: cost beside that of scikit-learn",
        ours / theirs,
        "of it",
        1.01,
        theirs,
        "scikit-learn's",
        is_at_most=True,
    )


def _within(scaled: np.ndarray, centres: np.ndarray) -> float:
    squared = ((scaled[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return float(squared.min(axis=1).sum())


def _ndcg(journey: Purchases) -> Row:
    bought = recommendations.purchases(journey.baskets, journey.products, JUDGED_AT).persist()
    inner = journey.split_on - HOLDOUT
    tuning = _Task(splits.before(bought, splits.PAID, journey.split_on), inner)
    judging = _Task(bought, journey.split_on)
    worth = {}
    for name, of in (("Spark", _als_of_spark), ("implicit", _als_of_implicit)):
        best = max(GRID, key=lambda given: tuning.worth(of(tuning, *given, SEEDS[0])))
        print(f"bench-models: {name} takes regularisation {best[0]}, alpha {best[1]}", flush=True)
        worth[name] = median(judging.worth(of(judging, *best, seed)) for seed in SEEDS)
    bought.unpersist()
    return Row(
        "ALS, what is new: NDCG at 10 beside that of implicit",
        worth["Spark"] / worth["implicit"],
        "of it",
        0.98,
        worth["implicit"],
        "implicit's",
    )


class _Task:
    """What both learn from, and what both have to find: items bought for the first time."""

    def __init__(self, bought: DataFrame, split_on: object) -> None:
        given = RECOMMENDATIONS.settings()
        earlier = splits.before(bought, splits.PAID, split_on)
        later = splits.after(bought, splits.PAID, split_on).select("subject", "item").distinct()
        self.spark = bought.sparkSession
        self.parts: Tables = recommendations.parts_of(earlier, given)
        self.known: Strengths = recommendations.matrix(self.parts)
        self.relevant, self.allowed = recommendations.task_of(self.known, later.toPandas(), "new")

    def worth(self, scores: np.ndarray) -> float:
        """Mean NDCG at 10 of those who bought anything new."""
        asked = self.relevant.any(axis=1)
        best = ranking.top(scores[asked], self.allowed[asked])
        return float(ranking.ndcg(best, self.relevant[asked]).mean())


def _als_of_spark(task: _Task, regularisation: float, alpha: float, seed: int) -> np.ndarray:
    given = {
        "rank": RANK,
        "iterations": ITERATIONS,
        "regularisation": regularisation,
        "alpha": alpha,
    }
    tables = recommendations.with_factors(task.spark, task.parts, given, seed)
    return recommendations.scores_by(task.known, tables, ("als",))["als"]


def _als_of_implicit(task: _Task, regularisation: float, alpha: float, seed: int) -> np.ndarray:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    model = AlternatingLeastSquares(
        factors=RANK, regularization=regularisation, iterations=ITERATIONS, random_state=seed
    )
    bought = task.known.bought
    # Its confidence is what is given; Spark's is 1 and alpha times that (Hu and others, 2008).
    confidence = csr_matrix(np.where(bought > 0, 1 + alpha * bought, 0.0))
    model.fit(confidence, show_progress=False)
    return np.asarray(model.user_factors) @ np.asarray(model.item_factors).T
