"""How fast messages go from landing to bronze and on to silver, beside the bare jobs.

    make bench

The world of conf/bench.yml lands once: a first million lines, and all of it. Each job is run three
times on the first million, ours and the others in another order each time, every time into a new
lakehouse whose silver.sightings holds ten million rows already; the figure is the median. Nothing
is kept in memory between two jobs. One small lakehouse before them warms the JVM up.
"""

import io
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context

import pandas as pd
from pyspark.sql import functions as F

from bench import bare, memory, sums
from bench.results import Row, publish
from lakehouse import places, s3, s3_server, settings, simulator, tables
from lakehouse.flow import ingest, place, refine
from lakehouse.flow.place import Place
from lakehouse.settings import PROJECT, Buckets, Settings

SEED = 1
ROUNDS = 3
# Objects are landed in the order of their arrival, so that each of these worlds begins the next.
LINES = {"small": 50_000, "million": 1_000_000, "whole": 100_000_000}
HELD = 10_000_000

_HOME = PROJECT / ".cache" / "bench"
_SIGHTINGS = tables.by_name("silver.sightings")
_JOBS = {
    "ingest": {
        "ours": ingest.everything,
        "Spark": bare.ingest,
        "DuckDB": bare.ingest_in_duckdb,
    },
    "refine": {"ours": refine.everything, "Spark": bare.refine},
}
Seconds = dict[tuple[str, str], float]


def main() -> None:
    """Measure, print and write the results."""
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(_HOME)
    where = settings.load(PROJECT / "conf" / "bench.yml")
    try:
        with s3_server.running(where) as endpoint:
            # In a process of its own, as the simulator's memory is not the pipeline's.
            with get_context("spawn").Pool(1) as pool:
                landed, faults = pool.apply(_land, (where, endpoint))
            rarest = min(faults, key=faults.__getitem__)
            enough = Row(f"instances of the rarest fault, {rarest}", faults[rarest], "", 200)
            with place.opened(_lakehouse(where, "small", "warm"), "bench") as warm:
                publish("bench", [enough, *_figures(where, warm, landed)])
    finally:
        shutil.rmtree(_HOME, ignore_errors=True)


def _land(where: Settings, endpoint: str) -> tuple[dict[str, int], dict[str, int]]:
    """Land the worlds; give the lines of each, and how often each kind of fault is in the whole."""
    storage = s3.client(where, endpoint)
    s3.ensure_buckets(storage, [_landing(world) for world in LINES])
    landed = dict.fromkeys(LINES, 0)
    bodies: dict[str, bytes] = {}
    with s3.uploading(storage) as upload:

        def put(bucket: str, key: str, body: bytes) -> None:
            bodies[key] = body

        for one in simulator.write(where, SEED, put):
            if one.bucket != where.buckets.landing:
                continue
            body = bodies.pop(one.key)
            for world, most in LINES.items():
                if landed[world] + one.lines <= most:
                    landed[world] += one.lines
                    upload(_landing(world), one.key, body)
    faults = pd.read_parquet(io.BytesIO(bodies["faults.parquet"]), columns=["kind"])
    return landed, faults["kind"].value_counts().to_dict()


def _landing(world: str) -> str:
    return f"landing-{world}"


def _lakehouse(where: Settings, world: str, name: str) -> Settings:
    """A lakehouse of its own that reads the world."""
    buckets = Buckets.named(name).model_copy(update={"landing": _landing(world)})
    return where.model_copy(update={"buckets": buckets})


def _figures(where: Settings, warm: Place, landed: dict[str, int]) -> list[Row]:
    with memory.watched(_processes(warm)) as looks:
        return [*_speeds(where, warm, landed), *memory.rows(looks)]


def _speeds(where: Settings, warm: Place, landed: dict[str, int]) -> list[Row]:
    _run(warm)
    # Not in the warm one: a copied log brings the batches it knows of into the copy's ledger.
    held = place.at(_lakehouse(where, "small", "held-most"), warm.endpoint, warm.spark)
    _hold(held, HELD)
    rounds = [
        _run(_beside(held, _lakehouse(where, "million", f"round-{turn}")), is_turned=turn % 2 == 1)
        for turn in range(ROUNDS)
    ]
    seconds = {job: statistics.median(one[job] for one in rounds) for job in rounds[0]}
    whole = _beside(held, _lakehouse(where, "whole", "whole"))
    for stage in _JOBS:
        seconds[stage, "whole"] = _seconds(lambda stage=stage: _JOBS[stage]["ours"](whole))
    _assert_exact(whole)
    return [
        *_rates(landed["million"], seconds),
        _linear(landed, seconds),
        *_repeat_check(where, held),
    ]


