"""Train, judge, keep, decide: a model from versions of gold tables to the registry."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

from lakehouse import ledger, tables
from lakehouse.errors import BadTraining
from lakehouse.flow import build, champions
from lakehouse.flow.place import Place
from lakehouse.flow.scoring import Asked, twice
from lakehouse.models import cards, promotion, splits
from lakehouse.models.catalog import Judged, Model, Tables
from lakehouse.models.promotion import Decision, Evidence
from lakehouse.settings import PROJECT
from lakehouse.tracking import CHALLENGER, CHAMPION, Run, Tracker, Version

_BASKETS = tables.by_name("gold.baskets")


@dataclass(frozen=True)
class Trained:
    """A training that came to its end."""

    version: Version
    judged: Judged
    decision: Decision
    notes: tuple[str, ...]


def train(
    place: Place,
    model: Model,
    *,
    given: dict[str, float] | None = None,
    split_on: date | None = None,
    seed: int = 1,
    is_held: bool = False,
    says: Callable[[str], object] = lambda _: None,
) -> Trained:
    """Learn from what was before the split, judge by what came after, keep it, and promote it if it
    is better than what there is.

    Takes   given     parameters that are not to be as the catalog has them
            split_on  the first day that it may not know of; the last `holdout_days` by default
            is_held   what is better waits as challenger for `promote`
    Raises  BadTraining where there is too little to learn from or to judge by
    """
    chosen = model.settings(given)
    tracker = Tracker(place.settings, place.endpoint)
    read = versions(place, model)
    asked = Asked(place, model, read)
    module = asked.module
    split_on = split_on or splits.of(place.store.read(_BASKETS), model.holdout_days)
    past = _frames(place, model, read, lambda rows, at: splits.learnable(rows, at, split_on))
    future = _frames(place, model, read, lambda rows, at: splits.after(rows, at, split_on))
    served = tracker.find(model.name, CHAMPION)
    before = tracker.load(served) if served else None

    says(f"learning from what was before {split_on}")
    learnt = module.learn(*past, given=chosen, seed=seed, before=before)
    says("judging by what came after")
    judged = module.judge(learnt.tables, *future)
    rival = module.judge(before, *future, history=learnt.tables) if before is not None else None
    began = time.monotonic()
    rows = asked.rows(learnt.tables)
    seconds = time.monotonic() - began

    tags = _tags(read, split_on, seed)
    card = cards.written(model, learnt, judged, chosen, tags)
    says("keeping it")
    figures = {
        f"{metric}.{method}": float(scores[method].mean())
        for metric, scores in judged.scores.items()
        for method in scores.columns
    }
    plots = cards.plots(model, learnt, judged)
    sample = module.sample(learnt.tables, rows)
    run = Run(
        model.name,
        learnt.tables,
        chosen,
        tags,
        {**figures, **judged.others},
        card,
        (sample, module.predict(learnt.tables, sample)),
        plots,
    )
    version = tracker.record(run)
    kept = tracker.load(version)
    evidence = Evidence(
        judged=judged,
        champion=rival,
        judged_on=read,
        read=versions(place, model),
        not_passed=_not_passed(place, model),
        is_same_reloaded=_same(rows, asked.rows(kept)),
        rows=len(rows),
        twice=twice(asked.output, rows),
        unnamed=cards.unnamed(card),
        changed=_changed(asked, before, rows),
        seconds=seconds,
    )
    decision = promotion.decide(model, evidence, seed, is_held=is_held)
    tracker.move(version, CHAMPION if decision.is_promoted else CHALLENGER)
    if decision.is_promoted:
        tracker.drop(model.name, CHALLENGER)
    champions.note(
        place.lake,
        "train",
        version,
        is_promoted=decision.is_promoted,
        reasons=list(decision.reasons),
        figures=list(decision.figures.items()),
        read_versions=list(read.items()),
        split_on=split_on,
    )
    return Trained(version, judged, decision, learnt.notes)


def versions(place: Place, model: Model) -> dict[str, int]:
    """The versions of the tables that a model would learn from now.

    Raises BadTraining where one is empty.
    """
    found = {}
    for name in model.learns_from:
        table = tables.by_name(name)
        found[name] = place.lake.version(table)
        if not place.lake.rows(table):
            raise BadTraining(f"{name} is empty: there is nothing to learn from; `lakehouse run`")
    return found


def _frames(
    place: Place, model: Model, read: dict[str, int], cut: Callable[[DataFrame, str], DataFrame]
) -> list[DataFrame]:
    frames = []
    for name, version in read.items():
        rows = place.store.read(tables.by_name(name), version)
        frames.append(cut(rows, model.dated[name]) if name in model.dated else rows)
    return frames


def _not_passed(place: Place, model: Model) -> tuple[str, ...]:
    """The tables that do not pass the gate as they are now; judged first where they were not yet."""
    place.ledger.fold()
    stands = build.judged(place, map(tables.by_name, model.learns_from))
    return tuple(name for name, stand in stands.items() if stand.broken)


def _tags(read: dict[str, int], split_on: date, seed: int) -> dict[str, str]:
    lock = (PROJECT / "requirements.lock").read_bytes()
    return {
        **{f"version of {name}": str(version) for name, version in read.items()},
        "code_version": ledger.code_version(),
        "lock": hashlib.sha256(lock).hexdigest()[:16],
        "split_on": f"{split_on}",
        "seed": str(seed),
    }


def _same(rows: pd.DataFrame, again: pd.DataFrame) -> bool:
    return len(rows) == len(again) and _content(rows) == _content(again)


def _content(rows: pd.DataFrame) -> str:
    said = rows.map(
        lambda cell: list(cell) if hasattr(cell, "__len__") and not isinstance(cell, str) else cell
    )
    return hashlib.sha256(said.to_json(orient="split", date_format="iso").encode()).hexdigest()


def _changed(asked: Asked, before: Tables | None, rows: pd.DataFrame) -> float | None:
    """The share of the rows that the champion would not give on the same tables."""
    if before is None or rows.empty:
        return None
    mine, others = (_served(asked.model, frame) for frame in (rows, asked.rows(before)))
    return 1 - len(mine & others) / len(mine)


def _served(model: Model, rows: pd.DataFrame) -> set[tuple[Any, ...]]:
    cells = rows[list(model.identity)].itertuples(index=False)
    return {tuple(tuple(one) if isinstance(one, list) else one for one in row) for row in cells}
