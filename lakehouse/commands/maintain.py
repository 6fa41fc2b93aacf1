"""lakehouse maintain: larger files, clustered rows, nothing kept for too long."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table as Grid

from lakehouse import tables
from lakehouse.commands import show
from lakehouse.commands.common import out, place_of


def maintain(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="TABLE", show_default="every table, quarantine and landing zone"),
    ] = None,
) -> None:
    """Compact and cluster tables, delete files that nobody needs any more; beside running stages.

    The landing zone keeps what is ingested for `maintain.landing_days`, quarantine its payloads for
    the table's retention; every version of the last `maintain.time_travel_hours` stays readable.
    """
    wanted = [tables.by_name(name)] if name else list(tables.TABLES)
    from lakehouse.flow import maintain as work
    from lakehouse.flow import once

    grid = Grid("table", title="files before and after", title_justify="left", box=SIMPLE)
    for head in ("files", "after", "MB", "after", "deleted", "waits", "versions since"):
        grid.add_column(head, justify="right")
    with (
        place_of(ctx, "maintain") as place,
        place.alone(work.STAGE),
        once.in_one_sentence(place, work.STAGE),
        show.display() as progress,
    ):
        landed = 0
        if name is None:
            landed = work.expire_landing(place)
            work.expire_quarantine(place)
        with show.bar(progress, work.STAGE, len(wanted), "tables") as advance:
            for table in wanted:
                if place.closing.is_set():
                    break
                done = work.table(place, table)
                advance(1, table.name)
                grid.add_row(
                    table.name,
                    f"{done.before.count:,}",
                    f"{done.after.count:,}",
                    f"{done.before.size / 1e6:,.1f}",
                    f"{done.after.size / 1e6:,.1f}",
                    f"{done.vacuumed:,}",
                    f"{done.conflicts:,}",
                    f"{done.kept_since:%Y-%m-%d %H:%M}",
                )
    out.print(grid)
    out.print(f"landing zone: {landed:,} objects deleted")


COMMANDS = (maintain,)
