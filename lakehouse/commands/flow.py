"""The stages: ingest, refine, build, all of them once, or all of them for ever."""

from typing import Annotated

import typer

from lakehouse.commands import show
from lakehouse.commands.common import place_of
from lakehouse.ledger import Batch


def ingest(ctx: typer.Context) -> None:
    """Landing to bronze: take in every object that has landed."""
    _once(ctx, "ingest")


def refine(ctx: typer.Context) -> None:
    """Bronze to silver: type, place and judge every message."""
    _once(ctx, "refine")


def build(ctx: typer.Context) -> None:
    """Silver to gold: build anew what changed."""
    _once(ctx, "build")


def run(ctx: typer.Context) -> None:
    """Ingest, refine and build, once."""
    _once(ctx, "ingest", "refine", "build")


def _once(ctx: typer.Context, *stages: str) -> None:
    with place_of(ctx, stages[0] if len(stages) == 1 else "run") as place:
        done: list[Batch] = []
        for stage in stages:
            done += show.run(place, stage)[0]
        show.went_where(place, done)


def stream(
    ctx: typer.Context,
    every: Annotated[str, typer.Option(help="How often each stage looks: 500ms, 5s, 1m.")] = "5s",
) -> None:
    """Ingest, refine and build for ever; SIGTERM or Ctrl-C lets the batch under way finish."""
    raise NotImplementedError


COMMANDS = (ingest, refine, build, run)
