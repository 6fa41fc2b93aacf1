"""lakehouse s3: the S3 server of this machine."""

import typer

from lakehouse import s3_server, settings
from lakehouse.commands.common import out

app = typer.Typer(
    help="The S3 server of this machine.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def start() -> None:
    """Start it, to stay until `lakehouse s3 stop`."""
    server = s3_server.start(settings.home())
    out.print(f"s3: {server.endpoint} (process {server.pid}), until `lakehouse s3 stop`")


@app.command()
def stop() -> None:
    """Stop it."""
    out.print("s3: stopped" if s3_server.stop(settings.home()) else "s3: it was not running")


@app.command()
def status() -> None:
    """Say whether it runs, and where."""
    out.print(f"s3: {said()}")


def said() -> str:
    """Whether it runs, in a few words."""
    server = s3_server.status(settings.home())
    if server is None:
        return "not running; commands start it when they need it"
    until = "until `lakehouse s3 stop`" if server.is_kept else "as long as a command uses it"
    return f"{server.endpoint} (process {server.pid}), {until}"
