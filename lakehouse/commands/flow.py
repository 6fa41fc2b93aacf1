"""The stages: ingest, refine, build, all of them once, or all of them for ever."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.commands import show
from lakehouse.commands.common import err, out, place_of
from lakehouse.errors import BatchFailed, GateFailed
from lakehouse.ledger import Batch

if TYPE_CHECKING:
    from lakehouse.flow.place import Place


def ingest(
    ctx: typer.Context,
    *,
    new_checkpoint: Annotated[
        bool,
        typer.Option(
            "--new-checkpoint", help="Without the old one: the ledger knows what was taken in."
        ),
    ] = False,
    report: show.REPORT = None,
) -> None:
    """Landing to bronze: take in every object that has landed."""
    _once(ctx, report, "ingest", work=_by_the_ledger if new_checkpoint else None)


def _by_the_ledger(place: "Place") -> None:
    from lakehouse.flow import ingest as ingesting

    ingesting.new_checkpoint(place)
    ingesting.everything(place)


def refine(ctx: typer.Context, report: show.REPORT = None) -> None:
    """Bronze to silver: type, place and judge every message."""
    _once(ctx, report, "refine")


def build(ctx: typer.Context, report: show.REPORT = None) -> None:
    """Silver to gold: build anew what changed."""
    _once(ctx, report, "build")


def run(ctx: typer.Context, report: show.REPORT = None) -> None:
    """Ingest, refine and build, once."""
    _once(ctx, report, "ingest", "refine", "build")


def _once(
    ctx: typer.Context,
    report: Path | None,
    *stages: str,
    work: Callable[["Place"], object] | None = None,
) -> None:
    with place_of(ctx, stages[0] if len(stages) == 1 else "run") as place:
        before = len(place.ledger.batches)

        def tell(held: Sequence[str] = ()) -> None:
            done = place.ledger.batches[before:]
            if "build" in stages:
                show.lake_file(place)
            show.went_where(place, done)
            show.report(place, stages, report, held)

        try:
            for stage in stages:
                show.run(place, stage, work)
        except GateFailed as fault:  # what could be done was done
            tell(fault.sentences)
            raise
        tell()


def stream(
    ctx: typer.Context,
    every: Annotated[
        str,
        typer.Option(
            help="How often ingest and the tables with most messages look for work: 500ms, 5s, 1m. "
            "The other silver tables look every 15 s, gold each minute, or as often."
        ),
    ] = "5s",
) -> None:
    """Ingest, refine and build for ever; SIGTERM or Ctrl-C lets the batch under way finish.

    Prints a line a batch. Exit status 0 after a signal, 1 where a stage died.
    """
    from lakehouse import session
    from lakehouse.flow import once
    from lakehouse.flow import stream as streaming

    streaming.seconds(every)  # a wrong one is said before Spark is started
    closing = threading.Event()
    _close_on_signal(closing)
    with place_of(ctx, "stream") as place, ExitStack() as locks:
        _close_on_signal(closing)  # Spark has put its own answer to Ctrl-C in place of ours
        place.closing = closing
        for stage in once.STAGES:
            locks.enter_context(place.alone(stage))

        def told(batch: Batch) -> None:
            # Refine also records the tables that it passed by.
            if batch.messages_in or batch.version_after:
                _print(_line(batch, streaming.lag_s(place, batch, time.time())))

        place.ledger.told = told
        try:
            streaming.for_ever(place, every, _said)
        except BatchFailed as fault:
            if place.lost:
                err.print(f"lakehouse: {fault}", highlight=False, soft_wrap=True)
                session.end_at_once(1)
            raise
    _said("every batch is done")


def _close_on_signal(closing: threading.Event) -> None:
    def close(number: int, _: FrameType | None) -> None:
        if closing.is_set():
            raise KeyboardInterrupt  # asked twice: at once then, the next start recovers
        closing.set()
        _said(f"{signal.Signals(number).name}: the batch under way is finished first")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, close)


def _print(line: str) -> None:
    out.print(line, highlight=False, soft_wrap=True)


def _said(sentence: str) -> None:
    err.print(f"stream: {sentence}", highlight=False, soft_wrap=True)


def _line(batch: Batch, lag_s: float | None) -> str:
    """A batch in one line: when, stage, table, counts, how long, how old its newest message is."""
    parts = [f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {batch.stage} {batch.table_name}"]
    if batch.stage != "build":
        parts.append(f"{batch.messages_in} in, {batch.kept} kept, {batch.quarantined} quarantined")
        parts.append(f"{batch.repeated} repeats, {batch.late} late")
    parts.append(f"{(batch.duration_ms or 0) / 1000:.1f} s")
    if lag_s is not None:
        parts.append(f"lag {timedelta(seconds=round(lag_s))}")
    return ", ".join(parts)


COMMANDS = (ingest, refine, build, run, stream)
