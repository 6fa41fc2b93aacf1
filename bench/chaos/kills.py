"""Kills: a driver and its JVM are killed at chosen requests to the storage, again and again.

The proxy between them and the server holds the request at which a cut is to be made and says so;
the driver's whole process group is killed then. So a cut can be made between any two requests, and
the stages know nothing of it. Each restart runs into the next cut; the last one ends, and then every
table must equal that of a lakehouse to which the same objects landed and nothing happened.
"""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench import sums
from bench.chaos.drivers import HOME, Driver, Outcome, until
from bench.chaos.stages import Task
from bench.results import Row
from lakehouse import s3, settings, simulator, tables
from lakehouse.lake import Lake
from lakehouse.ledger import Ledger
from lakehouse.settings import PROJECT, Buckets, Settings
from tests import fault_proxy
from tests.fault_proxy import Fault, Kind, Proxy
from tests.worlds import QUICK, WORLD

STAGES = "ingest refine build"
_TABLES = (*tables.BRONZE[:1], *tables.SILVER, *tables.GOLD, *tables.OPS[1:])
_OBJECTS = 3  # that land at a time


@dataclass(frozen=True)
class Cut:
    """Where a driver is killed: at the `turn`-th PUT whose path matches."""

    name: str
    path: str
    kind: Kind = Kind.HELD
    turn: int = 1

    @property
    def stages(self) -> str:
        """The stage that is cut, alone: those before it have nothing to do, or are not asked."""
        return self.name.partition(":")[0]


_DATA = r"part-[^/]+\.parquet$"
_COMMIT = r"_delta_log/\d{20}\.json$"
CUTS = (
    Cut("ingest: after reading", rf"/bronze/events/.*{_DATA}"),
    Cut("ingest: after data files were written", rf"/bronze/events/{_COMMIT}"),
    Cut(
        "ingest: after the commit, before its answer",
        rf"/bronze/events/{_COMMIT}",
        Kind.DONE_AND_HELD,
    ),
    Cut("ingest: after the commit, before the ledger", rf"/ops/batches/{_COMMIT}"),
    Cut("ingest: after the commit, before the checkpoint", r"/_checkpoints/ingest/commits/\d+$"),
    Cut(
        "ingest: in the middle of a checkpoint file",
        r"/_checkpoints/ingest/offsets/\d+$",
        Kind.HALF_AND_HELD,
    ),
    Cut("refine: after data files were written", rf"/silver/\w+/{_COMMIT}"),
    Cut("refine: between two tables of a batch", rf"/silver/\w+/{_COMMIT}", turn=2),
    Cut("refine: after a commit, before its answer", rf"/silver/\w+/{_COMMIT}", Kind.DONE_AND_HELD),
    Cut(
        "refine: after what is set aside",
        rf"/ops/(quarantine|repeats)/{_COMMIT}",
        Kind.DONE_AND_HELD,
    ),
    Cut("refine: after the commits, before the ledger", rf"/ops/batches/{_COMMIT}"),
    Cut("build: in the middle of a table", rf"/gold/\w+/{_DATA}"),
    Cut("build: between two tables", rf"/gold/\w+/{_COMMIT}", turn=2),
    Cut("build: after a commit, before its answer", rf"/gold/\w+/{_COMMIT}", Kind.DONE_AND_HELD),
    Cut("maintain: in the middle of a compaction", rf"/(bronze|silver)/.*{_DATA}"),
    Cut(
        "maintain: after a compaction, before its answer",
        rf"/(bronze|silver)/.*{_COMMIT}",
        Kind.DONE_AND_HELD,
    ),
)


