"""recommendations: what to offer to whom, by ALS on what each bought, beside what is simple.

Two tasks, judged apart: what one buys again, and what one buys for the first time. A task is served
by the method that was best in the last weeks of the training, be it ALS or a baseline: nothing of it
is chosen by what it is judged on. Strength is the logarithm of 1 and the receipts with an item, each
worth half for every `half_life_d` before the split.
Source: Hu, Koren and Volinsky (2008), "Collaborative filtering for implicit feedback datasets".
"""

import functools
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.errors import BadTraining
from lakehouse.models import ranking, splits
from lakehouse.models.catalog import MODEL, RECOMMENDATIONS, Judged, Learnt, Tables

Matrix = NDArray[np.float64]

LEVELS = {"product": "product_id", "sub_category": "product_type"}
JUDGED_AT = "sub_category"
TASKS = ("new", "again")
ALS_NAME = "als"
_BASELINES = {
    task: next(one for one in RECOMMENDATIONS.metrics if one.name.endswith(task)).baselines
    for task in TASKS
}
# Why something is named where no purchase speaks for it.
_OTHERWISE = {
    "popularity": "bought most anywhere",
    "shop_popularity": "bought most in your shop",
    "co_occurrence": "bought most anywhere",
    ALS_NAME: "bought by those who buy as you do",
}
_BLOCKS = (
    2  # of ALS: two cores; ten, the default, cost half as much again (docs/decisions/models.md)
)


@dataclass(frozen=True)
class Strengths:
    """Who bought what how strongly, as a matrix.

    bought   subjects × items, strength; 0 where never bought
    shops    the shop of each subject, by its number in `of_shops`
    """

    subjects: NDArray[np.object_]
    items: NDArray[np.object_]
    bought: Matrix
    shops: NDArray[np.int64]
    of_shops: NDArray[np.object_]


def purchases(baskets: DataFrame, products: DataFrame, level: str) -> DataFrame:
    """Which items of a level each subject's receipts hold, once a receipt.

    Gives   subject, shop_id, basket_id, item, paid_at
    """
    lines = baskets.where("subject IS NOT NULL").select(
        "subject", "shop_id", "basket_id", "paid_at", F.explode("product_ids").alias("product_id")
    )
    item = F.col("product_id") if level == "product" else F.col(LEVELS[level])
    return (
        lines.join(products.select("product_id", "product_type"), on="product_id", how="left")
        .select("subject", "shop_id", "basket_id", item.alias("item"), "paid_at")
        .where("item IS NOT NULL")
        .distinct()
    )


def learn(
    baskets: DataFrame,
    products: DataFrame,
    *,
    given: dict[str, float],
    seed: int,
    before: Tables | None = None,
) -> Learnt:
    """Learn factors of subjects and items on every level, and which method serves which task.

    Takes   baskets  gold.baskets, those before the split
    Gives   strengths  level, subject, item, strength
            subjects   level, subject, shop_id, factors
            items      level, item, factors
            served     task, method
    """
    del before
    parts: dict[str, list[pd.DataFrame]] = {"strengths": [], "subjects": [], "items": []}
    judged = purchases(baskets, products, JUDGED_AT).persist()
    served, note = _served(judged, given, seed)
    judged.unpersist()
    notes = [note]
    for level in LEVELS:
        bought = purchases(baskets, products, level).persist()
        made = parts_of(bought, given)
        # Elsewhere factors cost minutes, and are of no use where a baseline is served.
        if level == JUDGED_AT or ALS_NAME in set(served["method"]):
            made = with_factors(bought.sparkSession, made, given, seed)
        for name, frame in made.items():
            parts[name].append(frame.assign(level=level))
        notes.append(f"{level}: {len(made['subjects']):,} subjects, {len(made['items']):,} items")
        bought.unpersist()
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    return Learnt({**tables, "served": served}, {}, tuple(notes))


