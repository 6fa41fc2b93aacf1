"""What all commands share: the settings in force and the open lakehouse."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lakehouse import keys, lake, s3, s3_server, settings
from lakehouse.settings import PROJECT, Settings

if TYPE_CHECKING:
    from lakehouse.flow.place import Place

DEFAULT = PROJECT / "conf" / "local.yml"

# Options of every command that simulates.
Seed = Annotated[int, typer.Option(help="Same seed and settings, same bytes.")]
Days = Annotated[
    int | None,
    typer.Option(min=1, max=366, help="The last days of receipts.", show_default="settings"),
]

# What is not a terminal has no width: a pipe gets whole lines.
out = Console(width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True)


def settings_of(ctx: typer.Context) -> Settings:
    """The settings that the command line names; read once, when a command first needs them."""
    root = ctx.find_root()
    if not isinstance(root.obj, Settings):
        root.obj = settings.load(root.params["settings"])
    return root.obj


def settings_path(ctx: typer.Context) -> Path:
    """The file that they are read from."""
    return Path(ctx.find_root().params["settings"])


@contextmanager
def place_of(ctx: typer.Context, app: str) -> Iterator["Place"]:
    """The lakehouse with a Spark session; loads Spark, so only for commands that need it."""
    where = settings_of(ctx)
    with err.status("opening the lakehouse") as status:
        from lakehouse.flow import place

        with place.opened(where, f"lakehouse {app}") as opened:
            status.stop()
            if opened.unsafe:
                err.print(f"lakehouse: {opened.unsafe}", highlight=False, soft_wrap=True)
            yield opened


@contextmanager
def lake_of(ctx: typer.Context, *, is_asked: bool = False) -> Iterator[lake.Lake]:
    """The tables without Spark.

    Takes   is_asked  of who only asks tables by their names: the project's own server is there and
                      is asked nothing first
    """
    where = settings_of(ctx)
    keys.s3(where)
    with s3_server.running(where) as endpoint:
        if not (is_asked and where.s3.is_ours):
            s3.ensure_buckets(s3.client(where, endpoint), where.buckets.model_dump().values())
        yield lake.Lake(where, endpoint)