def kills(endpoint: str, seed: int, wanted: int = 200) -> Outcome:
    """Kills over all cuts, in chains; the control trusts Spark's checkpoint alone."""
    outcome, chance = Outcome(), random.Random(seed)
    first, *shares = _shares()
    more = iter(shares)
    calm, rough = _lake("calm", endpoint), _lake("rough", endpoint)

    def land(objects: dict[str, bytes]) -> None:
        for lake in (calm, rough):
            _land(lake, objects)

    done: Counter[str] = Counter()
    recoveries = equal = 0
    with _driver(calm, endpoint) as beside:
        with _driver(rough, endpoint) as start:  # makes the tables: no cut is among those commits
            land(first)
            for driver in (beside, start):
                _run(driver, "ingest")
        while sum(done.values()) < wanted:
            chain = [cut for cut in CUTS for _ in range(chance.choice((0, 1, 1, 2)))]
            land(next(more))
            for cut in chain:
                if cut.stages == "ingest":  # which has nothing to do once a batch is committed
                    land(next(more))
                done[cut.name] += _killed(rough, endpoint, cut)
            _run(beside, STAGES)
            with _driver(rough, endpoint) as last:
                _run(last, STAGES)
            recoveries += 1
            differs = _differences(calm, rough)
            equal += not differs
            outcome.must(not differs, f"{differs} after {[cut.name for cut in chain]}")
            print(f"chaos: {sum(done.values())} kills, {equal} of {recoveries} equal", flush=True)
    never = [cut.name for cut in CUTS if not done[cut.name]]
    outcome.must(not never, f"cuts that were not reached: {never}")
    outcome.rows += [
        Row("kills", sum(done.values()), "kills", wanted),
        Row("recoveries equal to the undisturbed run", equal, "recoveries", recoveries),
        *(Row(f"kills, {cut.name}", done[cut.name], "kills") for cut in CUTS),
        _control(endpoint, first, outcome),
    ]
    return outcome


def _shares() -> list[dict[str, bytes]]:
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
    size = _OBJECTS
    shares = [others[at : at + size] for at in range(0, len(others), size)]
    shares[0] = [*reference, *shares[0]]
    return [{key: landed[key] for key in share} for share in shares]


def _lake(name: str, endpoint: str) -> Lake:
    spark = settings.Spark(
        master="local[2]", driver_memory="2g", shuffle_partitions=2, conf=dict(QUICK)
    )
    where = Settings(buckets=Buckets.named(name), spark=spark)
    s3.ensure_buckets(s3.client(where, endpoint), where.buckets.model_dump().values())
    return Lake(where, endpoint)


def _land(lake: Lake, objects: dict[str, bytes]) -> None:
    for key, body in objects.items():
        s3.put(lake.storage, lake.settings.buckets.landing, key, body)


@contextlib.contextmanager
def _driver(lake: Lake, endpoint: str, *, is_naive: bool = False) -> Iterator[Driver]:
    """A driver in a process group of its own; killed with it at the end."""
    task = Task(settings=lake.settings, endpoint=endpoint, is_naive=is_naive)
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


def _start(driver: Driver, stages: str) -> threading.Event:
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


def _run(driver: Driver, stages: str) -> None:
    is_done = _start(driver, stages)
    until(is_done.is_set, [driver])


def _killed(lake: Lake, endpoint: str, cut: Cut, *, is_naive: bool = False) -> bool:
    """Run a driver into a cut and kill it there; False where it ended without reaching it."""
    with fault_proxy.running(endpoint) as proxy:
        reached = _arm(proxy, cut)
        with _driver(lake, proxy.endpoint, is_naive=is_naive) as driver:
            is_done = _start(driver, cut.stages)
            until(lambda: reached.is_set() or is_done.is_set(), [driver])
    return reached.is_set()


def _arm(proxy: Proxy, cut: Cut) -> threading.Event:
    reached, wanted, lock = threading.Event(), re.compile(cut.path), threading.Lock()
    left = cut.turn

    def plan(method: str, path: str) -> Fault | None:
        nonlocal left
        if method != "PUT" or not wanted.search(path):
            return None
        with lock:
            left -= 1
            is_now = left == 0
        return Fault(cut.kind, says=reached.set) if is_now else None

    proxy.plan = plan
    return reached


def _differences(calm: Lake, rough: Lake) -> list[str]:
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
            columns = ", ".join(name for name in table.column_names if name != "batch_id")
            asked = f"SELECT count(*), sum(hash(row({columns})))::VARCHAR FROM {table.name}"
            [found[table.name]] = sql.execute(asked).fetchall()
    return found


def _control(endpoint: str, objects: dict[str, bytes], outcome: Outcome) -> Row:
    """Rows of bronze that a driver doubles which trusts Spark's checkpoint alone."""
    lake = _lake("naive", endpoint)
    _land(lake, objects)
    [cut] = [cut for cut in CUTS if "/commits/" in cut.path]
    _killed(lake, endpoint, cut, is_naive=True)
    with _driver(lake, endpoint, is_naive=True) as driver:
        _run(driver, "ingest")
    rows = lake.open(tables.by_name("bronze.events")).to_pyarrow_table(
        columns=["source_object", "source_line"]
    )
    doubled = rows.num_rows - rows.group_by(rows.column_names).aggregate([]).num_rows
    outcome.must(doubled > 0, "the naive driver doubled nothing: the check does not bite")
    return Row("control without transaction ids and ledger, rows doubled", doubled, "rows", 1)