def parts_of(bought: DataFrame, given: dict[str, float]) -> Tables:
    """Strengths, subjects and items of one level, as `learn` gives them, but for the factors."""
    strengths = _strengths(bought, given)
    subjects = strengths.groupby("subject", sort=True)["shop_id"].first().reset_index()
    items = pd.DataFrame({"item": sorted(strengths["item"].unique())})
    return {
        "strengths": strengths[["subject", "item", "strength"]],
        "subjects": subjects,
        "items": items,
    }


def with_factors(spark: SparkSession, parts: Tables, given: dict[str, float], seed: int) -> Tables:
    """The same, subjects and items with their factors."""
    subjects, items = parts["subjects"], parts["items"]
    frame = spark.createDataFrame(numbered(parts)).coalesce(_BLOCKS)
    als = ALS(
        userCol="subject_no",
        itemCol="item_no",
        ratingCol="strength",
        implicitPrefs=True,
        rank=round(given["rank"]),
        regParam=given["regularisation"],
        alpha=given["alpha"],
        maxIter=round(given["iterations"]),
        numUserBlocks=_BLOCKS,
        numItemBlocks=_BLOCKS,
        seed=seed,
    )
    model = als.fit(frame)
    return {
        "strengths": parts["strengths"],
        "subjects": subjects.assign(factors=_in_order(model.userFactors, len(subjects))),
        "items": items.assign(factors=_in_order(model.itemFactors, len(items))),
    }


def numbered(parts: Tables) -> pd.DataFrame:
    """The strengths as ALS takes them: subject_no, item_no, strength."""
    strengths = parts["strengths"]
    return pd.DataFrame(
        {
            f"{name}_no": pd.Categorical(strengths[name], parts[f"{name}s"][name]).codes.astype(int)
            for name in ("subject", "item")
        }
    ).assign(strength=strengths["strength"])


def _in_order(factors: DataFrame, of: int) -> list[list[float]]:
    found = factors.toPandas().set_index("id")["features"]
    return [list(map(float, found[at])) for at in range(of)]


def _strengths(bought: DataFrame, given: dict[str, float]) -> pd.DataFrame:
    """subject, shop_id (where the subject is most), item, strength; of the items bought most."""
    known = (
        bought.groupBy("item")
        .agg(F.count_distinct("subject").alias("buyers"))
        .where(F.col("buyers") >= given["least_buyers"])
        .orderBy(F.desc("buyers"), "item")
        .limit(round(given["most_items"]))
    )
    [row] = bought.agg(F.max("paid_at").alias("last")).collect()
    if row["last"] is None:
        raise BadTraining("recommendations: no receipt of a known subject before the split")
    age_d = (F.unix_timestamp(F.lit(row["last"])) - F.unix_timestamp("paid_at")) / 86400
    each = F.pow(F.lit(0.5), age_d / given["half_life_d"])
    strengths = (
        bought.join(F.broadcast(known), on="item", how="left_semi")
        .groupBy("subject", "item")
        .agg(F.log1p(F.sum(each)).alias("strength"))
        # Rounded, whatever the order of the sum; what is bought stays bought however long ago.
        .withColumn("strength", F.greatest(F.round("strength", 6), F.lit(1e-6)))
    )
    visits = bought.groupBy("subject", "shop_id").agg(
        F.count_distinct("basket_id").alias("baskets")
    )
    home = visits.groupBy("subject").agg(
        F.max_by("shop_id", F.struct("baskets", "shop_id")).alias("shop_id")
    )
    found = strengths.join(home, on="subject", how="inner").toPandas()
    if found.empty:
        raise BadTraining(
            f"recommendations: no item has {given['least_buyers']:g} buyers (least_buyers)"
        )
    return found.sort_values(["subject", "item"], ignore_index=True)


