"""Lakehouses that stages work on: what lands, drivers as processes, whether two are the same."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from bench import sums
from bench.chaos.drivers import HOME, Driver, until
from bench.chaos.stages import Task
from lakehouse import s3, settings, simulator, tables
from lakehouse.lake import Lake
from lakehouse.ledger import Ledger
from lakehouse.settings import PROJECT, Buckets, Settings
from tests import fault_proxy
from tests.fault_proxy import Proxy
from tests.worlds import QUICK, WORLD

# Those that do not tell of batches and versions: these differ where a kill came between.
_OF_RUNS = ("ops.batches", "ops.quality_results", "gold.data_quality")
_TABLES = tuple(
    table
    for table in (*tables.BRONZE[:1], *tables.SILVER, *tables.BUILT, *tables.OPS)
    if table.name not in _OF_RUNS
)
_ARCHIVE = HOME / "classes.jsa"
_OBJECTS = 1  # that lands at a time: what a chain of kills lands must last for 200 kills


def shares() -> list[dict[str, bytes]]:
    """The objects of a small world, a few at a time; reference sets are in the first."""
    where = Settings(simulation=WORLD)
    landed: dict[str, bytes] = {}

    def put(bucket: str, key: str, body: bytes) -> None:
        if bucket == where.buckets.landing:
            landed[key] = body

    for _ in simulator.write(where, 1, put):
        pass
    reference = [key for key in landed if "reference" in key]
    others = sorted(key for key in landed if "reference" not in key)
    random.Random(1).shuffle(others)
    shares = [others[at : at + _OBJECTS] for at in range(0, len(others), _OBJECTS)]
    shares[0] = [*reference, *shares[0]]
    return [{key: landed[key] for key in share} for share in shares]


def lake(name: str, endpoint: str, java: str = f"-XX:SharedArchiveFile={_ARCHIVE}") -> Lake:
    """A lakehouse in buckets of its own; `java` are options of its drivers."""
    options = "spark.driver.extraJavaOptions"
    conf = {**QUICK, options: f"{QUICK[options]} {java}"}
    spark = settings.Spark(master="local[2]", driver_memory="1g", shuffle_partitions=2, conf=conf)
    kept = settings.Maintain(landing_days=0)
    where = Settings(buckets=Buckets.named(name), spark=spark, maintain=kept)
    s3.ensure_buckets(s3.client(where, endpoint), where.buckets.model_dump().values())
    return Lake(where, endpoint)


def land(lake: Lake, objects: dict[str, bytes]) -> None:
    """Put objects (key -> bytes) into the landing zone."""
    for key, body in objects.items():
        s3.put(lake.storage, lake.settings.buckets.landing, key, body)


@contextlib.contextmanager
def driver(lake: Lake, endpoint: str, *, is_naive: bool = False) -> Iterator[Driver]:
    """A driver in a process group of its own; killed with it at the end."""
    task = Task(settings=lake.settings, endpoint=endpoint, is_naive=is_naive)
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / f"{lake.settings.buckets.ops}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.chaos.stages", task.model_dump_json()],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def archive(endpoint: str, objects: dict[str, bytes], stages: str) -> None:
    """Keep the classes that stages load as the JVM has them in memory: later drivers start sooner."""
    made = lake("archive", endpoint, f"-XX:ArchiveClassesAtExit={_ARCHIVE}")
    land(made, objects)
    with driver(made, endpoint) as ready:
        run(ready, stages)
        assert ready.stdin
        ready.stdin.close()
        ready.wait(60)
        with contextlib.suppress(ProcessLookupError):  # the JVM ends after its driver
            for _ in range(600):
                os.killpg(ready.pid, 0)
                time.sleep(0.1)


class Relay:
    """Drivers of one lakehouse, each behind a proxy of its own.

    The session of the next is started while the one before it works, as a start takes most of the
    time of a kill; it looks at the lakehouse only when it is told to work.
    """

    def __init__(self, lake: Lake, endpoint: str, *, is_naive: bool = False) -> None:
        """Start the first."""
        self.lake = lake
        self.endpoint = endpoint
        self.is_naive = is_naive
        self._waiting = self._started()

    def _started(self) -> tuple[contextlib.ExitStack, Proxy, Driver]:
        stack = contextlib.ExitStack()
        proxy = stack.enter_context(fault_proxy.running(self.endpoint))
        ready = stack.enter_context(driver(self.lake, proxy.endpoint, is_naive=self.is_naive))
        return stack, proxy, ready

    @contextlib.contextmanager
    def next(self) -> Iterator[tuple[Proxy, Driver]]:
        """The next driver and its proxy; it is killed at the end."""
        stack, proxy, ready = self._waiting
        with stack:
            self._waiting = self._started()
            yield proxy, ready

    def close(self) -> None:
        """Kill the one that waits."""
        self._waiting[0].close()


def start(driver: Driver, stages: str) -> threading.Event:
    """Tell a driver what to run; the event is set when it has."""
    assert driver.stdin and driver.stdout
    driver.stdin.write(f"{stages}\n")
    driver.stdin.flush()
    is_done = threading.Event()
    lines = driver.stdout

    def read() -> None:
        if lines.readline() == "done\n":
            is_done.set()

    threading.Thread(target=read, daemon=True).start()
    return is_done


def run(driver: Driver, stages: str) -> None:
    """Let a driver run stages to their end."""
    is_done = start(driver, stages)
    until(is_done.is_set, [driver])


def differences(calm: Lake, rough: Lake) -> list[str]:
    """What is lost, doubled or otherwise in each table, but for the batches that wrote it."""
    found = [
        f"{name}: {theirs[0]} rows where nothing happened, {ours[0]} after the kills"
        + (", of other content" if theirs[0] == ours[0] else "")
        for (name, theirs), ours in zip(
            _contents(calm).items(), _contents(rough).values(), strict=True
        )
        if theirs != ours
    ]
    if missing := sums.missing(Ledger(rough, is_reader=True)):
        found.append(f"the ledger does not account for {missing}")
    return found


def _contents(lake: Lake) -> dict[str, tuple[int, str]]:
    """Row count and sum of row hashes of each table; batch ids are left out."""
    found = {}
    with lake.sql() as sql:
        for table in _TABLES:
            columns = ", ".join(f'"{name}"' for name in table.column_names if name != "batch_id")
            asked = f"SELECT count(*), sum(hash(row({columns})))::VARCHAR FROM {table.name}"
            [found[table.name]] = sql.execute(asked).fetchall()
    return found
