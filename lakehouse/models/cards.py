"""What a person reads of a model: its card in Markdown, and pictures."""

import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from lakehouse.models.catalog import Judged, Learnt, Model

mpl.use("Agg")

_PARTS = ("What for", "Learnt from", "Parameters", "Worth", "What it says of itself", "Limits")
_LIMITS = {
    "affinities": "What is bought together need not cause one another; a rule of few baskets may not "
    "hold up later, whatever its test says.",
    "segments": "The segments lie on a continuum: who is near two centres is in one of them by little "
    "(`distance` beside `runner_up_distance`).",
    "recommendations": "It knows what was bought with a card, nothing of price or stock, and less the "
    "less a customer has bought. Nobody is offered anything who has not agreed to it.",
}


def written(
    model: Model, learnt: Learnt, judged: Judged, given: dict[str, float], tags: dict[str, str]
) -> str:
    """The card."""
    worth = [
        f"| {metric} | {method} | {scores[method].mean():.4f} | {len(scores):,} |"
        for metric, scores in judged.scores.items()
        for method in scores.columns
    ]
    worth += [f"| {name} | | {value:.4f} | |" for name, value in judged.others.items()]
    served = [f"- {metric} is served by {method}" for metric, method in judged.serves.items()]
    said = {
        "What for": f"{model.purpose[0].upper()}{model.purpose[1:]}.",
        "Learnt from": "\n".join(f"- {name}: {value}" for name, value in tags.items()),
        "Parameters": "\n".join(f"- {name}: {value:g}" for name, value in given.items()),
        "Worth": "\n".join(
            ["| metric | method | mean | of |", "| --- | --- | --- | --- |", *worth]
        ),
        "What it says of itself": "\n".join([*(f"- {note}" for note in learnt.notes), *served]),
        "Limits": _LIMITS[model.name],
    }
    return (
        f"# {model.name}\n\n" + "\n\n".join(f"## {part}\n\n{said[part]}" for part in _PARTS) + "\n"
    )


def unnamed(card: str) -> tuple[str, ...]:
    """The parts of a card that are missing or empty."""
    found = dict(re.findall(r"^## (.+)\n\n((?:(?!## ).*\n?)*)", card, re.MULTILINE))
    return tuple(part for part in _PARTS if not found.get(part, "").strip())


def plots(model: Model, learnt: Learnt, judged: Judged) -> dict[str, Figure]:
    """Pictures of a training, by name."""
    made = {"worth": _worth(judged)}
    own: dict[str, Callable[[Learnt], dict[str, Figure]]] = {
        "affinities": _affinities,
        "segments": _segments,
        "recommendations": _recommendations,
    }
    return made | own[model.name](learnt)


def _axes(title: str, x: str, y: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure, axes


def _worth(judged: Judged) -> Figure:
    figure, axes = _axes("the model beside its baselines", "mean", "")
    bars = {
        f"{metric}: {method}": float(scores[method].mean())
        for metric, scores in judged.scores.items()
        for method in scores.columns
    }
    axes.barh(list(bars)[::-1], list(bars.values())[::-1])
    return figure


def _affinities(learnt: Learnt) -> dict[str, Figure]:
    figure, axes = _axes("rules", "support", "lift")
    for level, rules in learnt.tables["rules"].groupby("level"):
        axes.scatter(rules["support"], rules["lift"], s=8, label=str(level))
    axes.set(xscale="log", yscale="log")
    axes.legend()
    return {"support_and_lift": figure}


def _segments(learnt: Learnt) -> dict[str, Figure]:
    tried: pd.DataFrame = learnt.shown["tried"]
    by_k, axes = _axes("how many segments", "k", "")
    axes.plot(tried["k"], tried["silhouette"], marker="o", label="silhouette")
    axes.plot(tried["k"], tried["stability"], marker="s", label="adjusted Rand index over samples")
    axes.legend()
    centres: pd.DataFrame = learnt.tables["centres"]
    names = list(learnt.tables["scaling"]["feature"])
    profile, axes = _axes("what is special about each", "standard deviations from the mean", "")
    height = 0.8 / len(centres)
    for at, centre in enumerate(centres.to_dict("records")):
        places = [place + at * height for place in range(len(names))]
        axes.barh(places, [centre[name] for name in names], height, label=centre["name"])
    axes.set_yticks(range(len(names)), names)
    axes.legend()
    return {"silhouette_and_k": by_k, "profiles": profile}


def _recommendations(learnt: Learnt) -> dict[str, Figure]:
    served: pd.DataFrame = learnt.tables["served"].set_index("task")
    figure, axes = _axes("the last weeks before the split", "NDCG at 10", "")
    bars = {
        f"{task}: {method}": value
        for task, row in served.drop(columns="method").iterrows()
        for method, value in row.dropna().items()
    }
    axes.barh(list(bars)[::-1], list(bars.values())[::-1])
    return {"methods_in_training": figure}
