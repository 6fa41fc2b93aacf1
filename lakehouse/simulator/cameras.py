"""detections: what the cameras recognise of people, queues, shelf gaps and hands at the shelf."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Faults, Simulation
from lakehouse.simulator import counts, draws, messages, periods, places, plan, text
from lakehouse.simulator.plan import Ints
from lakehouse.simulator.purchases import END, begin
from lakehouse.simulator.stock import Stock
from lakehouse.simulator.walks import Walks

PEOPLE_S, QUEUE_S, GAP_S = 300, 60, 600
# How well a model counts and finds (assumed): a person is missed, a hand or a gap is overlooked.
PERSON_SEEN, HAND_SEEN, GAP_SEEN = 0.92, 0.8, 0.85
# Gaps that are none, a zone and day; spills happen really, a shop and day.
FALSE_GAPS, SPILLS = 2.0, 0.5
# Confidence: of what is there and of what is not (Beta distributions, assumed); the next version of
# the model, from the middle of the period on, is surer of both.
SURE, UNSURE = (12.0, 2.0), (3.0, 3.0)
NEXT_SURER = 0.05
MODELS = ("shelfwatch", "1.4.0", "1.5.0")
FROZEN_H = (1.0, 4.0)


def build(
    walks: Walks, shelves: Stock, rates: Faults, size: Simulation, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Every inference, as the gateway of a shop's cameras sends it.

    Gives   messages of the feed detections; what was really there: shop_id, zone_id, label, at,
            count; and the periods of frozen cameras: device_id, kind, from_at, to_at
    """
    chance = draws.stream(seed, "cameras")
    parts = [
        _people(walks, size, "people", PEOPLE_S, range(len(places.ZONES))),
        _people(walks, size, "queue", QUEUE_S, [len(places.ZONES) - 1]),
        _hands(walks, shelves),
        _gaps(shelves, size),
        _spills(size, chance),
    ]
    there = pd.concat(parts, ignore_index=True)
    seen = pd.concat(
        [
            _seen(there, chance).assign(is_there=True),
            _false_gaps(size, chance).assign(is_there=False),
        ],
        ignore_index=True,
    ).sort_values(["at", "shop", "zone", "label"], kind="stable", ignore_index=True)
    frozen = _frozen(rates, size, chance)
    seen = _freeze(seen, frozen)
    truth = pd.DataFrame(
        {
            "shop_id": text.labels(places.SHOP_IDS, there["shop"]),
            "zone_id": text.labels(_zone_ids(), there["shop"] * len(places.ZONES) + there["zone"]),
            "label": there["label"],
            "at": there["at"],
            "count": there["count"],
        }
    )
    return _messages(seen, size, chance, seed), truth, frozen


def _zone_ids() -> list[str]:
    return [places.zone_id(shop, zone) for shop in places.SHOP_IDS for zone in places.ZONE_NAMES]


def _cameras() -> list[str]:
    return [f"{shop}-camera-{zone}" for shop in places.SHOP_IDS for zone in places.ZONE_NAMES]


def _people(
    walks: Walks, size: Simulation, label: str, every_s: int, zones: Iterable[int]
) -> pd.DataFrame:
    """How many people a zone held at every look while the shop was open; nobody is no inference."""
    steps = size.sensor_days * 86_400 // every_s
    looks = begin(size) + np.arange(steps) * np.timedelta64(every_s, "s")
    shop = walks.visits["shop"].to_numpy()[walks.stops["visit"]]
    zone = walks.stops["zone"].to_numpy()
    came, went = (walks.stops[name].to_numpy() for name in ("arrived_at", "left_at"))
    found = []
    for number in range(len(places.SHOPS)):
        for place in zones:
            mine = (shop == number) & (zone == place)
            there = counts.present(came[mine], went[mine], looks)
            some = there > 0
            found.append(_rows(number, place, label, looks[some], there[some]))
    return pd.concat(found, ignore_index=True)


def _rows(
    shop: int | Ints,
    zone: int | Ints,
    label: str,
    at: npt.ArrayLike,
    count: npt.ArrayLike,
) -> pd.DataFrame:
    at = np.asarray(at).astype("datetime64[ms]")
    frame = pd.DataFrame({"at": at})
    return frame.assign(shop=shop, zone=zone, label=label, count=np.asarray(count, dtype=np.int64))


def _hands(walks: Walks, shelves: Stock) -> pd.DataFrame:
    """Each pick-up and put-back at a shelf that is watched."""
    goods, tries = shelves.goods, shelves.tries
    shop, zone = goods["shop"].to_numpy(), plan.zones_of_shelves()[goods["shelf"]]
    sold = shelves.units[shelves.units["gone_at"] < pd.Timestamp(END)]
    parts = [
        (sold["good"], "pick_up", sold["gone_at"]),
        (tries["good"], "pick_up", tries["taken_at"]),
        (tries["good"], "put_back", tries["back_at"]),
    ]
    return pd.concat(
        [_rows(shop[good], zone[good], label, at, np.ones(len(good))) for good, label, at in parts],
        ignore_index=True,
    )


def _gaps(shelves: Stock, size: Simulation) -> pd.DataFrame:
    """Shelves with two units or fewer, at every look while they stay so."""
    goods, low = shelves.goods, shelves.levels[shelves.levels["units"] <= 2]
    first_at = begin(size)

    def look(column: str) -> Ints:
        """The first look after each instant, counted from the period's beginning."""
        since_s = (low[column].to_numpy() - first_at) / np.timedelta64(1, "s")
        return np.ceil(since_s / GAP_S).astype(np.int64)

    looks = np.maximum(look("to_at") - look("from_at"), 0)
    good = np.repeat(low["good"].to_numpy(), looks)
    turn = counts.within(looks) + np.repeat(look("from_at"), looks)
    at = first_at + turn * np.timedelta64(GAP_S, "s")
    return _rows(
        goods["shop"].to_numpy()[good],
        plan.zones_of_shelves()[goods["shelf"]][good],
        "shelf_gap",
        at,
        np.ones(len(at)),
    )