def _served(bought: DataFrame, given: dict[str, float], seed: int) -> tuple[pd.DataFrame, str]:
    """The best method of each task in the last weeks before the split."""
    [row] = bought.agg(F.max("paid_at").alias("last")).collect()
    if row["last"] is None:
        raise BadTraining("recommendations: no receipt of a known subject before the split")
    inner: date = row["last"].date() - timedelta(days=RECOMMENDATIONS.holdout_days - 1)
    earlier = splits.before(bought, splits.PAID, inner)
    tables = with_factors(bought.sparkSession, parts_of(earlier, given), given, seed)
    later = splits.after(bought, splits.PAID, inner).select("subject", "item").distinct().toPandas()
    known = matrix(tables)
    found = []
    for task, methods in _BASELINES.items():
        relevant, allowed = task_of(known, later, task)
        asked = relevant.any(axis=1)
        worth = {
            name: float(
                ranking.ndcg(ranking.top(scores[asked], allowed[asked]), relevant[asked]).mean()
            )
            for name, scores in scores_by(known, tables, (*methods, ALS_NAME)).items()
        }
        best = max(worth, key=lambda name: (worth[name], name == ALS_NAME))
        found.append({"task": task, "method": best, **worth})
    said = ", ".join(f"{one['task']} by {one['method']}" for one in found)
    return pd.DataFrame(found), f"served, by the last weeks before the split: {said}"


def matrix(tables: Tables, level: str | None = None) -> Strengths:
    """The strengths of one level (of the only one, where none is named) as a matrix."""
    of = {
        name: tables[name] if level is None else tables[name][tables[name]["level"] == level]
        for name in ("strengths", "subjects", "items")
    }
    subjects, items = of["subjects"]["subject"].to_numpy(), of["items"]["item"].to_numpy()
    bought = np.zeros((len(subjects), len(items)))
    rows = pd.Categorical(of["strengths"]["subject"], subjects).codes
    columns = pd.Categorical(of["strengths"]["item"], items).codes
    bought[rows, columns] = of["strengths"]["strength"]
    of_shops, shops = np.unique(
        of["subjects"]["shop_id"].to_numpy().astype(object), return_inverse=True
    )
    return Strengths(subjects, items, bought, shops, of_shops)


def scores_by(known: Strengths, tables: Tables, names: tuple[str, ...]) -> dict[str, Matrix]:
    """Scores of every subject and item by each method."""
    found: dict[str, Matrix] = {}
    is_bought = (known.bought > 0).astype(float)
    for name in names:
        if name == "popularity":
            found[name] = np.broadcast_to(is_bought.sum(axis=0), known.bought.shape)
        elif name == "shop_popularity":
            by_shop = np.array(
                [is_bought[known.shops == shop].sum(axis=0) for shop in range(len(known.of_shops))]
            )
            found[name] = by_shop[known.shops]
        elif name == "most_bought":
            found[name] = known.bought
        elif name == "co_occurrence":
            found[name] = known.bought @ similar(is_bought)
        else:
            found[name] = _factors(tables["subjects"]) @ _factors(tables["items"]).T
    return found


def similar(is_bought: Matrix) -> Matrix:
    """Cosine of the buyers of each two items; 0 of an item and itself.

    Source  Sarwar and others (2001), "Item-based collaborative filtering"
    """
    both = is_bought.T @ is_bought
    length = np.sqrt(np.diag(both))
    cosine = both / np.maximum(np.outer(length, length), 1e-12)
    np.fill_diagonal(cosine, 0.0)
    return np.asarray(cosine)


def _factors(rows: pd.DataFrame) -> Matrix:
    return np.array(rows["factors"].tolist())


