"""The command line: `lakehouse <command>`.

Thin: a command reads its options, calls the library and prints what came of it. Whatever a person
can cure is one line on stderr and exit status 1; wrong usage is 2; Ctrl-C is 130.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

import lakehouse
from lakehouse.commands import (
    boards,
    common,
    correct,
    demo,
    flow,
    live,
    look,
    maintain,
    models,
    profile,
    publishing,
    quality,
    quarantine,
    repair,
    s3,
    serve,
    sql,
    world,
)
from lakehouse.errors import LakehouseError


class _OneLine(TyperGroup):
    """A group of commands whose faults are one line each, unless --debug asks for all of it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LakehouseError as fault:
            if ctx.params["debug"]:
                raise
            sentence = str(fault)
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except BrokenPipeError:
            raise
        except Exception as fault:
            if ctx.params["debug"]:
                raise
            first = str(fault).strip().partition("\n")[0]
            sentence = f"{type(fault).__name__}: {first} (`lakehouse --debug …` says more)"
        common.err.print(f"lakehouse: {escape(sentence)}", highlight=False, soft_wrap=True)
        raise typer.Exit(1)


app = typer.Typer(
    cls=_OneLine,
    name="lakehouse",
    help="Raw messages from the sensors and tills of shops become bronze, silver and gold tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(lakehouse.__version__)
        raise typer.Exit


@app.callback()
def _options(
    settings: Annotated[
        Path, typer.Option(help="Where things are and how big.", show_default="conf/local.yml")
    ] = common.DEFAULT,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit.")
    ] = False,
) -> None:
    del settings, debug, version  # read where they are needed, see commands/common.py


for module in (
    world,
    live,
    flow,
    quality,
    repair,
    maintain,
    look,
    sql,
    boards,
    models,
    publishing,
    profile,
    demo,
):
    for command in module.COMMANDS:
        app.command()(command)
for command in correct.COMMANDS:
    quarantine.app.command()(command)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(quality.docs, name="docs")
app.add_typer(s3.app, name="s3")
app.add_typer(publishing.app, name="postgres")
app.add_typer(serve.app, name="serve")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line, this process's own by default; it ends with its exit status."""
    app(arguments, prog_name="lakehouse")


if __name__ == "__main__":
    main()
