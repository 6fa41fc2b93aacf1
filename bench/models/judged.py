"""Each model on the last four weeks of real purchases, beside its baselines.

The difference to each baseline has an interval by a bootstrap over units (baskets, subjects); what
a task of the recommendations is served by was chosen before the split.
"""

import sys
import time

from pyspark.sql import DataFrame, SparkSession

from bench.models import sets
from bench.models.sets import Purchases
from bench.results import Row
from lakehouse.flow.scoring import MODULES
from lakehouse.models import promotion, splits
from lakehouse.models.catalog import MODEL, MODELS, Judged, Model

SEED = 1


def figures(spark: SparkSession) -> list[Row]:
    """Every model on every set."""
    found = [one for one in (sets.complete_journey(spark), sets.online_retail(spark)) if one]
    return [row for purchases in found for model in MODELS for row in _of(model, purchases)]


def frames(model: Model, purchases: Purchases) -> tuple[list[DataFrame], list[DataFrame]]:
    """The tables that a model learns from, before the split and after it."""
    tables = {
        "gold.baskets": purchases.baskets,
        "gold.products": purchases.products,
        "gold.customer_features": purchases.known,
    }
    past, future = [], []
    for name in model.learns_from:
        rows, at = tables[name], model.dated.get(name)
        past.append(splits.learnable(rows, at, purchases.split_on) if at else rows)
        future.append(splits.after(rows, at, purchases.split_on) if at else rows)
    return past, future


def learnt_and_judged(model: Model, purchases: Purchases, seed: int = SEED) -> Judged:
    """One training, without a registry."""
    past, future = frames(model, purchases)
    module = MODULES[model.name]
    learnt = module.learn(*past, given=model.settings(), seed=seed)
    for note in learnt.notes:
        print(f"bench-models: {purchases.name}, {model.name}: {note}", file=sys.stderr, flush=True)
    judged: Judged = module.judge(learnt.tables, *future)
    return judged


def _of(model: Model, purchases: Purchases) -> list[Row]:
    began = time.monotonic()
    judged = learnt_and_judged(model, purchases)
    took_s = time.monotonic() - began
    rows = [Row(f"{purchases.name}, {model.name}: to learn and to judge", took_s, "s")]
    for metric in model.metrics:
        scores = judged.scores[metric.name]
        mine = scores[MODEL].to_numpy(float)
        served = judged.serves.get(metric.name, MODEL)
        for name in scores.columns.drop(MODEL):
            # ALS stands beside them, whatever is served.
            low, high = promotion.interval(mine - scores[name].to_numpy(float), SEED)
            rows.append(
                Row(
                    f"{purchases.name}, {metric.name} of {len(scores):,}, served by {served}; "
                    f"over {name}: {low:+.4f} to {high:+.4f}",
                    float(mine.mean()),
                    "mean",
                    None if name == served else float(scores[name].mean()),
                    float(scores[name].mean()),
                    name,
                )
            )
    rows += [
        Row(f"{purchases.name}, {model.name}: {name}", value, "")
        for name, value in judged.others.items()
    ]
    return rows
