"""A world to run the lakehouse on: real purchases, simulated sensors, and the truth beside them.

    from lakehouse import simulator
    from lakehouse.settings import Settings, Simulation

    tiny = Settings(simulation=Simulation(receipt_days=3, receipt_share=0.05, sensor_days=3))
    for landed in simulator.write(tiny, seed=1, put=put):  # put(bucket, key, body)
        print(landed.key, landed.done, landed.total)

The same settings and seed give the same bytes. The physics is frozen: whoever changes what seed 1
gives raises VERSION. Detectors never import from here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO

import pandas as pd

from lakehouse.settings import Faults, Settings, Simulation
from lakehouse.simulator import (
    faults,
    fridges,
    landing,
    messages,
    purchases,
    reference,
    sales,
    truth,
    walks,
)

__all__ = ["VERSION", "Landed", "World", "landing_objects", "world", "write"]

VERSION = 1


@dataclass(frozen=True)
class World:
    """All that lands, and the truth: its frames are described in truth.py."""

    seed: int
    landing: landing.Landing
    truth: dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Landed:
    """One object written; `done` of `total` objects are."""

    bucket: str
    key: str
    bytes: int
    lines: int
    done: int
    total: int


def world(size: Simulation, seed: int) -> World:
    """Everything that happens in a world of that size, with its faults."""
    bought = purchases.read(size, seed)
    cabinets = fridges.simulate(size, seed)
    walked = walks.simulate(bought, size, seed)
    feeds = [
        reference.build(bought, size, seed),
        _sales(bought, size.faults, seed),
        _readings(cabinets, size.faults, seed),
        _sightings(walked, size, seed),
    ]
    sent = pd.concat(feeds, ignore_index=True)
    lines, sent = faults.broken(messages.lines(sent), sent, seed)
    arranged = landing.arrange(sent, lines, size.faults.late_object, seed)
    return World(seed, arranged, truth.frames(bought, cabinets, walked, arranged))


def landing_objects(created: World) -> Iterator[tuple[str, bytes]]:
    """Key and bytes of each landing object, in order of arrival."""
    return landing.bodies(created.landing)


def write(
    settings: Settings, seed: int, put: Callable[[str, str, bytes], object]
) -> Iterator[Landed]:
    """Land a world and, last, its truth; nothing is written before the first step is asked for.

    Takes   put  called with bucket, key and bytes of each object
    Gives   one Landed after each object, in order of arrival
    """
    created = world(settings.simulation, seed)
    total = len(created.landing.objects) + len(created.truth)
    done = 0
    counts = created.landing.objects["lines"].tolist()
    for (key, body), count in zip(landing_objects(created), counts, strict=True):
        put(settings.buckets.landing, key, body)
        done += 1
        yield Landed(settings.buckets.landing, key, len(body), count, done, total)
    for name, frame in created.truth.items():
        body = _parquet(frame)
        put(settings.buckets.truth, f"{name}.parquet", body)
        done += 1
        yield Landed(settings.buckets.truth, f"{name}.parquet", len(body), len(frame), done, total)


def _sales(bought: purchases.Purchases, rates: Faults, seed: int) -> pd.DataFrame:
    plan = faults.planned("sales", len(bought.receipts), rates, seed)
    sizes = bought.receipts["size"]
    lines, right = faults.with_unknown_products(bought.lines, sizes, plan, seed)
    sent = sales.build(bought.receipts, lines, seed).assign(true_value=right)
    return faults.planted("sales", sent, plan, seed)


def _readings(cabinets: fridges.Fridges, rates: Faults, seed: int) -> pd.DataFrame:
    plan = faults.planned("readings", len(cabinets.readings), rates, seed)
    sent = fridges.build(faults.with_values(cabinets.readings, plan, seed), seed)
    return faults.planted("readings", sent, plan, seed)


def _sightings(walked: walks.Walks, size: Simulation, seed: int) -> pd.DataFrame:
    sent = walks.build(walked, size, seed)
    plan = faults.planned("beacon_sightings", len(sent), size.faults, seed)
    return faults.planted("beacon_sightings", sent, plan, seed)


def _parquet(frame: pd.DataFrame) -> bytes:
    body = BytesIO()
    frame.to_parquet(body, index=False)
    return body.getvalue()
