"""lakehouse train, score, assign, drift, models, promote, rollback, mlflow: what is learnt from gold."""

# ruff: noqa: PLC0415  Spark and MLflow are loaded by the command that needs them, not by --help.

import functools
import json
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table as Grid

from lakehouse import s3, s3_server
from lakehouse.commands import show
from lakehouse.commands.common import err, lake_of, out, place_of, settings_of
from lakehouse.errors import BadSetting, GateFailed
from lakehouse.ledger import Batch
from lakehouse.models.catalog import MODELS, Model, by_name

if TYPE_CHECKING:
    from lakehouse.flow.training import Trained

_NAMES = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODEL]...", help="Which; all of them without a name."),
]
_NAME = Annotated[str, typer.Argument(metavar="MODEL", help="As `lakehouse models` lists it.")]
_WHY = Annotated[str, typer.Option("--why", help="The reason, in a sentence; it is kept.")]


def train(
    ctx: typer.Context,
    names: _NAMES = None,
    *,
    split: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Learn from what was before that day, judge by what came after.",
            show_default="the last four weeks",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=NUMBER", help="A parameter; may stand several times."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same tables, seed and cores, same model.")] = 1,
    if_older_than: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS", help="Only those that were trained so many days ago, or never."
        ),
    ] = None,
    or_drifted: Annotated[
        bool, typer.Option("--or-drifted", help="And younger ones that have drifted.")
    ] = False,
    hold: Annotated[
        bool, typer.Option("--hold", help="What is better waits for `lakehouse promote`.")
    ] = False,
    report: show.REPORT = None,
) -> None:
    """Train models, judge them beside what is simple, and promote those that are better."""
    from lakehouse.flow import champions, drifting, once, training

    chosen = _chosen(names)
    given = dict(_pair(text) for text in parameter or ())
    for model in chosen:
        model.settings(given)  # a wrong one is said before Spark is started
    waits = []
    with place_of(ctx, "train") as place, place.alone("train"):
        for model in chosen:
            age_d = champions.trained_ago_d(place.lake, model)
            if if_older_than is not None and age_d is not None and age_d < if_older_than:
                out.print(f"{model.name} was trained {age_d:.1f} days ago", highlight=False)
                if not or_drifted or not _moved(drifting.look(place, model)):
                    continue
            with once.in_one_sentence(place, "train"):
                trained = training.train(
                    place,
                    model,
                    given=given,
                    split_on=split.date() if split else None,
                    seed=seed,
                    is_held=hold,
                    says=functools.partial(_said, model),
                )
            _show(model, trained)
            if trained.decision.waits:
                waits.append({"version": trained.version.version, **trained.decision.figures})
        show.report(place, [], report, waits=waits)


def score(ctx: typer.Context, names: _NAMES = None, *, report: show.REPORT = None) -> None:
    """Write what the champions say into gold; nothing where nothing has changed, or none is there."""
    from lakehouse.flow import once, scoring

    chosen = _chosen(names)
    with place_of(ctx, "score") as place, place.alone(scoring.STAGE):
        done: list[Batch] = []
        refused: list[str] = []
        for one in chosen:
            try:
                with once.in_one_sentence(place, scoring.STAGE):
                    if batch := scoring.score(place, one):
                        done.append(batch)
            except GateFailed as fault:  # the others are scored all the same
                refused += fault.sentences
        show.went_where(place, done)
        show.report(place, [scoring.STAGE], report)
    if refused:
        raise GateFailed(*refused)


def assign(ctx: typer.Context, *, report: show.REPORT = None) -> None:
    """Split customers among the forms of the offers in `experiments` of the settings, into gold.

    gold.experiments then sets each form beside the one that is named first.
    """
    from lakehouse.flow import assigning, once, scoring

    with place_of(ctx, scoring.STAGE) as place, place.alone(scoring.STAGE):
        with once.in_one_sentence(place, scoring.STAGE):
            done = assigning.assign(place)
        if done is None and not place.settings.experiments:
            out.print(
                "the settings name no `experiments`; lakehouse/settings.py says how they look"
            )
        else:
            show.went_where(place, [done] if done else [])
        show.report(place, [scoring.STAGE], report)


def drift(ctx: typer.Context, names: _NAMES = None) -> None:
    """Show whether what champions read, serve and are worth has moved since they were trained."""
    from lakehouse.flow import drifting, once

    chosen = _chosen(names)
    with place_of(ctx, "drift") as place, once.in_one_sentence(place, "drift"):
        for model in chosen:
            rows = drifting.look(place, model)
            if not rows:
                out.print(
                    f"{model.name} has no champion yet, or nothing to look at", highlight=False
                )
                continue
            grid = Grid("model", "what", "name", "value", "limit", "", box=SIMPLE)
            for row in rows:
                cells = (f"{row[name]:.3f}" for name in ("value", "limit"))
                is_over = "over" if row["is_over"] else ""
                grid.add_row(model.name, row["what"], row["name"], *cells, is_over)
            out.print(grid)
            _moved(rows)


