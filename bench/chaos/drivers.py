"""What the parts of `make chaos` share: a table of its own each, drivers as processes, outcomes."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import deltalake
import pyarrow as pa

from bench import processes
from bench.chaos.writer import TABLE, Task
from bench.results import Row
from lakehouse import s3, settings
from lakehouse.lake import Lake
from lakehouse.settings import PROJECT, Buckets, Settings
from tests.worlds import QUICK

HOME = PROJECT / ".cache" / "chaos"
_LIMIT_SECONDS = 1500.0
_QUIET_SECONDS = 300.0

Driver = subprocess.Popen[str]


@dataclass
class Outcome:
    """What a part has seen: its rows, and what was broken."""

    rows: list[Row] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def must(self, holds: bool, what: str) -> None:
        """Note what was broken where it does not hold."""
        if not holds:
            self.broken.append(what)


@dataclass
class Ground:
    """A table of its own for one run of drivers."""

    lake: Lake
    endpoint: str
    conf: dict[str, str]

    def task(
        self, name: str, kind: str, turns: int, *, is_once: bool = True, is_told: bool = False
    ) -> Task:
        """A task for a driver on this ground."""
        spark = self.lake.settings.spark.model_copy(update={"conf": {**QUICK, **self.conf}})
        where = self.lake.settings.model_copy(update={"spark": spark})
        return Task(
            name=name,
            kind=kind,
            turns=turns,
            settings=where,
            endpoint=self.endpoint,
            is_once=is_once,
            is_told=is_told,
        )

    @property
    def rows(self) -> list[dict[str, object]]:
        """The table's rows now."""
        found: list[dict[str, object]] = self.lake.read(TABLE).to_pylist()
        return found

    @property
    def versions(self) -> int:
        """Commits after the one that made the table."""
        return self.lake.version(TABLE)


def ground(name: str, endpoint: str, real: str, conf: dict[str, str] | None = None) -> Ground:
    """A new table; drivers reach the storage at `endpoint`, which may be a proxy of the real one."""
    spark = settings.Spark(master="local[1]", driver_memory="1g", shuffle_partitions=1)
    where = Settings(buckets=Buckets.named(name), spark=spark)
    s3.ensure_buckets(s3.client(where, real), where.buckets.model_dump().values())
    lake = Lake(where, real)
    types = {"string": pa.string(), "int": pa.int32()}
    columns = pa.schema([(column.name, types[column.type]) for column in TABLE.columns])
    lake.create(TABLE, deltalake.Schema.from_arrow(columns).to_json())
    return Ground(lake, endpoint, conf or {})


@contextlib.contextmanager
def drivers(*tasks: Task) -> Iterator[list[Driver]]:
    """A process for each task, what it acknowledges on its stdout; killed where it did not end."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.chaos.writer", task.model_dump_json()],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(HOME / f"{task.settings.buckets.ops}-{task.name}.log").open("wb"),
            text=True,
        )
        for task in tasks
    ]
    try:
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.wait()


def acknowledged(*tasks: Task) -> tuple[set[str], bool]:
    """Run drivers to their end: what they were told is written, and whether all ended well.

    Where one fails the others are killed.
    """
    with drivers(*tasks) as started:
        said: list[str] = []
        readers = [
            threading.Thread(target=lambda one=one: said.extend(one.stdout), daemon=True)
            for one in started
        ]
        for reader in readers:
            reader.start()
        end = time.monotonic() + _LIMIT_SECONDS
        while time.monotonic() < end:
            statuses = [process.poll() for process in started]
            if any(statuses) or None not in statuses:
                break
            time.sleep(0.2)
        for process in started:
            process.kill()
            process.wait()
        for reader in readers:
            reader.join()
        is_well = all(process.returncode == 0 for process in started)
    return {line.strip().replace(" ", "-") for line in said}, is_well


def until(holds: Callable[[], bool], started: list[Driver]) -> None:
    """Wait until it holds; RuntimeError where a driver ends before, TimeoutError in the end."""
    processes.until(holds, started, _QUIET_SECONDS, every_s=0.05)
