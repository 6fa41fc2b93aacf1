"""What a small batch costs each stage, in one session that warms up.

    make bench-batches                  20,000 messages a batch, 12 batches
    make bench-batches LINES=80000

A world of all feeds lands piece by piece, in a lakehouse of its own; after each piece the stages run
as in `lakehouse stream`: ingest, the hot tables in a session that interprets, and every third time the
others and gold. The figures are medians of the second half. The processor's seconds are those of the
driver's JVM, its compilers among them; ingest's query is started and ended each time, which a stream
does not. "Compiled" is the control: the hot tables in the session that
generates code, in turns with ours.
"""

import os
import shutil
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.results import Row, publish
from lakehouse import s3, s3_server, settings, simulator
from lakehouse.flow import build, ingest, place, refine
from lakehouse.flow.place import Place
from lakehouse.settings import PROJECT

_HOME = PROJECT / ".cache" / "bench-batches"
_TICKS = os.sysconf("SC_CLK_TCK")
Cost = tuple[float, float, float]  # seconds, processor's seconds, jobs


def main() -> None:
    """Land, run the stages, print and write the results."""
    lines = int(os.environ.get("LINES") or 20_000)
    turns = int(os.environ.get("TURNS") or 12)
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(_HOME)
    where = settings.load(PROJECT / "conf" / "local.yml")
    size = where.simulation.model_copy(update={"receipt_days": where.simulation.sensor_days})
    with s3_server.running(where) as endpoint:
        storage = s3.client(where, endpoint)
        with place.opened(where, "bench") as at:
            small = at.interpreting()
            world = simulator.play(size, 1, lambda: datetime.now(UTC))
            costs: dict[str, list[Cost]] = defaultdict(list)
            for turn in range(turns):
                landed = 0
                while landed < lines:
                    one = next(world)
                    s3.put(storage, where.buckets.landing, one.key, one.body)
                    landed += one.lines
                for name, work in _stages(at, small, turn).items():
                    costs[name].append(_cost(at, work))
                print(f"bench-batches: {turn + 1} of {turns}", flush=True)
    publish("bench-batches", _rows(costs, lines))
    shutil.rmtree(_HOME, ignore_errors=True)


def _stages(at: Place, small: Place, turn: int) -> dict[str, Callable[[], object]]:
    """What runs in a turn."""
    hot = (refine.HISTORY, refine.HOT)
    stages: dict[str, Callable[[], object]] = {"ingest": lambda: ingest.everything(at)}
    if turn % 2:
        stages["hot tables"] = lambda: refine.everything(small, hot)
    else:
        stages["hot tables, compiled"] = lambda: refine.everything(at, hot)
    if turn % 3 == 2:
        stages["other tables"] = lambda: refine.everything(small, (refine.COLD,))
        stages["gold"] = lambda: build.everything(at)
    return stages


def _cost(at: Place, work: Callable[[], object]) -> Cost:
    context = at.spark.sparkContext
    pid = context._jvm.java.lang.ProcessHandle.current().pid()
    scheduler = context._jsc.sc().dagScheduler()

    def now() -> Cost:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        used = (int(fields[11]) + int(fields[12])) / _TICKS  # user and system, proc(5)
        return time.perf_counter(), used, scheduler.nextJobId()

    before = now()
    work()
    seconds, used, jobs = (after - was for after, was in zip(now(), before, strict=True))
    return seconds, used, jobs


def _rows(costs: dict[str, list[Cost]], lines: int) -> list[Row]:
    rows = []
    for name, seen in costs.items():
        late = seen[len(seen) // 2 :]
        seconds, used, jobs = (statistics.median(values) for values in zip(*late, strict=True))
        about = f"{name}, a batch of {lines:,} lines"
        rows.append(Row(about, seconds, "s", None, used, f"s of the processor, {jobs:.0f} jobs"))
    return rows


if __name__ == "__main__":
    main()
