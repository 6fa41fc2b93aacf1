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
from datetime import UTC, datetime
from io import BytesIO

import pandas as pd

from lakehouse.settings import Faults, Settings, Simulation
from lakehouse.simulator import (
    apps,
    cameras,
    changes,
    deliveries,
    doors,
    faults,
    fridges,
    landing,
    messages,
    phones,
    player,
    prices,
    purchases,
    radio,
    reference,
    sales,
    sensors,
    stock,
    tags,
    truth,
    walks,
)

__all__ = ["VERSION", "Landed", "World", "begin", "landing_objects", "play", "world", "write"]

VERSION = 2
begin = purchases.begin


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
    rates = size.faults
    bought = purchases.read(size, seed)
    walked = walks.simulate(bought, size, seed)
    shelves = stock.simulate(bought, walked, rates.short_delivery, size, seed)
    offered = prices.simulate(shelves, bought, size, seed)
    cabinets = fridges.simulate(size, seed)
    measured = sensors.measure(cabinets, walked, shelves, size, seed)
    readings, episodes = sensors.simulate(measured, rates, size, seed)
    counted, passed = doors.build(doors.passages(walked), rates, size, seed)
    seen, scenes, frozen = cameras.build(walked, shelves, rates, size, seed)
    did, offers = apps.build(walked, rates, seed)
    back = sales.returns(bought.receipts, bought.lines, rates.return_receipt, seed)

    made = [
        _sales(bought, back, rates, seed),
        _readings(readings, rates, seed),
        radio.build(walked, size, seed),
        tags.build(shelves, size, seed),
        counted,
        seen,
        phones.positions(walked, rates, seed),
        did,
        prices.build(offered, shelves, rates, size, seed),
        deliveries.build(shelves, rates, seed),
    ]
    feeds = [reference.build(bought, shelves, offered, size, seed)]
    feeds += [faults.befallen(messages_, rates, seed) for messages_ in made if len(messages_)]
    sent = pd.concat(feeds, ignore_index=True)
    lines, sent = faults.broken(messages.lines(sent), sent, seed)
    arranged = landing.arrange(sent, lines, rates.late_object, seed)
    happened = truth.Happened(
        purchases=bought,
        returned=back[0],
        returned_lines=back[1],
        walks=walked,
        stock=shelves,
        prices=offered,
        fridges=cabinets,
        readings=readings,
        passages=passed,
        scenes=scenes,
        crossings=phones.crossings(walked, seed),
        offers=offers,
        episodes=pd.concat([episodes, frozen], ignore_index=True),
        calibrations=changes.table(size, seed),
    )
    return World(seed, arranged, truth.frames(happened, arranged))


def landing_objects(created: World) -> Iterator[tuple[str, bytes]]:
    """Key and bytes of each landing object, in order of arrival."""
    return landing.bodies(created.landing)


def play(size: Simulation, seed: int, now: Callable[[], datetime]) -> Iterator[player.Played]:
    """The objects of a world over and over, for ever, each stamped by the clock `now` (UTC)."""
    began = begin(size).astype("datetime64[us]").item().replace(tzinfo=UTC)
    return player.play(world(size, seed).landing, began, now)


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


def _sales(
    bought: purchases.Purchases,
    back: tuple[pd.DataFrame, pd.DataFrame],
    rates: Faults,
    seed: int,
) -> pd.DataFrame:
    """The receipts, those of goods brought back, and those without lines."""
    plan = faults.planned("sales", len(bought.receipts), rates, seed)
    sizes = bought.receipts["size"]
    lines, right = faults.with_unknown_products(bought.lines, sizes, plan, seed)
    sent = sales.build(bought.receipts, lines, seed).assign(true_value=right)
    returned = sales.build(*back, seed, "returns").assign(fault="return_receipt")
    none = sales.empty(sent, rates.empty_receipt, seed)
    parts = [sent, *(one.astype(sent.dtypes) for one in (returned, none) if len(one))]
    return pd.concat(parts, ignore_index=True)


def _readings(readings: pd.DataFrame, rates: Faults, seed: int) -> pd.DataFrame:
    plan = faults.planned("readings", len(readings), rates, seed)
    return sensors.build(faults.with_values(readings, plan, seed), seed)


def _parquet(frame: pd.DataFrame) -> bytes:
    body = BytesIO()
    frame.to_parquet(body, index=False)
    return body.getvalue()
