"""lakehouse gate, docs, alert: the newest versions of tables judged, pages made of the verdicts, and
whoever must hear of something.
"""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import sys
import webbrowser
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table as Grid

from lakehouse import tables, verdicts
from lakehouse.commands.common import err, lake_of, out, place_of
from lakehouse.errors import GateFailed, UnknownName
from lakehouse.tables import Table
from lakehouse.verdicts import COUNTED, FAILED, Verdict


def gate(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="A silver or gold table; all by default.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Judge what was judged already once more.")
    ] = False,
) -> None:
    """Judge the newest version of a table by its rule file; exit status 1 where it does not pass.

    `lakehouse build` does it before it builds. What was judged already is only shown.
    """
    wanted = _wanted(name)
    from lakehouse.flow import build, once
    from lakehouse.flow import gate as judging

    with place_of(ctx, "gate") as place, place.alone(build.STAGE):
        with once.in_one_sentence(place, "gate"), err.status("judging"):
            place.ledger.fold()
            built = {one.name: build.built_from(place, one) for one in tables.BUILT}
            stands = judging.judge(place, wanted, built, again=again)
        for table in wanted:
            newest = place.verdicts.newest(table.name)
            if newest:
                out.print(_grid(table, list(newest.values()), is_whole=name is not None))
    if said := verdicts.sentences(stands):
        raise GateFailed(*said)


def _wanted(name: str | None) -> tuple[Table, ...]:
    if name is None:
        return tables.JUDGED
    table = tables.by_name(name)
    if table not in tables.JUDGED:
        raise UnknownName("table with a gate", name, (one.name for one in tables.JUDGED))
    return (table,)


def _grid(table: Table, found: list[Verdict], *, is_whole: bool) -> Grid:
    """The rules of one table; of all tables only what does not hold, and how many do."""
    found.sort(key=lambda one: (one.verdict == COUNTED, one.expectation_id))
    held = sum(one.verdict != FAILED for one in found)
    version = max(one.version for one in found)
    title = f"{table.name}, version {version}: {held} of {len(found)} rules hold or only count"
    grid = Grid("rule", "severity", "", title=title, title_justify="left", box=SIMPLE)
    for head in ("observed", "checked", "broken"):
        grid.add_column(head, justify="right")
    grid.add_column("what must hold")
    for one in found:
        if is_whole or one.verdict == FAILED:
            said = "[bold red]failed[/]" if one.verdict == FAILED else one.verdict
            grid.add_row(
                one.expectation_id,
                one.severity,
                said,
                *map(_number, (one.observed, one.checked, one.unexpected)),
                escape(one.sentence),
            )
    return grid


def _number(value: Any) -> str:
    return "" if value is None else f"{value:,.6g}" if isinstance(value, float) else f"{value:,}"


docs = typer.Typer(help="Documents made of what the lakehouse knows.", no_args_is_help=True)


@docs.callback()
def _docs() -> None:
    """Documents made of what the lakehouse knows."""


@docs.command("quality")
def docs_quality(
    ctx: typer.Context,
    is_opened: Annotated[
        bool, typer.Option("--open/--no-open", help="Show it in the browser.")
    ] = True,
) -> None:
    """Write the rules of every table by day, and Data Docs of Great Expectations, from what the
    gate found: static pages in the home folder and in the bucket of ops.
    """
    with lake_of(ctx) as lake, err.status("writing"):
        from lakehouse.flow import documents

        first = documents.build(lake)
        bucket = lake.settings.buckets.ops
    out.print(first.as_uri(), highlight=False, soft_wrap=True)
    out.print(f"s3://{bucket}/{documents.PREFIX}index.html", highlight=False, soft_wrap=True)
    if is_opened and sys.stdout.isatty():
        webbrowser.open(first.as_uri())


def alert(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="What it is: task_failed, or a word of one's own.")],
    sentence: Annotated[str, typer.Argument(help="What does not hold, for a person.")],
    of: Annotated[str, typer.Option(help="What it is about.")] = "",
    see: Annotated[str, typer.Option(help="A command or a page that says more.")] = "",
) -> None:
    """Tell whoever hears of alerts: of the same thing once in `alerts.repeat_hours`, not in silent hours."""
    from lakehouse.alerts import Alert, Bell

    with lake_of(ctx) as lake:
        told = Alert(kind, "", -1, of, sentence, see)
        sent = Bell(lake.settings, lake.storage).ring([told], datetime.now(UTC))
    out.print("sent" if sent else "kept in mind; nothing was sent", highlight=False)


COMMANDS = (gate, alert)
