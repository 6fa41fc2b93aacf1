"""lakehouse play: messages for ever, as if they happened now."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import signal
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated

import typer

from lakehouse import s3, s3_server
from lakehouse.commands import show
from lakehouse.commands.common import Days, Seed, out, settings_of
from lakehouse.commands.world import sized

_WRITERS = 4


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
    """
    from lakehouse import simulator

    closing = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: closing.set())
    size = sized(settings_of(ctx), days).simulation
    size = size.model_copy(update={"receipt_days": size.sensor_days or size.receipt_days})
    where = settings_of(ctx)
    with s3_server.running(where) as endpoint, show.display() as progress:
        storage = s3.client(where, endpoint)
        s3.ensure_buckets(storage, where.buckets.model_dump().values())
        with (
            show.bar(
                progress, "play", rate * 60 * minutes if minutes else None, "lines"
            ) as advance,
            ThreadPoolExecutor(_WRITERS) as pool,
        ):
            under_way: deque[Future[None]] = deque()
            began, lines = time.monotonic(), 0
            for played in simulator.play(size, seed, lambda: datetime.now(UTC)):
                under_way.append(
                    pool.submit(s3.put, storage, where.buckets.landing, played.key, played.body)
                )
                while len(under_way) > 2 * _WRITERS:
                    under_way.popleft().result()
                lines += played.lines
                advance(played.lines, played.key)
                if not lines > played.lines:  # the world was made until now
                    began = time.monotonic()
                is_over = minutes is not None and lines >= rate * 60 * minutes
                if is_over or closing.wait(max(0.0, began + lines / rate - time.monotonic())):
                    break
            for upload in under_way:
                upload.result()
    out.print(f"play: {lines:,} lines landed in {time.monotonic() - began:,.0f} s")


COMMANDS = (play,)
