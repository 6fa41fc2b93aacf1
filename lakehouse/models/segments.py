"""segments: what kinds of customers there are, by k-means on what is known of each at a date.

Skewed amounts are taken as logarithms and every feature is scaled; k is the one whose clusters lie
apart (silhouette: Rousseeuw, 1987) and come out again from other samples (adjusted Rand index:
Hubert and Arabie, 1985), the smaller one where two are as good.
"""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from lakehouse.errors import BadTraining
from lakehouse.models.catalog import MODEL, Judged, Learnt, Tables

Matrix = NDArray[np.float64]

_LOGGED = ("recency_d", "baskets", "basket_cents", "items_a_basket")
_SHARES = ("discounted_share", "weekend_share", "evening_share", "first_department_share")
FEATURES = (*_LOGGED, *_SHARES)
# How a feature is said that is far above or far below what is usual.
_WORDS = {
    "recency_d": ("not here for long", "here of late"),
    "baskets": ("comes often", "comes seldom"),
    "basket_cents": ("spends much at a time", "spends little at a time"),
    "items_a_basket": ("fills the trolley", "buys a few things"),
    "discounted_share": ("hunts for discounts", "pays the list price"),
    "weekend_share": ("at weekends", "on weekdays"),
    "evening_share": ("in the evening", "by day"),
    "first_department_share": ("one department above all", "from everywhere"),
}
_FAR = 0.5  # standard deviations from the mean that are worth a word
_TIE = 0.02  # of silhouette and Rand index together: no difference that a person would see


def features(known: DataFrame) -> DataFrame:
    """What clusters are made of; one row for one row.

    Takes   known  gold.customer_features
    Gives   subject, as_of_on, net_revenue_cents, and FEATURES as doubles
    """
    baskets = F.greatest("baskets", F.lit(1))
    spent = F.greatest("net_revenue_cents", F.lit(0))
    items = F.greatest("items", F.lit(1))
    most = F.array_max(F.transform("departments", lambda one: one["net_revenue_cents"]))
    share = F.greatest(most, F.lit(0)) / F.greatest(spent, F.lit(1))
    return known.select(
        "subject",
        "as_of_on",
        "net_revenue_cents",
        F.log1p(F.greatest("recency_d", F.lit(0))).alias("recency_d"),
        F.log1p(baskets.cast("double")).alias("baskets"),
        F.log1p(spent / baskets).alias("basket_cents"),
        F.log1p(items / baskets).alias("items_a_basket"),
        (F.col("discounted_items") / items).alias("discounted_share"),
        (F.col("weekend_items") / items).alias("weekend_share"),
        (F.col("evening_items") / items).alias("evening_share"),
        F.least(F.coalesce(share, F.lit(0.0)), F.lit(1.0)).alias("first_department_share"),
    )


def newest(known: DataFrame, until: date | None = None) -> DataFrame:
    """The rows of the newest date, or of the newest at or before a day."""
    if until is not None:
        known = known.where(F.col("as_of_on") <= F.lit(until))
    [row] = known.agg(F.max("as_of_on").alias("at")).collect()
    return known.where(F.col("as_of_on") == F.lit(row["at"]))


def learn(
    known: DataFrame,
    *,
    given: dict[str, float],
    seed: int,
    before: Tables | None = None,
) -> Learnt:
    """Find the segments of those known at the newest date, and give them names and words.

    Takes   known   gold.customer_features, as of the split and before
            before  the tables of the champion: a segment with nearly its centre keeps its name
    Gives   scaling  feature, mean, sd
            centres  segment, name, words, customers, and FEATURES, scaled
    Raises  BadTraining where there are fewer customers than ten a segment, or a row knows more than
            it could at its date
    """
    if leaked := known.where("recency_d < 1 OR first_bought_on >= as_of_on").count():
        raise BadTraining(f"segments: {leaked:,} rows hold purchases of their as_of_on or later")
    if given["least_k"] > given["most_k"]:
        raise BadTraining(
            f"segments: least_k ({given['least_k']:g}) is more than most_k ({given['most_k']:g})"
        )
    described = asked(known).orderBy("subject").toPandas()
    if len(described) < 10 * given["least_k"]:
        raise BadTraining(
            f"segments: {len(described)} customers are too few for {given['least_k']:g} segments"
        )
    scaling = scaling_of(described)
    scaled = scaled_by(described, scaling)
    tried = _tried(known.sparkSession, scaled, given, seed)
    best = max(one["silhouette"] + one["stability"] for one in tried)
    chosen = next(one for one in tried if one["silhouette"] + one["stability"] >= best - _TIE)
    centres = _named(chosen["centres"], _sizes(scaled, chosen["centres"]), before, scaling)
    figures = pd.DataFrame([{k: v for k, v in one.items() if k != "centres"} for one in tried])
    note = (
        f"{chosen['k']} segments of {len(described):,} customers; silhouette "
        f"{chosen['silhouette']:.3f}, adjusted Rand index over samples {chosen['stability']:.3f}"
    )
    return Learnt({"scaling": scaling, "centres": centres}, {"tried": figures}, (note,))


