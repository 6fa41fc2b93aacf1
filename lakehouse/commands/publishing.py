"""lakehouse publish, postgres: gold in PostgreSQL, and a PostgreSQL of this machine."""

# ruff: noqa: PLC0415  what only these commands need is loaded by them.

import os
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table as Grid

from lakehouse import settings, tables
from lakehouse.commands.common import err, lake_of, out, settings_of
from lakehouse.errors import NothingThere, UnknownName

app = typer.Typer(help="A PostgreSQL of this machine on loopback.", no_args_is_help=True)


def publish(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TABLE]...", help="Of gold; none are all.")
    ] = None,
    *,
    url: Annotated[
        str | None,
        typer.Option(
            help="postgresql://user@host:port/database; its password in "
            "LAKEHOUSE_POSTGRES_PASSWORD.",
            show_default="postgres.url of the settings, else the server of `lakehouse postgres`",
        ),
    ] = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    in_full: Annotated[
        bool, typer.Option("--full", help="Write tables anew although their version is there.")
    ] = False,
) -> None:
    """Bring gold's tables in PostgreSQL up to their newest versions, each in one transaction."""
    from lakehouse.publishing import tables as publishing
    from lakehouse.publishing.connect import connected

    wanted = _wanted(names)
    grid = Grid("table", "version", "rows", "written", "removed", "", box=SIMPLE)
    with lake_of(ctx) as lake:
        there = {table.name for table in lake.existing()}
        missing = [table.name for table in wanted if names and table.name not in there]
        if missing or not there & {table.name for table in wanted}:
            raise NothingThere(
                f"{', '.join(missing) or 'gold'} is not built; run `lakehouse build`"
            )
        connection = connected(url or settings_of(ctx).postgres.url or _own())
        try:
            if not is_dry:
                publishing.prepare(connection)
            sql = lake.duckdb("httpfs", "delta")
            with err.status("publishing") as status:
                for table in wanted:
                    if table.name not in there:
                        continue
                    status.update(table.name)
                    if is_dry:
                        seen = publishing.state(connection).get(table.name)
                        said = "is not there" if seen is None else f"is there as version {seen[0]}"
                        row = (table.name, str(lake.version(table)), "", "", "", said)
                    else:
                        one = publishing.publish(connection, lake, sql, table, in_full=in_full)
                        counts = (f"{one.rows:,}", f"{one.written:,}", f"{one.removed:,}")
                        row = (table.name, str(one.version), *counts, one.how)
                    grid.add_row(*row)
        finally:
            connection.close()
            if grid.rows:
                out.print(grid)


def _wanted(names: list[str] | None) -> list[tables.Table]:
    gold = [table for table in tables.TABLES if table.layer == "gold"]
    known = {table.name: table for table in gold}
    for name in names or ():
        if name not in known:
            raise UnknownName("table of gold", name, known)
    return [known[name] for name in names] if names else gold


def _own() -> str:
    """The address of this machine's own server, which is started, its password where it is read."""
    from lakehouse.publishing import connect, server

    home = settings.home()
    running = server.start(home)
    os.environ[connect.PASSWORD] = server.password(home)
    return running.url


@app.command()
def start() -> None:
    """Start it, to stay until `lakehouse postgres stop`."""
    from lakehouse.publishing import server

    home = settings.home()
    running = server.start(home)
    out.print(running.url, highlight=False, soft_wrap=True)
    out.print(f"its password is in {server.password_file(home)}", highlight=False, soft_wrap=True)


@app.command()
def stop() -> None:
    """Stop it; its rows stay."""
    from lakehouse.publishing import server

    out.print("stopped" if server.stop(settings.home()) else "it does not run")


@app.command()
def status() -> None:
    """Say whether it runs, and where."""
    from lakehouse.publishing import server

    running = server.status(settings.home())
    out.print(running.url if running else "it does not run", highlight=False, soft_wrap=True)


COMMANDS = (publish,)
