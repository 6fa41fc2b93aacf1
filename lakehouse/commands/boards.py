"""lakehouse report, dashboard: the same pictures as one file, and on loopback with filters."""

# ruff: noqa: PLC0415  what only these commands need is loaded by them.

import signal
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from lakehouse.commands.common import err, lake_of, out
from lakehouse.errors import NothingThere
from lakehouse.lake import Lake

PORT = 8050


def report(
    ctx: typer.Context,
    is_opened: Annotated[
        bool, typer.Option("--open/--no-open", help="Show it in the browser.")
    ] = True,
) -> None:
    """Write the pictures of flow, shops and models into one HTML file that needs no server."""
    with lake_of(ctx) as lake, err.status("drawing"):
        _refuse_nothing(lake)
        path = written(lake)
    out.print(path.as_uri(), highlight=False, soft_wrap=True)
    if is_opened and sys.stdout.isatty():
        webbrowser.open(path.as_uri())


def written(lake: Lake) -> Path:
    """Write the report of a lakehouse; give the file."""
    from lakehouse.boards import report as reporting

    return reporting.write(lake)


def dashboard(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of loopback; 0 is any free one.")
    ] = PORT,
) -> None:
    """Serve the pictures on loopback until Ctrl-C: filters, the rows behind them, CSV, the SQL."""
    with lake_of(ctx) as lake:
        _refuse_nothing(lake)
        from lakehouse.boards import dashboard as serving

        closing = threading.Event()
        server = serving.server(serving.app(lake), port)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: closing.set())
        serves = threading.Thread(target=server.serve_forever)
        serves.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        out.print(f"dashboard: {address} (Ctrl-C stops it)", highlight=False)
        closing.wait()
        server.shutdown()
        serves.join()
        server.server_close()


def _refuse_nothing(lake: Lake) -> None:
    if not lake.existing():
        raise NothingThere("there is no table yet to make pictures of; `lakehouse demo` makes some")


COMMANDS = (report, dashboard)