def scaling_of(described: pd.DataFrame) -> pd.DataFrame:
    values = described[list(FEATURES)]
    sd = values.std(ddof=0)
    return pd.DataFrame(
        {
            "feature": FEATURES,
            "mean": values.mean().to_numpy(),
            "sd": sd.where(sd > 0, 1.0).to_numpy(),
        }
    )


def scaled_by(described: pd.DataFrame, scaling: pd.DataFrame) -> Matrix:
    values = described[list(scaling["feature"])].to_numpy(float)
    return np.asarray((values - scaling["mean"].to_numpy()) / scaling["sd"].to_numpy())


def _tried(spark: Any, scaled: Matrix, given: dict[str, float], seed: int) -> list[dict[str, Any]]:
    """Each k with its centres, silhouette, and how alike clusters of other samples are."""
    chance = np.random.default_rng(seed)
    samples = [
        chance.integers(0, len(scaled), len(scaled)) for _ in range(round(given["bootstraps"]))
    ]
    frame = as_vectors(spark, scaled).persist()
    resampled = [as_vectors(spark, scaled[sample]).persist() for sample in samples]
    tried = []
    for k in range(round(given["least_k"]), round(given["most_k"]) + 1):
        centres = fitted(frame, k, seed)
        mine = _nearest(scaled, centres)[0]
        others = [
            _nearest(scaled, fitted(one, k, seed + at))[0]
            for at, one in enumerate(resampled, start=1)
        ]
        apart = silhouette_samples(scaled, mine).mean() if len(set(mine)) > 1 else 0.0
        alike = float(np.mean([adjusted_rand_score(mine, other) for other in others]))
        tried.append({"k": k, "silhouette": float(apart), "stability": alike, "centres": centres})
    for one in (frame, *resampled):
        one.unpersist()
    return tried


def as_vectors(spark: Any, scaled: Matrix) -> DataFrame:
    frame = spark.createDataFrame(pd.DataFrame(scaled, columns=list(FEATURES)))
    assembled = VectorAssembler(inputCols=list(FEATURES), outputCol="features").transform(frame)
    return assembled.select("features").coalesce(1)  # a fit of the same rows in the same order


def fitted(frame: DataFrame, k: int, seed: int) -> Matrix:
    """Centres, in an order that does not depend on the draw."""
    # "block" works on matrices of rows: 4 times faster here than "row" (docs/decisions/models.md).
    model = KMeans(k=k, seed=seed, solver="block", maxIter=40, initSteps=5).fit(frame)
    centres = np.array(model.clusterCenters())
    return np.asarray(centres[np.lexsort(centres.T[::-1])])


