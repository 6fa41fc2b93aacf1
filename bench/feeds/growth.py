"""A whole day of gold for 2 shops and for 20, and how fresh it is when the last hour lands.

The simulator's world is three shops. One of them, its shoppers and all that stands in it is landed
as often as shops are wanted, under names of their own: what grows is the number of shops, not what
one of them sends. (Goods are the chain's.) A lakehouse of one shop before them warms the JVM up.
"""

import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta

from pyspark.sql import SparkSession

from bench import sums
from bench.results import Row
from lakehouse import s3, s3_server, settings, simulator, tables
from lakehouse.flow import build, ingest, place, refine
from lakehouse.flow.place import Place
from lakehouse.landing.lines import arrived_at
from lakehouse.settings import PROJECT, Buckets, Settings
from lakehouse.simulator import purchases

SEED = 1
SHOP = "S1"
FEW, MANY = 2, 20
_ALL = ("products",)  # feeds that are the chain's, not a shop's

_SHOP = re.compile(rf"\b{SHOP}\b".encode())
_IDS = re.compile(rb'"(event_id|subject)":"([^"]+)"')
_END = purchases.END.astype("datetime64[us]").item().replace(tzinfo=UTC)
# What is built by the hour, and from whole days.
_FRESH = ("gold.shop_hours", "gold.shop_comfort", "gold.fridge_hours", "gold.device_health")
_SLOWEST = 14

Objects = dict[str, list[bytes]]


@dataclass(frozen=True)
class Day:
    """One shop's day as it lands: lines by object, and those of the chain."""

    of_shop: Objects
    of_all: Objects


@dataclass(frozen=True)
class Grown:
    """What one lakehouse took: lines, seconds to build the day, by table, and till the last hour."""

    lines: int
    build_s: float
    by_table: dict[str, float]
    fresh_s: dict[str, float]


def figures(spark: SparkSession) -> list[Row]:
    """Minutes of the build, its growth, its slowest tables, and freshness."""
    server = s3_server.status(settings.home())
    assert server is not None
    where = settings.load(PROJECT / "conf" / "local.yml")
    day = _day(where)

    def grown(shops: int) -> Grown:
        at = place.at(
            where.model_copy(update={"buckets": Buckets.named(f"shops-{shops}")}),
            server.endpoint,
            spark,
        )
        return _taken(at, day, shops)

    grown(1)
    few, many = grown(FEW), grown(MANY)
    growth = many.build_s / few.build_s
    return [
        Row(
            f"gold of a full day, {MANY} shops, {many.lines:,} lines",
            many.build_s / 60,
            "min",
            10.0,
            few.build_s / 60,
            f"{FEW} shops, {few.lines:,} lines",
            is_at_most=True,
        ),
        Row("its growth, for ten times the shops", growth, "times", 10.0, None, None, True),
        *(
            Row(f"{name}, {MANY} shops", many.by_table[name], "s", None, few.by_table[name], "few")
            for name in sorted(many.by_table, key=many.by_table.__getitem__)[: -_SLOWEST - 1 : -1]
        ),
        *(
            Row(
                f"landing of the last hour to {name}, {MANY} shops",
                many.fresh_s[name],
                "s",
                None,
                few.fresh_s[name],
                f"{FEW} shops",
            )
            for name in _FRESH
        ),
    ]


def _day(where: Settings) -> Day:
    faults = where.simulation.faults.model_copy(update={"late_object": 0.0})
    size = {"receipt_days": 1, "sensor_days": 1, "faults": faults}
    landed = simulator.world(where.simulation.model_copy(update=size), SEED).landing
    said = landed.messages
    is_mine = (said["shop_id"] == SHOP).fillna(value=False)
    mine = set(said["subject"][is_mine].dropna())
    is_mine |= (said["feed"] == "customers") & said["subject"].isin(mine)
    is_all = said["feed"].isin(_ALL)
    day = Day(defaultdict(list), defaultdict(list))
    rows = zip(said["object"], landed.lines.to_pylist(), is_mine, is_all, strict=True)
    for key, line, mine_too, of_all in rows:
        if mine_too or of_all:
            (day.of_all if of_all else day.of_shop)[key].append(line)
    return day


def _taken(at: Place, day: Day, shops: int) -> Grown:
    """Take all but the last hour to silver, build gold, then take the last hour the whole way."""
    early: dict[str, bytes] = {}
    late: dict[str, bytes] = {}
    lines = 0
    for key, its_lines in _objects(day, shops):
        arrived = arrived_at(key)
        assert arrived is not None
        is_late = _END < arrived <= _END + timedelta(hours=1)
        (late if is_late else early)[key] = b"".join(its_lines)
        lines += len(its_lines)
    _land(at, early)
    ingest.everything(at)
    refine.everything(at)
    build_s = _seconds(lambda: build.everything(at))
    by_table = {
        batch.table_name: (batch.duration_ms or 0) / 1000 for batch in at.ledger.of(build.STAGE)
    }
    began = time.time()
    _land(at, late)
    ingest.everything(at)
    refine.everything(at)
    build.everything(at)
    if missing := sums.missing(at.ledger):
        sys.exit(f"bench-feeds: {shops} shops: messages in bronze but not refined: {missing}")
    return Grown(lines, build_s, by_table, {name: _committed(at, name) - began for name in _FRESH})


def _objects(day: Day, shops: int) -> Iterator[tuple[str, list[bytes]]]:
    yield from day.of_all.items()
    for number in range(1, shops + 1):
        name = f"T{number:02d}"
        for key, lines in day.of_shop.items():
            yield f"{name}/{key}", [_renamed(line, name) for line in lines]


def _renamed(line: bytes, shop: str) -> bytes:
    name = shop.encode()
    return _IDS.sub(rb'"\1":"\2-' + name + b'"', _SHOP.sub(name, line))


def _land(at: Place, objects: dict[str, bytes]) -> None:
    storage = s3.client(at.settings, at.endpoint)
    with s3.uploading(storage) as upload:
        for key, body in objects.items():
            upload(at.settings.buckets.landing, key.removesuffix(".gz"), body)


def _committed(at: Place, name: str) -> float:
    """When the newest version of a table was committed, s since 1970."""
    return (
        float(max(one["timestamp"] for one in at.lake.open(tables.by_name(name)).history())) / 1e3
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