def _beside(held: Place, where: Settings) -> Place:
    """A new lakehouse in the same session, with the sightings that another one holds."""
    prefix = f"{_SIGHTINGS.layer}/{_SIGHTINGS.short_name}/"
    theirs, ours = places.bucket(held.settings, _SIGHTINGS), places.bucket(where, _SIGHTINGS)
    storage = s3.client(where, held.endpoint)
    s3.ensure_buckets(storage, [ours])
    for one in list(s3.objects(storage, theirs, prefix)):  # Delta's paths are relative
        storage.copy_object(
            Bucket=ours, Key=one["Key"], CopySource={"Bucket": theirs, "Key": one["Key"]}
        )
    return place.at(where, held.endpoint, held.spark)


def _hold(at: Place, rows: int) -> None:
    """Put so many sightings of another year into silver, with ids that no message has."""
    ids = at.spark.range(rows).withColumn(
        "heard_at", F.expr("timestamp'2015-01-01' + make_dt_interval(0, 0, 0, id)")
    )
    given = {
        "shop_id": F.concat(F.lit("S"), (F.col("id") % 3 + 1).cast("string")),
        "heard_at": F.col("heard_at"),
        "event_id": F.md5(F.col("id").cast("string")),
        "beacon_id": F.lit("held"),
        "zone_id": F.lit("held"),
        "rssi_dbm": F.lit(-70),
        "is_late": F.lit(False),
        "source_object": F.lit("held"),
        "source_line": F.col("id").cast("int"),
        "arrived_at": F.col("heard_at"),
        "batch_id": F.lit("held"),
    }
    at.store.append(_SIGHTINGS, ids.select(*(what.alias(name) for name, what in given.items())), {})


def _run(at: Place, *, is_turned: bool = False) -> Seconds:
    """The seconds of every job, in declared order or turned round within each stage."""
    taken: Seconds = {}
    for stage, jobs in _JOBS.items():
        for name in sorted(jobs, key=list(jobs).index, reverse=is_turned):
            taken[stage, name] = _seconds(lambda job=jobs[name]: job(at))
    _assert_exact(at)
    return taken


def _assert_exact(at: Place) -> None:
    """Exit 1 where refine left messages out: what it was measured at was not the work."""
    if missing := sums.missing(at.ledger):
        sys.exit(f"bench: {at.settings.buckets.ops}: messages in bronze but not refined: {missing}")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _rates(lines: int, seconds: Seconds) -> list[Row]:
    ingested, refined = seconds["ingest", "ours"], seconds["refine", "ours"]
    ways = (  # what, our seconds, the stage whose bare job stands beside it, aim
        ("landing to bronze", ingested, "ingest", 0.6),
        ("bronze to silver", refined, "refine", 0.6),
        ("landing to silver", ingested + refined, "ingest", 0.30),
    )
    rows = []
    for what, ours, stage, aim in ways:
        for other in (name for name in _JOBS[stage] if name != "ours"):
            theirs = lines / seconds[stage, other]
            rows.append(
                Row(f"{what}, beside {other}", lines / ours, "messages/s", None, theirs, other)
            )
        share = seconds[stage, "Spark"] / ours
        rows.append(Row(f"{what}, of the bare job", share, "share", aim, 1.0, "Spark"))
    return rows


def _linear(landed: dict[str, int], seconds: Seconds) -> Row:
    def rate(world: str, name: str) -> float:
        return landed[world] / (seconds["ingest", name] + seconds["refine", name])

    million, whole = rate("million", "ours"), rate("whole", "whole")
    name = f"rate with {landed['whole'] / 1e6:.1f} million lines, of that with one"
    return Row(name, whole / million, "share", 0.85, million, "messages/s with one")


def _repeat_check(where: Settings, most: Place) -> list[Row]:
    """Refining the small world, with a million sightings held and with ten."""
    taken: dict[int, list[float]] = {HELD // 10: [], HELD: []}
    few = place.at(_lakehouse(where, "small", "held-few"), most.endpoint, most.spark)
    _hold(few, HELD // 10)
    for turn in range(ROUNDS):
        for held, source in ((HELD // 10, few), (HELD, most)):
            at = _beside(source, _lakehouse(where, "small", f"held-{held}-{turn}"))
            ingest.everything(at)
            taken[held].append(_seconds(lambda at=at: refine.everything(at)))
            _assert_exact(at)
    seconds = {held: statistics.median(times) for held, times in taken.items()}
    name = "refining a small batch, ten million sightings held"
    return [Row(name, seconds[HELD], "s", None, seconds[HELD // 10], "s with one million held")]


def _processes(at: Place) -> dict[str, int]:
    server = s3_server.status(settings.home())
    assert server is not None
    driver = at.spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    return {"driver's JVM": driver, "storage server": server.pid}


if __name__ == "__main__":
    main()
