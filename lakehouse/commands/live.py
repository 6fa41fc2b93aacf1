"""lakehouse play: messages for ever, as if they happened now."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import signal
import threading
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from lakehouse import s3, s3_server
from lakehouse.commands import show
from lakehouse.commands.common import Days, Seed, out, settings_of
from lakehouse.commands.world import sized
from lakehouse.settings import Settings


def play(
    ctx: typer.Context,
    rate: Annotated[float, typer.Option(min=1, help="Messages a second.")] = 500.0,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="How long.", show_default="until Ctrl-C")
    ] = None,
    seed: Seed = 1,
    days: Days = None,
) -> None:
    """Land a simulated world over and over as if it happened now, at a rate; for `stream` to read.

    A message is as old when it lands as in the simulated world; each pass has ids of its own.
    Ctrl-C or SIGTERM ends it; what was begun to land is there then, whole.
    """
    closing = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: closing.set())
    where = settings_of(ctx)
    size = sized(where, days).simulation
    size = size.model_copy(update={"receipt_days": size.sensor_days or size.receipt_days})
    most = None if minutes is None else rate * 60 * minutes
    with s3_server.running(where) as endpoint:
        played = where.model_copy(update={"simulation": size})
        lines, seconds = _land(played, endpoint, seed, rate=rate, most=most, closing=closing)
    out.print(f"play: {lines:,} lines landed in {seconds:,.0f} s")


def _land(
    where: Settings,
    endpoint: str,
    seed: int,
    *,
    rate: float,
    most: float | None,
    closing: threading.Event,
) -> tuple[int, float]:
    """Land at the rate until `most` lines are there or `closing` is set; lines and seconds."""
    from lakehouse import simulator

    storage = s3.client(where, endpoint)
    s3.ensure_buckets(storage, where.buckets.model_dump().values())
    lines = 0
    began: float | None = None
    with (
        show.display() as progress,
        show.bar(progress, "play", most, "lines") as advance,
        s3.uploading(storage) as upload,
    ):
        for played in simulator.play(where.simulation, seed, lambda: datetime.now(UTC)):
            began = began or time.monotonic()  # the world was being made until now
            upload(where.buckets.landing, played.key, played.body)
            lines += played.lines
            advance(played.lines, played.key)
            due = began + lines / rate
            if (most is not None and lines >= most) or closing.wait(
                max(0.0, due - time.monotonic())
            ):
                break
    return lines, time.monotonic() - (began or time.monotonic())


COMMANDS = (play,)