def _nearest(scaled: Matrix, centres: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    """The centres of each row from the nearest on, and all distances."""
    distances = np.sqrt(((scaled[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2))
    return distances.argmin(axis=1), distances


def _sizes(scaled: Matrix, centres: Matrix) -> NDArray[np.int64]:
    return np.bincount(_nearest(scaled, centres)[0], minlength=len(centres))


def _named(
    centres: Matrix,
    sizes: NDArray[np.int64],
    before: Tables | None,
    scaling: pd.DataFrame,
) -> pd.DataFrame:
    """The centres with names: a segment that was there before keeps its own."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    if before is not None:
        old = _original(before["centres"][list(FEATURES)].to_numpy(float), before["scaling"])
        there = (old - scaling["mean"].to_numpy()) / scaling["sd"].to_numpy()
        cost = _nearest(centres, np.asarray(there))[1]
        for new, former in zip(*linear_sum_assignment(cost), strict=True):
            names[int(new)] = str(before["centres"]["name"].iloc[former])
        taken = set(map(str, before["centres"]["name"]))
    free = (name for n in range(len(centres) + len(taken)) if (name := f"S{n + 1}") not in taken)
    frame = pd.DataFrame(centres, columns=list(FEATURES))
    frame.insert(0, "segment", range(len(centres)))
    frame.insert(1, "name", [names.get(at) or next(free) for at in range(len(centres))])
    frame.insert(2, "words", [words(centre) for centre in centres])
    frame.insert(3, "customers", sizes)
    return frame


def _original(scaled: Matrix, scaling: pd.DataFrame) -> Matrix:
    return np.asarray(scaled * scaling["sd"].to_numpy() + scaling["mean"].to_numpy())


def words(centre: Matrix) -> str:
    """A segment in words: its features that are far from what is usual, the farthest first.

    Takes   centre  a value a feature, in standard deviations from the mean
    """
    far = sorted(zip(FEATURES, centre, strict=True), key=lambda pair: -abs(pair[1]))
    said = [_WORDS[name][int(value < 0)] for name, value in far if abs(value) >= _FAR]
    return ", ".join(said[:3]) or "as most are"


def asked(known: DataFrame) -> DataFrame:
    """Whom to put into a segment: those known at the newest date."""
    return features(newest(known))


def scored(tables: Tables, asked: pd.DataFrame) -> pd.DataFrame:
    """The rows of gold.customer_segments."""
    ordered = asked.sort_values("subject", ignore_index=True)
    return pd.concat([ordered[["subject", "as_of_on"]], predict(tables, ordered)], axis=1)


def sample(tables: Tables, rows: pd.DataFrame) -> pd.DataFrame:
    """A few rows to predict of, as an example: the centres."""
    del rows
    values = _original(tables["centres"][list(FEATURES)].to_numpy(float), tables["scaling"])
    return pd.DataFrame(values, columns=list(FEATURES))


def predict(tables: Tables, asked: pd.DataFrame) -> pd.DataFrame:
    """Put each customer into its segment.

    Takes   asked  FEATURES as `features` gives them
    Gives   segment (its name), words, distance, runner_up, runner_up_distance (in standard deviations)
    """
    centres = tables["centres"]
    _, distances = _nearest(
        scaled_by(asked, tables["scaling"]), centres[list(FEATURES)].to_numpy(float)
    )
    order = distances.argsort(axis=1, kind="stable")
    names, said = centres["name"].to_numpy(), centres["words"].to_numpy()
    rows = np.arange(len(asked))
    return pd.DataFrame(
        {
            "segment": names[order[:, 0]],
            "words": said[order[:, 0]],
            "distance": distances[rows, order[:, 0]].round(6),
            "runner_up": names[order[:, 1]],
            "runner_up_distance": distances[rows, order[:, 1]].round(6),
        },
        index=asked.index,
    )


def judge(tables: Tables, known: DataFrame, *, history: Tables | None = None) -> Judged:
    """How far apart the segments lie for those known at the newest date, which is after the split.

    Takes   known  gold.customer_features after the split
    Raises  BadTraining where that are no more customers than segments
    """
    del history  # what was before the split is in the features
    later = asked(known).orderBy("subject").toPandas()
    if len(later) <= len(tables["centres"]):
        raise BadTraining(
            f"segments: {len(later)} customers after the split are too few to judge by"
        )
    scaled = scaled_by(later, tables["scaling"])
    mine = predict(tables, later)["segment"].to_numpy()
    quantiles = pd.qcut(later["net_revenue_cents"].rank(method="first"), len(tables["centres"]))
    scores = pd.DataFrame(
        {
            MODEL: _silhouette(scaled, mine),
            "spend_quantiles": _silhouette(scaled, quantiles.cat.codes.to_numpy()),
        }
    )
    return Judged({"silhouette": scores}, {"segments": float(len(tables["centres"]))})


def _silhouette(scaled: Matrix, labels: Any) -> Matrix:
    if len(set(labels)) < 2:
        return np.zeros(len(scaled))
    return np.asarray(silhouette_samples(scaled, labels))
