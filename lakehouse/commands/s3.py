"""lakehouse s3: the S3 server of this machine."""

# ruff: noqa: PLC0415  what only one command needs is loaded by it.

from typing import Annotated

import typer

from lakehouse import s3_server, settings
from lakehouse.commands.common import out, settings_of

app = typer.Typer(
    help="The S3 server of this machine.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def start(ctx: typer.Context) -> None:
    """Start it, to stay until `lakehouse s3 stop`."""
    server = s3_server.start(settings.home(), settings_of(ctx))
    out.print(f"s3: {server.endpoint} (process {server.pid}), until `lakehouse s3 stop`")


@app.command()
def stop() -> None:
    """Stop it."""
    out.print("s3: stopped" if s3_server.stop(settings.home()) else "s3: it was not running")


@app.command()
def status() -> None:
    """Say whether it runs, and where."""
    out.print(f"s3: {said()}")


@app.command()
def probe(
    ctx: typer.Context,
    rounds: Annotated[int, typer.Option(min=1, help="Races for a key.")] = 200,
    racers: Annotated[int, typer.Option(min=2, max=64, help="PUTs at once.")] = 16,
) -> None:
    """Whether the storage keeps its word on conditional PUTs, on which every commit stands.

    Exit status 1 where it does not: then one process at a time may write. The verdict is kept with
    each bucket of tables.
    """
    from lakehouse import s3_probe

    where = settings_of(ctx)
    with s3_server.running(where) as endpoint:
        verdicts = s3_probe.probe_all(where, endpoint, rounds, racers)
    for bucket, found in verdicts.items():
        said = found.fault or "exactly one won each race"
        out.print(f"s3: {bucket}: {rounds} races of {racers} PUTs in {found.seconds:.1f} s: {said}")
    raise typer.Exit(0 if all(found.is_safe for found in verdicts.values()) else 1)


def said() -> str:
    """Whether it runs, in a few words."""
    server = s3_server.status(settings.home())
    if server is None:
        return "not running; commands start it when they need it"
    until = "until `lakehouse s3 stop`" if server.is_kept else "as long as a command uses it"
    return f"{server.endpoint} (process {server.pid}), {until}"