def models(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show every model: champion, challenger, how old, what it is worth."""
    where = settings_of(ctx)
    with s3_server.running(where) as endpoint:
        from lakehouse.tracking import CHALLENGER, CHAMPION, Tracker

        tracker = Tracker(where, endpoint)
        found: list[dict[str, Any]] = []
        for model in MODELS:
            served, next_one = (tracker.find(model.name, one) for one in (CHAMPION, CHALLENGER))
            worth = tracker.figures(served) if served else {}
            found.append(
                {
                    "model": model.name,
                    "champion": served.version if served else None,
                    "challenger": next_one.version if next_one else None,
                    "trained_at": _instant(served.created_at_ms) if served else None,
                    "worth": {
                        one.name: worth[f"{one.name}.model"]
                        for one in model.metrics
                        if f"{one.name}.model" in worth
                    },
                    "output": model.output,
                }
            )
    if as_json:
        typer.echo(json.dumps(found, default=str))
        return
    grid = Grid("model", "champion", "challenger", "trained, UTC", "worth", "output", box=SIMPLE)
    for one in found:
        cells = [one[name] for name in ("model", "champion", "challenger", "trained_at")]
        worth_said = ", ".join(f"{name} {value:.4f}" for name, value in one["worth"].items())
        cells = ["" if cell is None else str(cell)[:19] for cell in cells]
        grid.add_row(*cells, worth_said, one["output"])
    out.print(grid)


def promote(
    ctx: typer.Context,
    name: _NAME,
    *,
    version: Annotated[
        int | None, typer.Option(help="Which version.", show_default="the challenger")
    ] = None,
    why: _WHY,
) -> None:
    """Make a version the champion on your word, whatever was decided of it."""
    from lakehouse.flow import champions

    model = by_name(name)
    with lake_of(ctx) as lake:
        made = champions.promote(lake, model, version, why)
    out.print(
        f"version {made.version} of {name} is the champion; `lakehouse score {name}` serves it"
    )


def rollback(ctx: typer.Context, name: _NAME, *, why: _WHY) -> None:
    """Make the former champion the champion again."""
    from lakehouse.flow import champions

    model = by_name(name)
    with lake_of(ctx) as lake:
        made = champions.rollback(lake, model, why)
    out.print(
        f"version {made.version} of {name} is the champion; `lakehouse score {name}` serves it"
    )


def mlflow(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="On loopback.")] = 5000,
) -> None:
    """Serve MLflow's page of runs and models on loopback until Ctrl-C."""
    where = settings_of(ctx)
    with s3_server.running(where) as endpoint:
        from lakehouse import tracking

        s3.ensure_buckets(s3.client(where, endpoint), [where.buckets.models])
        os.environ.update(tracking.environment(where, endpoint))
        err.print(f"MLflow is at http://127.0.0.1:{port}; Ctrl-C ends it", highlight=False)
        arguments = ["--backend-store-uri", tracking.store(where), "--host", "127.0.0.1"]
        arguments += ["--port", str(port), "--workers", "1"]
        arguments += ["--default-artifact-root", tracking.Tracker(where, endpoint).artifacts]
        import subprocess

        subprocess.run([sys.executable, "-m", "mlflow", "server", *arguments], check=False)


def _moved(rows: list[dict[str, Any]]) -> bool:
    """Whether a figure is over its limit; says so."""
    over = [f"{row['what']} {row['name']}" for row in rows if row["is_over"]]
    if over:
        said = f"{rows[0]['model']} has drifted ({', '.join(over)}): it is to be trained again"
        out.print(said, highlight=False, soft_wrap=True)
    return bool(over)


def _said(model: Model, text: str) -> None:
    err.print(f"{model.name}: {text}", highlight=False)


def _chosen(names: Iterable[str] | None) -> list[Model]:
    wanted = list(names or ())
    return [by_name(name) for name in wanted] or list(MODELS)


def _pair(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise BadSetting(f"--set {text!r}: a parameter and a number, such as rank=32") from None


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _show(model: Model, trained: "Trained") -> None:
    for note in trained.notes:
        out.print(note, highlight=False, markup=False)
    grid = Grid("metric", "method", "mean", box=SIMPLE)
    for metric, scores in trained.judged.scores.items():
        for method in scores.columns:
            grid.add_row(metric, method, f"{scores[method].mean():.4f}")
    out.print(grid)
    version = trained.version.version
    if trained.decision.is_promoted:
        said = f"version {version} of {model.name} is the champion"
    else:
        said = f"version {version} of {model.name} is not promoted"
    out.print(said, highlight=False)
    for reason in trained.decision.reasons:
        out.print(f"  {reason}", highlight=False, markup=False, soft_wrap=True)


COMMANDS = (train, score, assign, drift, models, promote, rollback, mlflow)
