"""Outages: the S3 server is killed while drivers write, and started again."""

import os
import random
import threading
import time
from dataclasses import dataclass, field

from bench.chaos.drivers import Driver, Outcome, drivers, ground, until
from bench.results import Row
from lakehouse import s3_server, settings

_TIMES, _WRITERS = 20, 2
# The control's drivers do not try again.
_HASTY = {"spark.hadoop.fs.s3a.retry.limit": "0", "spark.hadoop.fs.s3a.attempts.maximum": "1"}


@dataclass
class _Said:
    """What drivers say is written: when, and of which row."""

    rows: list[tuple[float, str]] = field(default_factory=list)

    def follow(self, process: Driver) -> None:
        """Note what a driver says, in a thread."""
        assert process.stdout
        lines = process.stdout

        def read() -> None:
            self.rows.extend((time.monotonic(), line.strip().replace(" ", "-")) for line in lines)

        threading.Thread(target=read, daemon=True).start()

    def after(self, instant: float) -> float | None:
        """Seconds from an instant until every writer has written again; None before that."""
        first: dict[str, float] = {}
        for when, row in self.rows:
            if when > instant:
                first.setdefault(row.partition("-")[0], when - instant)
        return max(first.values()) if len(first) == _WRITERS else None


def outages(endpoint: str, seed: int) -> Outcome:
    """The S3 server killed 20 times with two drivers writing; the control's driver does not wait."""
    outcome, chance, said = Outcome(), random.Random(seed), _Said()
    at = ground("outages", endpoint, endpoint)
    waits: list[tuple[float, float]] = []  # seconds down, seconds until the next row after it
    with drivers(*(at.task(f"w{one}", "append", 10_000) for one in range(_WRITERS))) as started:
        for process in started:
            said.follow(process)
        until(lambda: len(said.rows) >= 4, started)
        for _ in range(_TIMES):
            time.sleep(chance.uniform(1, 3))
            down, up = _outage(chance.uniform(1, 8))
            until(lambda up=up: said.after(up) is not None, started)
            waits.append((down, said.after(up) or 0.0))
    there = [str(row["id"]) for row in at.rows]
    lost = {row for _, row in said.rows} - set(there)
    late = [f"{wait:.1f} s after {down:.1f} s" for down, wait in waits if wait > 2 * down]
    outcome.must(not lost, f"{len(lost)} acknowledged rows lost")
    outcome.must(len(there) == len(set(there)), "rows were doubled")
    outcome.must(not late, f"outages that took more than twice their time: {late}")
    outcome.must(
        _is_hasty_dead(endpoint), "a driver that does not wait lived: the check does not bite"
    )
    outcome.rows += [
        Row(
            f"S3 server killed {_TIMES} times, acknowledged rows lost",
            len(lost),
            "rows",
            0,
            len(said.rows),
            "acknowledged",
            is_at_most=True,
        ),
        Row(
            "outages that took more than twice their time",
            len(late),
            "outages",
            0,
            max(wait for _, wait in waits),
            "s after the end at most",
            is_at_most=True,
        ),
    ]
    return outcome


def _outage(seconds: float) -> tuple[float, float]:
    """Kill the server and start it again after so many seconds; how long it was away, and the end."""
    server = s3_server.status(settings.home())
    assert server is not None
    os.kill(server.pid, 9)
    began = time.monotonic()
    time.sleep(seconds)
    s3_server.start(settings.home())
    end = time.monotonic()
    return end - began, end


def _is_hasty_dead(endpoint: str) -> bool:
    """Whether an outage ends a driver that does not try again."""
    said = _Said()
    at = ground("hasty", endpoint, endpoint, _HASTY)
    with drivers(at.task("w", "append", 10_000)) as [process]:
        said.follow(process)
        until(lambda: len(said.rows) >= 4, [process])
        _, up = _outage(8)
        while process.poll() is None and time.monotonic() < up + 30:
            time.sleep(0.2)
        return process.poll() is not None
