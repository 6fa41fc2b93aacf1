"""lakehouse profile: a first rule file for a table, out of its rows."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import json
from typing import Annotated

import typer

from lakehouse import tables
from lakehouse.commands.common import err, place_of
from lakehouse.errors import BadRule


def profile(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TABLE", help="As `lakehouse tables` has it.")],
    version: Annotated[int | None, typer.Option(help="Its rows then, not now.")] = None,
    owner: Annotated[str, typer.Option(help="Who answers for the rules.")] = "data-engineering",
) -> None:
    """Suggest rules for a table from its rows, each with its reason: a suite as JSON, to edit."""
    table = tables.by_name(name)
    with place_of(ctx, "profile") as place:
        from lakehouse.rules import profile as profiling

        with err.status(f"reading {name}"):
            suite = profiling.suggest(place.store.read(table, version), table, owner)
    if not suite["expectations"]:
        raise BadRule(f"{name} has no rows to learn rules from; `lakehouse run` fills the tables")
    typer.echo(json.dumps(suite, indent=2, ensure_ascii=False))


COMMANDS = (profile,)
