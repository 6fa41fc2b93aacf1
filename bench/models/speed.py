"""What Spark takes beside a library of one machine, tuned beside its defaults, and how it grows.

Complete Journey; medians of three, in turns, after one that warms up. Two cores for all of them.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from mlxtend.frequent_patterns import fpgrowth
from mlxtend.preprocessing import TransactionEncoder
from pyspark.ml.clustering import KMeans
from pyspark.ml.fpm import FPGrowth
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans as OfScikitLearn

from bench.models import sets
from bench.models.sets import Purchases
from bench.results import Row
from lakehouse.models import affinities, recommendations, segments
from lakehouse.models.catalog import RECOMMENDATIONS, Tables
from lakehouse.models.recommendations import JUDGED_AT

ROUNDS = 3
SEED = 1
K = 5
TIMES = 10  # as many subjects and baskets
_SUPPORT = 0.02

Jobs = dict[str, Callable[[], object]]


def figures(spark: SparkSession) -> list[Row]:
    """Item sets, clusters, factors, and recommendations for everybody."""
    journey = sets.complete_journey(spark)
    return [*_mining(journey), *_clustering(spark, journey), *_factoring(spark, journey)]


def _medians(jobs: Jobs) -> dict[str, float]:
    took: dict[str, list[float]] = {name: [] for name in jobs}
    names = list(jobs)
    for turn in range(ROUNDS + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            began = time.monotonic()
            jobs[name]()
            took[name].append(time.monotonic() - began)
    return {name: median(seconds[1:]) for name, seconds in took.items()}


def _mining(journey: Purchases) -> list[Row]:
    bought = affinities.items_of(journey.baskets, journey.products, "category").select("items")
    more = bought.withColumn("_", F.explode(F.sequence(F.lit(1), F.lit(TIMES)))).select("items")
    one, ten = bought.persist(), more.persist()
    baskets = [list(row["items"]) for row in one.collect()]
    ten.count()

    def by_spark(frame: DataFrame) -> object:
        model = FPGrowth(itemsCol="items", minSupport=_SUPPORT).fit(frame)
        return model.freqItemsets.collect()

    def by_mlxtend() -> object:
        encoder = TransactionEncoder()
        encoded = encoder.fit_transform(baskets)
        frame = pd.DataFrame(encoded, columns=encoder.columns_)
        return fpgrowth(frame, min_support=_SUPPORT, use_colnames=True)

    took = _medians(
        {"Spark": lambda: by_spark(one), "ten": lambda: by_spark(ten), "mlxtend": by_mlxtend}
    )
    one.unpersist(), ten.unpersist()
    return [
        Row(
            f"FP-growth on {len(baskets):,} baskets, support {_SUPPORT}",
            took["Spark"],
            "s",
            None,
            took["mlxtend"],
            "mlxtend",
        ),
        Row(f"FP-growth, {TIMES} times the baskets", took["ten"] / took["Spark"], "of the time"),
    ]


def _clustering(spark: SparkSession, journey: Purchases) -> list[Row]:
    described = segments.asked(journey.known).toPandas()
    scaled = segments.scaled_by(described, segments.scaling_of(described))
    # A fit of two thousand rows is start-up; what differs shows on more.
    many = np.tile(scaled, (4 * TIMES, 1))
    one, ten = (segments.as_vectors(spark, rows).persist() for rows in (many[::TIMES], many))
    plain = one.repartition(spark.sparkContext.defaultParallelism).persist()
    for frame in (one, ten, plain):
        frame.count()
    rows = many[::TIMES]
    took = _medians(
        {
            "tuned": lambda: segments.fitted(one, K, SEED),
            "ten": lambda: segments.fitted(ten, K, SEED),
            "defaults": lambda: KMeans(k=K, seed=SEED).fit(plain).clusterCenters(),
            "scikit-learn": lambda: OfScikitLearn(K, n_init=1, random_state=SEED).fit(rows),
        }
    )
    for frame in (one, ten, plain):
        frame.unpersist()
    return [
        Row(
            f"k-means of {len(rows):,} rows, tuned beside Spark's defaults",
            took["defaults"] / took["tuned"],
            "times as fast",
            3.0,
            took["defaults"],
            "defaults, s",
        ),
        Row(
            f"k-means of {len(rows):,} rows",
            took["tuned"],
            "s",
            None,
            took["scikit-learn"],
            "scikit-learn",
        ),
        Row(f"k-means, {TIMES} times the rows", took["ten"] / took["tuned"], "of the time"),
    ]


def _factoring(spark: SparkSession, journey: Purchases) -> list[Row]:
    given = RECOMMENDATIONS.settings()
    bought = recommendations.purchases(journey.baskets, journey.products, JUDGED_AT)
    one = recommendations.parts_of(bought, given)
    ten = _grown(one)
    known = recommendations.matrix(one)
    confidence = csr_matrix(np.where(known.bought > 0, 1 + given["alpha"] * known.bought, 0.0))
    plain = spark.createDataFrame(recommendations.numbered(one)).persist()
    plain.count()

    def by_implicit() -> object:
        model = AlternatingLeastSquares(
            factors=round(given["rank"]),
            regularization=given["regularisation"],
            iterations=round(given["iterations"]),
            random_state=SEED,
        )
        return model.fit(confidence, show_progress=False)

    def by_defaults() -> object:
        als = ALS(
            userCol="subject_no",
            itemCol="item_no",
            ratingCol="strength",
            implicitPrefs=True,
            rank=round(given["rank"]),
            regParam=given["regularisation"],
            alpha=given["alpha"],
            maxIter=round(given["iterations"]),
            seed=SEED,
        )
        model = als.fit(plain)
        return model.userFactors.collect(), model.itemFactors.collect()

    took = _medians(
        {
            "tuned": lambda: recommendations.with_factors(spark, one, given, SEED),
            "ten": lambda: recommendations.with_factors(spark, ten, given, SEED),
            "defaults": by_defaults,
            "implicit": by_implicit,
        }
    )
    return [
        Row(
            "ALS, tuned beside Spark's defaults",
            took["defaults"] / took["tuned"],
            "times as fast",
            1.4,
            took["defaults"],
            "defaults, s",
        ),
        Row(
            f"ALS of {len(one['strengths']):,} strengths",
            took["tuned"],
            "s",
            None,
            took["implicit"],
            "implicit",
        ),
        Row(f"ALS, {TIMES} times the subjects", took["ten"] / took["tuned"], "of the time"),
        _everybody(journey, given),
    ]


def _grown(parts: Tables) -> Tables:
    """The same with every subject as often as is asked, under other names."""

    def copied(rows: pd.DataFrame) -> pd.DataFrame:
        copies = [rows.assign(subject=rows["subject"] + f"-{turn}") for turn in range(TIMES)]
        return pd.concat(copies, ignore_index=True)

    return {
        "strengths": copied(parts["strengths"]),
        "subjects": copied(parts["subjects"]).sort_values("subject", ignore_index=True),
        "items": parts["items"],
    }


def _everybody(journey: Purchases, given: dict[str, float]) -> Row:
    """All lists of all households, from a model that is learnt."""
    learnt = recommendations.learn(journey.baskets, journey.products, given=given, seed=SEED)
    asked = recommendations.asked(journey.baskets, journey.products).toPandas()
    began = time.monotonic()
    rows = recommendations.scored(learnt.tables, asked)
    took_s = time.monotonic() - began
    return Row(
        f"recommendations for {len(asked):,} households, {len(rows):,} rows",
        took_s,
        "s",
        30.0,
        is_at_most=True,
    )
