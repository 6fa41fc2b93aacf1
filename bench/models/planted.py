"""Twenty-one bad models, each planted in a real training on a lakehouse: none may become champion.

The world is that of the tests of models (tests/models/worlds.py): two kinds of customers. A good
training of each model stands beside them as the control: it is promoted, or is refused for being no
better than a baseline alone. Then a rollback, which is to take seconds.
"""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from bench.results import Row
from lakehouse import s3_server, settings, tables
from lakehouse.errors import BadTraining
from lakehouse.flow import champions, training
from lakehouse.flow.place import Place
from lakehouse.flow.scoring import MODULES
from lakehouse.models import splits
from lakehouse.models.catalog import MODEL, MODELS, Judged, Learnt, Model, Tables
from lakehouse.settings import PROJECT
from tests.models import worlds

Plant = Callable[[Place, Model, ModuleType], Any]


@dataclass(frozen=True)
class Bad:
    """One way of being bad: how it is planted, and the reason that has to be given."""

    name: str
    plant: Plant
    reason: str


def _shuffled(at: Place, model: Model, module: ModuleType) -> Any:
    """Who bought what is torn apart; customers get the figures of others."""
    del at
    learn = module.learn

    def shuffled(rows: DataFrame, *others: DataFrame, **given: Any) -> Learnt:
        column = "product_ids" if "product_ids" in rows.columns else "recency_d"
        cells = [row[column] for row in rows.select(column).collect()]
        frame = rows.toPandas()
        frame[column] = pd.Series(cells).sample(frac=1, random_state=1).to_list()
        return learn(rows.sparkSession.createDataFrame(frame, rows.schema), *others, **given)

    return patch.object(module, "learn", shuffled)


def _leaked(at: Place, model: Model, module: ModuleType) -> Any:
    """What came after the split is learnt from as well."""
    del at, model, module
    return patch.object(splits, "before", lambda rows, at, split_on: rows)


def _empty(at: Place, model: Model, module: ModuleType) -> Any:
    del at, model
    scored = module.scored
    return patch.object(module, "scored", lambda made, asked: scored(made, asked).head(0))


def _doubled(at: Place, model: Model, module: ModuleType) -> Any:
    """A row a key is given twice."""
    del at, model
    scored = module.scored

    def twice(made: Tables, asked: pd.DataFrame | None) -> pd.DataFrame:
        rows = scored(made, asked)
        return pd.concat([rows, rows.head(3)], ignore_index=True)

    return patch.object(module, "scored", twice)


def _slow(at: Place, model: Model, module: ModuleType) -> Any:
    """A second longer than it may."""
    del at
    scored = module.scored

    def late(made: Tables, asked: pd.DataFrame | None) -> pd.DataFrame:
        time.sleep(model.most_seconds + 1)
        return scored(made, asked)

    return patch.object(module, "scored", late)


def _not_a_number(at: Place, model: Model, module: ModuleType) -> Any:
    """Its figures come out as no numbers."""
    del at, model
    judge = module.judge

    def broken(made: Tables, *frames: DataFrame, **given: Any) -> Judged:
        found: Judged = judge(made, *frames, **given)
        for scores in found.scores.values():
            scores.loc[scores.index[:1], MODEL] = float("nan")
        return found

    return patch.object(module, "judge", broken)


def _of_another_version(at: Place, model: Model, module: ModuleType) -> Any:
    """Its table gets another version between learning and judging."""
    judge = module.judge
    table = tables.by_name(model.learns_from[0])

    def judged(made: Tables, *frames: DataFrame, **given: Any) -> Judged:
        before = at.lake.version(table)
        at.store.append(table, at.store.read(table).limit(1), {})
        at.store.restore(table, before, {})
        return judge(made, *frames, **given)

    return patch.object(module, "judge", judged)


BAD = (
    Bad("shuffled", _shuffled, r"beside \d+\.\d+ of |is not a number"),
    Bad("leaked future", _leaked, r"rows to learn from are of"),
    Bad("empty", _empty, r"scoring gives no row"),
    Bad("wrong grain", _doubled, r"keys of gold\.\w+ more than once"),
    Bad("slow", _slow, r"scoring takes [\d.]+ s, more than"),
    Bad("not a number", _not_a_number, r"is not a number"),
    Bad("other version", _of_another_version, r"it was judged on version \d+ of gold\.\w+, not on"),
)


def figures(spark: SparkSession) -> list[Row]:
    """How many are refused for what is wrong with them, and how long a rollback takes."""
    server = s3_server.status(settings.home())
    assert server is not None
    at = worlds.lakehouse(
        "planted", settings.load(PROJECT / "conf" / "local.yml"), server.endpoint, spark
    )
    refused = 0
    for model in MODELS:
        quick = replace(model, most_seconds=2.0)
        print(f"bench-models: {model.name}, as it is: {_outcome(at, model)}", file=sys.stderr)
        for bad in BAD:
            with bad.plant(at, quick, MODULES[model.name]):
                said = _outcome(at, quick if bad.name == "slow" else model)
            is_right = said is not None and re.search(bad.reason, said) is not None
            refused += is_right
            print(f"bench-models: {model.name}, {bad.name}: {said}", file=sys.stderr, flush=True)
    planted = len(MODELS) * len(BAD)
    return [
        Row(
            f"bad models of {planted} refused, each for its reason",
            refused,
            "models",
            planted,
            is_promise=True,
        ),
        Row("rollback", _rolled_back(at), "s", 5.0, is_at_most=True),
    ]


def _outcome(at: Place, model: Model) -> str | None:
    """Why it is not promoted; None where it is."""
    given = worlds.SMALL[model.name]
    try:
        trained = training.train(at, model, given=given, split_on=worlds.SPLIT)
    except BadTraining as refused:
        return str(refused)
    return "; ".join(trained.decision.reasons) or None


def _rolled_back(at: Place) -> float:
    model = next(one for one in MODELS if one.name == "segments")
    trained = training.train(at, model, given=worlds.SMALL[model.name], split_on=worlds.SPLIT)
    champions.promote(at.lake, model, trained.version.version, "To go back from.")
    began = time.monotonic()
    champions.rollback(at.lake, model, "It was no good.")
    return time.monotonic() - began
