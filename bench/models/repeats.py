"""The same rows, seed and cores ten times: the figures of every model, to six digits.

Of Complete Journey every fifth household, so that ten trainings take minutes.
"""

from dataclasses import replace

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench.models import judged, sets
from bench.results import Row
from lakehouse.models.catalog import MODELS, Judged

TIMES = 10
_EVERY = 5


def figures(spark: SparkSession) -> list[Row]:
    """How many of ten trainings give the figures of the first."""
    whole = sets.complete_journey(spark)
    is_taken = F.crc32("subject") % _EVERY == 0
    few = replace(
        whole,
        baskets=whole.baskets.where(is_taken).persist(),
        known=whole.known.where(is_taken).persist(),
    )
    rows = []
    for model in MODELS:
        found = [_said(judged.learnt_and_judged(model, few)) for _ in range(TIMES)]
        rows.append(
            Row(
                f"{model.name}: trainings of {TIMES} with equal figures, {len(found[0])} of them",
                sum(one == found[0] for one in found),
                "trainings",
                TIMES,
                is_promise=True,
            )
        )
    return rows


def _said(worth: Judged) -> dict[str, float]:
    means = {
        f"{metric}.{method}": float(scores[method].mean())
        for metric, scores in worth.scores.items()
        for method in scores.columns
    }
    return {name: round(value, 6) for name, value in (means | worth.others).items()}