def _somewhere(
    size: Simulation, a_day: float, cells: int, chance: np.random.Generator
) -> tuple[Ints, npt.NDArray[np.datetime64]]:
    """Shop and zone (as one number) and instant of events that may happen anywhere."""
    count = int(chance.poisson(a_day * size.sensor_days * cells))
    since = (chance.random(count) * size.sensor_days * 86_400_000).astype("timedelta64[ms]")
    everywhere = len(places.SHOPS) * len(places.ZONES)
    return chance.integers(0, everywhere, count), begin(size) + since


def _spills(size: Simulation, chance: np.random.Generator) -> pd.DataFrame:
    cell, at = _somewhere(size, SPILLS, len(places.SHOPS), chance)
    return _rows(cell // len(places.ZONES), cell % len(places.ZONES), "spill", at, np.ones(len(at)))


def _false_gaps(size: Simulation, chance: np.random.Generator) -> pd.DataFrame:
    cell, at = _somewhere(size, FALSE_GAPS, len(places.SHOPS) * len(places.ZONES), chance)
    return _rows(
        cell // len(places.ZONES), cell % len(places.ZONES), "shelf_gap", at, np.ones(len(at))
    )


def _seen(there: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    """What the models find of what is there."""
    count = there["count"].to_numpy()
    is_people = there["label"].isin(("people", "queue")).to_numpy()
    counted = np.where(is_people, chance.binomial(count, PERSON_SEEN), 1)
    share = np.where(there["label"] == "shelf_gap", GAP_SEEN, HAND_SEEN)
    is_found = np.where(is_people, counted > 0, chance.random(len(there)) < share)
    return there.assign(count=counted)[is_found]


def _frozen(rates: Faults, size: Simulation, chance: np.random.Generator) -> pd.DataFrame:
    """device_id, kind, from_at, to_at: cameras that show the same picture for hours."""
    cameras = _cameras()
    is_frozen = chance.random((len(cameras), size.sensor_days)) < rates.frozen_camera
    camera, day = np.nonzero(is_frozen)
    start_h = chance.uniform(8, 14, len(camera))  # hours since 5:00 UTC: while the shop is open
    from_at = begin(size) + ((day * 24 + start_h) * 3_600_000).astype("timedelta64[ms]")
    lasts = (chance.uniform(*FROZEN_H, len(camera)) * 3_600_000).astype("timedelta64[ms]")
    return pd.DataFrame(
        {
            "device_id": text.labels(cameras, camera),
            "kind": "frozen_camera",
            "from_at": from_at,
            "to_at": from_at + lasts,
        }
    )


def _freeze(seen: pd.DataFrame, frozen: pd.DataFrame) -> pd.DataFrame:
    """The same with what frozen cameras go on to say: the last they saw, at every look."""
    cell = (seen["shop"] * len(places.ZONES) + seen["zone"]).to_numpy()
    cameras = _cameras()
    at = seen["at"].to_numpy()
    gone = np.zeros(len(seen), dtype=bool)
    instead = []
    is_people = (seen["label"] == "people").to_numpy()
    for one in periods.each(frozen):
        row = cameras.index(one.device_id)
        mine = cell == row
        gone |= mine & one.holds(at)
        looks = np.arange(one.from_at, one.to_at, np.timedelta64(PEOPLE_S, "s"))
        before = seen[mine & (at < one.from_at) & is_people]
        count = int(before["count"].iloc[-1]) if len(before) else 1
        same = _rows(
            row // len(places.ZONES),
            row % len(places.ZONES),
            "people",
            looks,
            np.full(len(looks), count),
        )
        instead.append(same.assign(is_there=True))
    whole = pd.concat([seen[~gone], *instead], ignore_index=True)
    return whole.sort_values(["at", "shop", "zone", "label"], kind="stable", ignore_index=True)


def _messages(
    seen: pd.DataFrame, size: Simulation, chance: np.random.Generator, seed: int
) -> pd.DataFrame:
    count = len(seen)
    shop = seen["shop"].to_numpy(dtype=np.int64)
    cell = shop * len(places.ZONES) + seen["zone"].to_numpy(dtype=np.int64)
    cameras = _cameras()
    sure, unsure = chance.beta(*SURE, count), chance.beta(*UNSURE, count)
    is_next = (seen["at"] >= END - np.timedelta64(size.sensor_days * 12, "h")).to_numpy()
    confidence = np.where(seen["is_there"], sure, unsure) + NEXT_SURER * is_next
    name, version, next_version = MODELS
    payload = {
        "zone_id": text.quoted_ids(text.pick(_zone_ids(), cell)),
        "label": text.quoted_ids(seen["label"]),
        "count": text.numbers(seen["count"]),
        "confidence": text.numbers(np.minimum(confidence, 0.99).round(2)),
        "model": f'"{name}"',
        "model_version": text.pick([f'"{version}"', f'"{next_version}"'], is_next.astype(np.int64)),
    }
    device_id = text.pick(cameras, cell)
    return messages.handed_in(
        "detections", "cameras", shop, seen["at"], payload, seed=seed, device_id=device_id
    )
