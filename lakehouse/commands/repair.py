"""lakehouse rebuild, undo: a table once more from the layer below; a batch taken back."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

from datetime import date, datetime
from typing import Annotated

import typer

from lakehouse import tables
from lakehouse.commands import show
from lakehouse.commands.common import err, lake_of, out, place_of
from lakehouse.lake import Lake
from lakehouse.tables import Table

_DAY = ["%Y-%m-%d"]
_REASON = Annotated[str | None, typer.Option(help="Why, in a sentence; ops.audit keeps it.")]


def rebuild(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TABLE", help="A silver or gold table.")],
    *,
    shop: Annotated[str | None, typer.Option(help="Silver: only this shop's messages.")] = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=_DAY, help="Silver: only what was emitted from this UTC day."
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=_DAY, help="Silver: only what was emitted until its end."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole table.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    reason: _REASON = None,
    report: show.REPORT = None,
) -> None:
    """Rebuild a table from the layer below, and compare its content with what it was."""
    table = tables.by_name(name)
    if everything == bool(shop or first or last):
        raise typer.BadParameter("either --all, or some of --shop, --from and --to", ctx)
    if first and last and last < first:
        raise typer.BadParameter(f"--to {last:%Y-%m-%d} is before --from {first:%Y-%m-%d}", ctx)
    days = [one.date() if one else None for one in (first, last)]
    if dry_run:
        with lake_of(ctx) as lake:
            _would(lake, table, shop, *days)
        return
    from lakehouse import content
    from lakehouse.flow import once, refine
    from lakehouse.flow import rebuild as again

    stage = "build" if table in tables.BUILT else "refine"
    if not everything and (table in tables.BUILT or table.is_history):
        err.print(f"{name} is rebuilt in full: its rows are not of one shop or day alone")
    with place_of(ctx, "rebuild") as place, place.alone(stage), once.in_one_sentence(place, stage):
        once.recover(place, stage)
        if stage == "refine":
            refine.everything(place)  # what is new is not what the rebuild changes
        before = content.of(place.store.read(table), table)
        with err.status(f"rebuilding {name}"):
            batch = again.table(place, table, shop, *days, reason=reason)
        after = content.of(place.store.read(table), table)
        if batch:
            show.went_where(place, [batch])
        out.print(f"before  {before}\nafter   {after}", highlight=False)
        out.print("the content is the same" if before == after else "the content has changed")
        show.report(place, [stage], report)


def _would(
    lake: Lake, table: Table, shop: str | None, first: date | None, last: date | None
) -> None:
    """Say what a rebuild would do."""
    if not lake.exists(table):
        out.print(f"{table.name} is not there yet; `lakehouse run` makes it", highlight=False)
        return
    is_whole = table in tables.BUILT or table.is_history or not (shop or first or last)
    of_shop = f" of shop {shop}" if shop else ""
    of_days = " emitted" + (f" from {first}" if first else "") + (f" to {last}" if last else "")
    what = "all of it" if is_whole else f"what is{of_shop}{of_days if first or last else ''}"
    source = ", ".join(table.upstream) if table in tables.BUILT else "bronze.events"
    now = f"{lake.rows(table):,} rows at version {lake.version(table)}"
    said = f"{table.name} ({now}) would be made anew from {source}: {what}"
    out.print(f"{said}\nnothing was written", highlight=False, soft_wrap=True)


def undo(
    ctx: typer.Context,
    batch_id: Annotated[str, typer.Argument(help="As in ops.batches: ingest-…, refine-….")],
    reason: _REASON = None,
) -> None:
    """Take the newest batch of its tables back; the next run of its stage does it again."""
    from lakehouse.flow import once
    from lakehouse.flow import undo as back

    with place_of(ctx, "undo") as place, place.alone("ingest"), place.alone("refine"):
        with once.in_one_sentence(place, "undo"):
            undone = back.batch(place, batch_id, reason)
        show.went_where(place, undone)
        out.print(f"{batch_id} is taken back; `lakehouse run` does it again", highlight=False)


COMMANDS = (rebuild, undo)
