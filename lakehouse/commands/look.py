"""Commands that look and change nothing: status, tables, verify."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table as Grid

from lakehouse import dictionary
from lakehouse import tables as declared
from lakehouse.commands import s3
from lakehouse.commands.common import err, lake_of, out, place_of, settings_of
from lakehouse.errors import Behind, BrokenPromise

if TYPE_CHECKING:
    from lakehouse.flow.status import TableStatus

_AS_JSON = Annotated[bool, typer.Option("--json", help="For machines.")]


def status(
    ctx: typer.Context,
    as_json: _AS_JSON = False,
    behind: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES", help="Exit status 1 where a table is behind for longer than that."
        ),
    ] = None,
    late: Annotated[
        bool,
        typer.Option("--late", help="Exit status 1 where a table is later than it is promised."),
    ] = False,
) -> None:
    """Show every table: rows, version, newest event, lag, quarantined, waiting, last batch."""
    from lakehouse.flow import status as state

    storage = settings_of(ctx).s3
    server = s3.said() if storage.is_ours else storage.endpoint
    with lake_of(ctx) as lake:
        found, held_up = state.of(lake), state.held_up(lake)
    if as_json:
        said = {"s3": server, "tables": [asdict(one) for one in found], "gate": held_up}
        typer.echo(json.dumps(said, default=str, ensure_ascii=False))
    else:
        _show_status(server, found, held_up)
    waiting = {
        one: (datetime.now(UTC) - one.behind_since).total_seconds() / 60
        for one in found
        if one.behind_since is not None
    }
    if told := [
        f"{one.name} is behind by {one.lag} {one.lag_unit}, since {minutes:.0f} min"
        for one, minutes in waiting.items()
        if (late and one.is_late) or (behind is not None and minutes > behind)
    ]:
        raise Behind(*told)


def _show_status(server: str | None, found: list["TableStatus"], held_up: list[str]) -> None:
    grid = Grid("table", title=f"S3: {server}", title_justify="left", box=SIMPLE)
    for head in ("rows", "version", "newest event", "lag", "quarantined", "repeats", "waiting"):
        grid.add_column(head, justify="right")
    grid.add_column("gate")
    grid.add_column("last batch, UTC")
    for one in found:
        if one.version is None:
            grid.add_row(one.name, "not created")
            continue
        grid.add_row(
            one.name,
            f"{one.rows:,}",
            str(one.version),
            f"{one.newest_at:%Y-%m-%d %H:%M:%S}" if one.newest_at else "",
            f"{one.lag:,} {one.lag_unit}" if one.lag else "",
            *(
                f"{count:,}" if count else ""
                for count in (one.quarantined, one.repeated, one.waiting)
            ),
            one.gate or "",
            one.started_at[:19].replace("T", " ") if one.started_at else "",
        )
    out.print(grid)
    for sentence in held_up:
        out.print(sentence, highlight=False, soft_wrap=True, markup=False)


def tables(
    name: Annotated[str | None, typer.Argument(help="One table: layer.table.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As docs/tables.md is.")] = False,
) -> None:
    """Show the data dictionary: what each table and column means."""
    chosen = declared.TABLES if name is None else (declared.by_name(name),)
    table = chosen[0]
    if markdown:
        typer.echo(dictionary.markdown(chosen), nl=False)
        return
    if name is None:
        grid = Grid("table", "one row is", "key", box=SIMPLE)
        for one in chosen:
            grid.add_row(one.name, one.grain, ", ".join(one.key))
        out.print(grid)
        return
    for fact, text in dictionary.facts(table).items():
        out.print(f"{fact:>15}  {escape(text)}", highlight=False, soft_wrap=True)
    grid = Grid("column", "type", "means", "", box=SIMPLE)
    for column in table.columns:
        grid.add_row(
            column.name, escape(column.type), escape(column.means), dictionary.kind(column)
        )
    out.print(grid)


def verify(ctx: typer.Context, as_json: _AS_JSON = False) -> None:
    """Check the promises on the data at hand; exit status 1 where one is broken."""
    with place_of(ctx, "verify") as place:
        check(place, as_json=as_json)


def check(place: Any, *, as_json: bool = False) -> None:
    """Check the promises in an open lakehouse, and show them; BrokenPromise where one is."""
    from lakehouse.flow import verify as verifying

    with err.status("") as line:
        found = list(verifying.promises(place, says=lambda said: line.update(f"verify: {said}")))
    if as_json:
        said = [asdict(one) | {"is_kept": one.is_kept} for one in found]
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        grid = Grid("", "promise", "", "seconds", box=SIMPLE)
        for one in found:
            verdict = "kept" if one.is_kept else "[bold red]broken[/]"
            grid.add_row(str(one.number), one.sentence, verdict, f"{one.seconds:.1f}")
        out.print(grid)
        for one in found:
            for detail in one.details:
                out.print(f"{one.number}. {escape(detail)}", highlight=False, soft_wrap=True)
    if broken := [str(one.number) for one in found if not one.is_kept]:
        raise BrokenPromise(
            f"broken: promise {', '.join(broken)}; `docs/decisions` says what each means"
        )


COMMANDS = (status, tables, verify)
