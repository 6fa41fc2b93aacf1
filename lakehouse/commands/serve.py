"""lakehouse serve sql, status: Spark for many, one server a role."""

# ruff: noqa: PLC0415  what only these commands need is loaded by them.

import signal
import threading
from typing import Annotated

import typer

from lakehouse.commands.common import err, lake_of, out
from lakehouse.errors import NothingThere, ServerFault

app = typer.Typer(help="SQL by Spark for many: JDBC, ODBC and Spark Connect.", no_args_is_help=True)

THRIFT = 10_000
CONNECT = 15_002


@app.command()
def sql(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Option("--role", help="analyst (gold) or scientist (silver, gold, a sandbox).")
    ] = "analyst",
    thrift: Annotated[
        int, typer.Option("--port", min=1024, max=65535, help="For JDBC and ODBC.")
    ] = THRIFT,
    connect: Annotated[
        int, typer.Option("--connect-port", min=1024, max=65535, help="For notebooks.")
    ] = CONNECT,
    memory: Annotated[str, typer.Option(help="Of the driver.")] = "2g",
) -> None:
    """Serve one role on loopback until Ctrl-C."""
    from lakehouse.serving import roles, server

    role = roles.by_name(name)
    with lake_of(ctx) as lake:
        if not lake.existing():
            raise NothingThere("there is no table yet to serve; `lakehouse demo` makes some")
        closing = threading.Event()
        with (
            err.status("starting Spark") as waits,
            server.serving(lake, role, thrift, connect, memory) as running,
        ):
            waits.stop()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: closing.set())
            for line in (
                f"serving {role.name}s, who read {role.means}",
                f"JDBC, ODBC     {running.jdbc}",
                f"Spark Connect  {running.remote};token=… ({server.token_file(role)})",
                "Ctrl-C stops it",
            ):
                out.print(line, highlight=False, soft_wrap=True, markup=False)
            closing.wait()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.default_int_handler)  # who asks again does not wait


@app.command()
def status() -> None:
    """Say which servers run and whether they answer; exit 1 if one does not."""
    from lakehouse.serving import roles, server

    silent = []
    for role in roles.ROLES:
        running = server.status(role)
        if running is None:
            out.print(f"{role.name}: none runs", highlight=False)
            continue
        found = server.faults(running, role)
        silent += found
        said = "; ".join(found) or f"{running.jdbc} and {running.remote} answer"
        out.print(f"{role.name}: {said}", highlight=False, soft_wrap=True)
    if silent:
        raise ServerFault("; ".join(silent))