def task_of(
    known: Strengths, later: pd.DataFrame, task: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What each subject bought later of what the task is about, and what may be named."""
    rows = pd.Categorical(later["subject"], known.subjects).codes
    columns = pd.Categorical(later["item"], known.items).codes
    there = (rows >= 0) & (columns >= 0)
    bought = np.zeros(known.bought.shape, dtype=bool)
    bought[rows[there], columns[there]] = True
    is_known = known.bought > 0
    allowed = is_known if task == "again" else ~is_known
    return bought & allowed, allowed


def judge(
    tables: Tables, baskets: DataFrame, products: DataFrame, *, history: Tables | None = None
) -> Judged:
    """Look how well each task is served in the baskets after the split, beside the baselines.

    Takes   history  tables that say what was bought before the split, where others than its own do:
                     an older model has not seen all of it, and is judged on the same tasks
    """
    bought = purchases(baskets, products, JUDGED_AT)
    later = bought.select("subject", "item").distinct().toPandas()
    mine = of_level(tables, JUDGED_AT)
    own = matrix(mine)
    known = matrix(of_level(history, JUDGED_AT)) if history is not None else own
    scores, others = {}, {}
    serves = dict(zip(tables["served"]["task"], tables["served"]["method"], strict=True))
    popularity = np.maximum((known.bought > 0).mean(axis=0), 1e-9)
    for task, baselines in _BASELINES.items():
        relevant, allowed = task_of(known, later, task)
        asked = relevant.any(axis=1)
        methods = {
            name: _aligned(own, known, scores)
            for name, scores in scores_by(own, mine, (*baselines, ALS_NAME)).items()
        }
        best = {name: ranking.top(one[asked], allowed[asked]) for name, one in methods.items()}
        worth = {name: ranking.ndcg(one, relevant[asked]) for name, one in best.items()}
        served = best[serves[task]]
        frame = pd.DataFrame({MODEL: worth[serves[task]], **worth}, index=known.subjects[asked])
        scores[f"ndcg_at_10_{task}"] = frame
        others[f"recall_at_10_{task}"] = float(ranking.recall(served, relevant[asked]).mean())
        others[f"coverage_{task}"] = ranking.coverage(served, len(known.items))
        others[f"novelty_{task}"] = ranking.novelty(served, popularity)
    return Judged(scores, others, {f"ndcg_at_10_{task}": serves[task] for task in TASKS})


def _aligned(own: Strengths, known: Strengths, scores: Matrix) -> Matrix:
    """Scores of own subjects and items as those of others; of what is not its own, the lowest."""
    if own is known:
        return scores
    frame = pd.DataFrame(scores, own.subjects, own.items)
    return frame.reindex(index=known.subjects, columns=known.items).fillna(-np.inf).to_numpy()


def of_level(tables: Tables, level: str) -> Tables:
    """The rows of one level of the tables that have levels."""
    return {
        name: frame[frame["level"] == level] if "level" in frame else frame
        for name, frame in tables.items()
    }


def asked(baskets: DataFrame, products: DataFrame) -> DataFrame:
    """Whom to offer something: every subject that bought, with the shop of its last receipt, and
    what it has: all that it ever bought, of every level.
    """
    last = F.max_by("shop_id", F.struct("paid_at", "shop_id")).alias("shop_id")
    subjects = baskets.where("subject IS NOT NULL").groupBy("subject").agg(last)
    levels = (purchases(baskets, products, level).select("subject", "item") for level in LEVELS)
    has = F.array_sort(F.collect_set("item")).alias("has")
    bought = functools.reduce(DataFrame.union, levels).groupBy("subject").agg(has)
    return subjects.join(bought, on="subject", how="left")


def scored(tables: Tables, asked: pd.DataFrame) -> pd.DataFrame:
    """The rows of gold.recommendations."""
    return predict(tables, asked.sort_values("subject", ignore_index=True))


def sample(tables: Tables, rows: pd.DataFrame) -> pd.DataFrame:
    """A few rows to predict of, as an example."""
    del rows
    subjects: pd.DataFrame = tables["subjects"]
    return subjects[["subject", "shop_id"]].head(3).reset_index(drop=True)


def predict(tables: Tables, asked: pd.DataFrame) -> pd.DataFrame:
    """Name ten items of every level and task for each subject, the best first, each with a reason.

    A subject that is not known gets what is bought most in its shop, or anywhere.

    Takes   asked  subject, shop_id (may be null), and has, where it is known: items that are not new
                   to the subject, besides those it bought before the split
    Gives   subject, level, task, rank (from 1), item, score, method, reason
    """
    found = [
        _of_task(of_level(tables, level), asked, level, task) for level in LEVELS for task in TASKS
    ]
    return pd.concat(found, ignore_index=True)


def _of_task(tables: Tables, asked: pd.DataFrame, level: str, task: str) -> pd.DataFrame:
    known = matrix(tables)
    served = tables["served"].set_index("task")["method"]
    method = str(served[task])
    rows = pd.Categorical(asked["subject"], known.subjects).codes.astype(int)
    is_known = rows >= 0
    mine = rows[is_known]
    scores = scores_by(known, tables, (method,))[method][mine]
    bought = known.bought[mine] > 0
    has = _has(known, asked)
    best = ranking.top(scores, bought if task == "again" else ~(bought | has[is_known]))
    cosine = similar((known.bought > 0).astype(float))
    out = [
        _lists(known, asked["subject"].to_numpy()[is_known], best, scores, method).assign(
            reason=_reasons(known, mine, best, cosine, method if task == "new" else None)
        )
    ]
    if task == "new" and not is_known.all():
        out.append(_strangers(known, asked[~is_known], has[~is_known]))
    return pd.concat(out, ignore_index=True).assign(level=level, task=task)


def _has(known: Strengths, asked: pd.DataFrame) -> NDArray[np.bool_]:
    """What each of those asked about has of the items."""
    found = np.zeros((len(asked), len(known.items)), dtype=bool)
    if "has" in asked:
        pairs = asked["has"].reset_index(drop=True).explode().dropna()
        columns = pd.Index(known.items).get_indexer(pd.Index(pairs))
        found[pairs.index[columns >= 0], columns[columns >= 0]] = True
    return found


def _lists(
    known: Strengths,
    subjects: NDArray[np.object_],
    best: NDArray[np.int64],
    scores: Matrix,
    method: str,
) -> pd.DataFrame:
    """The lists as rows, one a place; places without an item are left out."""
    row, place = np.nonzero(best >= 0)
    item = best[row, place]
    return pd.DataFrame(
        {
            "subject": subjects[row],
            "rank": place + 1,
            "item": known.items[item],
            "score": scores[row, item].round(6),
            "method": method,
        }
    )


def _reasons(
    known: Strengths,
    mine: NDArray[np.int64],
    best: NDArray[np.int64],
    cosine: Matrix,
    method: str | None,
) -> list[str]:
    """Why each place of the lists is named: the purchase that has most buyers in common with it, or
    where none has any, what the method goes by.

    Takes   method  None where the lists are of what was bought before
    """
    row, place = np.nonzero(best >= 0)
    if method is None:
        return ["you have bought it before"] * len(row)
    said = []
    for at in range(best.shape[1]):
        near = known.bought[mine] * cosine[best[:, at]]
        bought = known.items[near.argmax(axis=1)]
        said.append(
            np.where(
                near.max(axis=1) > 0,
                [f"because you bought {item}" for item in bought],
                _OTHERWISE[method],
            )
        )
    return [str(one) for one in np.column_stack(said)[row, place]]


def _strangers(known: Strengths, asked: pd.DataFrame, has: NDArray[np.bool_]) -> pd.DataFrame:
    """For subjects that are not known: what most people bought in their shop, or anywhere."""
    is_bought = (known.bought > 0).astype(float)
    shop_of = {name: at for at, name in enumerate(known.of_shops)}
    everywhere = is_bought.sum(axis=0)
    found = []
    pairs = asked[["subject", "shop_id"]].itertuples(index=False)
    for (subject, shop_id), mine in zip(pairs, has, strict=True):
        shop = shop_of.get(shop_id)
        counts = everywhere if shop is None else is_bought[known.shops == shop].sum(axis=0)
        best = ranking.top(counts[None, :], ~mine[None, :])
        names = np.array([subject], dtype=object)
        method = "popularity" if shop is None else "shop_popularity"
        where = "anywhere" if shop is None else "in your shop"
        found.append(
            _lists(known, names, best, counts[None, :], method).assign(
                reason=f"bought most {where}"
            )
        )
    return pd.concat(found, ignore_index=True)
