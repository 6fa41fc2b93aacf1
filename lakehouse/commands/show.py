"""What commands show of a run: progress while it goes on, and at the end what went where."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from lakehouse import lake_file as files
from lakehouse import tables
from lakehouse.commands.common import err, out
from lakehouse.ledger import Batch

if TYPE_CHECKING:
    from lakehouse.flow.place import Place

_COUNTS = ("messages_in", "kept", "quarantined", "repeated", "late")


def lake_file(place: "Place") -> None:
    """Bring lake.duckdb up to the tables that are there, and say where that could not be."""
    if refused := files.keep(place.lake):
        err.print(f"lakehouse: {refused}", highlight=False, soft_wrap=True)


def display() -> Progress:
    """A place on stderr for progress bars; bars of several threads can share one."""
    return Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}", style="dim"),
        console=err,
    )


@contextmanager
def bar(
    progress: Progress, label: str, total: float | None, unit: str
) -> Iterator[Callable[[float, str], None]]:
    """A progress bar; call it with an advance and what was just done."""
    task = progress.add_task(label, total=total, unit=unit, said="")

    def advance(step: float, said: str) -> None:
        progress.update(task, advance=step, said=said)

    yield advance
    if total is None:
        done = progress.tasks[task].completed
        progress.update(task, total=done, completed=done)
    progress.stop_task(task)


def run(place: "Place", stage: str, work: Callable[["Place"], object] | None = None) -> list[Batch]:
    """Run one stage, or a part of its work, with a progress bar; give its batches."""
    with display() as progress:
        return run_in(progress, place, stage, work)


def run_in(
    progress: Progress,
    place: "Place",
    stage: str,
    work: Callable[["Place"], object] | None = None,
    *,
    is_growing: bool = False,
) -> list[Batch]:
    """Run one stage with a bar in a display; `is_growing`: its work is still being landed."""
    from lakehouse.flow import once

    done: list[Batch] = []
    total, unit, size = _work(place, stage)
    with bar(progress, stage, None if is_growing else total, unit) as advance:

        def told(batch: Batch) -> None:
            if batch.stage == stage:
                done.append(batch)
            advance(size(batch), f"{batch.table_name} {batch.messages_in or batch.kept:,}")

        place.ledger.told = told
        try:
            once.run(place, stage, work)
        finally:
            place.ledger.told = None
    return done


def _work(place: "Place", stage: str) -> tuple[float | None, str, Callable[[Batch], float]]:
    """How much a stage has to do, in what, and how much of that a batch is."""
    from lakehouse.flow import ingest, refine

    if stage == ingest.STAGE:
        return ingest.pending(place), "objects", lambda batch: len(batch.objects)
    if stage == refine.STAGE:
        newest = place.lake.version(tables.by_name("bronze.events"))
        steps = sum(newest - refine.progress(place, table) for table in tables.SILVER)
        return steps, "table versions", _versions
    return None, "tables", lambda _: 1


def _versions(batch: Batch) -> int:
    if batch.source_from is None or batch.source_to is None:
        return 0
    return batch.source_to - batch.source_from


REPORT = Annotated[
    Path | None,
    typer.Option(
        "--report", help="Write there, as JSON, which tables have which version.", dir_okay=False
    ),
]


def report(
    place: "Place",
    stages: Iterable[str],
    path: Path | None,
    held: Sequence[str] = (),
    waits: Sequence[dict[str, Any]] = (),
) -> None:
    """Write for a scheduler how the tables of some stages are, what the gate holds back and why, and
    which versions of models wait for a word.

    A table's version is the one that a batch last made: what maintenance does to files is no news.

    Takes   path   None writes nothing
            waits  number and figures of each version
    """
    if path is None:
        return
    versions = {
        batch.table_name: batch.version_after
        for stage in stages
        for batch in place.ledger.of(stage)
        if batch.version_after is not None
    }
    found = [
        {"table": one.name, "version": versions[one.name], "rows": place.lake.rows(one)}
        for one in tables.TABLES
        if one.name in versions
    ]
    content = {"tables": found, "held": list(held), "waits": list(waits)}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def went_where(place: "Place", batches: Iterable[Batch]) -> None:
    """Print a table of what the batches did: a row a table."""
    by_table: dict[str, list[Batch]] = {}
    for batch in batches:
        by_table.setdefault(batch.table_name, []).append(batch)
    if not by_table:
        out.print("nothing to do: every table is up to date")
        return
    waiting = place.ledger.waiting()
    grid = Grid("table", title="what went where", title_justify="left", box=SIMPLE)
    for head in ("batches", "in", "kept", "quarantined", "repeats", "late", "rows", "version"):
        grid.add_column(head, justify="right")
    for table in tables.TABLES:
        mine = by_table.get(table.name)
        if mine is None:
            continue
        is_counted = table.layer != "gold"
        counts = [sum(getattr(batch, name) for batch in mine) for name in _COUNTS]
        grid.add_row(
            table.name,
            str(len(mine)),
            *(f"{count:,}" if is_counted else "" for count in counts),
            f"{place.lake.rows(table):,}",
            str(place.lake.version(table)),
        )
    out.print(grid)
    if waiting:
        said = ", ".join(f"{count:,} {feed}" for feed, count in sorted(waiting.items()))
        out.print(f"waiting in bronze for a table of their own: {said}")
