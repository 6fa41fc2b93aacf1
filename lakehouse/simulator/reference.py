"""The reference sets: what the other systems say of shops, zones, devices, goods and customers."""

from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import (
    changes,
    devices,
    draws,
    messages,
    places,
    plan,
    stock,
    text,
    weather,
)
from lakehouse.simulator.devices import Device
from lakehouse.simulator.prices import Prices
from lakehouse.simulator.purchases import END, Purchases, begin
from lakehouse.simulator.stock import Stock

# A reference system sends its lines by the thousand, and a large set in several objects.
OBJECT_LINES = 25_000

# Shares of customers that agree to each purpose, and to a way of being reached: assumed.
CONSENTS = {"analytics": 0.9, "personalisation": 0.7, "marketing": 0.5}
CONTACTS = {"app": 0.5, "post": 0.3, "none": 0.2}
CHANGED_CUSTOMERS = 20


def build(
    purchases: Purchases, shelves: Stock, prices: Prices, size: Simulation, seed: int
) -> pd.DataFrame:
    """All reference messages: the first snapshots, then what changes later.

    Gives   messages of the feeds of reference sets
    """
    first = (changes.FIRST_EFFECTIVE_AT, changes.FIRST_SENT_AT)
    customers = _customers(purchases, seed)
    parts = [
        _snapshot("shops", _shops(), seed, *first),
        _snapshot("zones", _zones(), seed, *first),
        _snapshot(
            "devices", _devices([*devices.everywhere(), *stock.devices(shelves)]), seed, *first
        ),
        _snapshot("products", _products(purchases.products), seed, *first),
        _snapshot("customers", customers, seed, *first),
        *_of_the_period(shelves, prices, size, seed),
        *_calibrations(size, seed),
        _moved_beacon(size, seed),
        _changed_customers(customers, size, seed),
    ]
    return pd.concat(parts, ignore_index=True)


def _snapshot(
    feed: str,
    rows: Mapping[str, object],
    seed: int,
    effective_at: np.datetime64,
    sent_at: np.datetime64,
) -> pd.DataFrame:
    """One snapshot: the rows' columns are JSON; `_shop_id` and `_subject` go to the envelope."""
    fields = {name: column for name, column in rows.items() if not name.startswith("_")}
    count = len(next(iter(fields.values())))  # type: ignore[arg-type]
    snapshot_id = f"{feed}-{effective_at.astype('datetime64[s]')}"
    payload = {
        "snapshot_id": f'"{snapshot_id}"',
        "row_count": f"{count}",
        "effective_at": f'"{effective_at.astype("datetime64[s]")}Z"',
        **fields,
    }
    place = np.arange(count)
    part = place // OBJECT_LINES
    emitted_at = sent_at + (place // 100).astype("timedelta64[ms]")
    window_at = sent_at + (part * 60).astype("timedelta64[s]")
    return messages.frame(
        feed,
        count,
        event_id=draws.event_ids(seed, snapshot_id, count),
        shop_id=rows.get("_shop_id"),
        subject=rows.get("_subject"),
        emitted_at=emitted_at,
        payload=text.objects(payload),
        receiver=f"reference-{feed}",
        window_at=window_at,
        due_at=window_at,
    )


def _shops() -> dict[str, object]:
    def geofence(shop: places.Shop) -> str:
        north = places.GEOFENCE_M / places.METRES_A_DEGREE
        east = north / np.cos(np.radians(shop.latitude))
        ways = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        ring = [f"{shop.longitude + x * east:.6f} {shop.latitude + y * north:.6f}" for x, y in ways]
        return f"POLYGON (({', '.join(ring)}))"

    shops = places.SHOPS
    return {
        "_shop_id": places.SHOP_IDS,
        "shop_id": text.quoted(places.SHOP_IDS),
        "time_zone": text.quoted([shop.time_zone for shop in shops]),
        "currency": text.quoted(["USD" for _ in shops]),
        "latitude": text.numbers([shop.latitude for shop in shops]),
        "longitude": text.numbers([shop.longitude for shop in shops]),
        "floor_plan": text.quoted([f"{shop.width_m:g}x{shop.depth_m:g}" for shop in shops]),
        "geofence": text.quoted([geofence(shop) for shop in shops]),
    }


def _zones() -> dict[str, object]:
    all_zones = [(shop, zone) for shop in places.SHOPS for zone in places.ZONES]
    shop_ids = [shop.shop_id for shop, _ in all_zones]
    ids = [places.zone_id(shop.shop_id, zone.name) for shop, zone in all_zones]
    return {
        "_shop_id": shop_ids,
        "zone_id": text.quoted(ids),
        "shop_id": text.quoted(shop_ids),
        "kind": text.quoted([zone.kind for _, zone in all_zones]),
        "polygon": text.strings([str(places.corners(*pair)) for pair in all_zones]),
    }


def _of_the_period(
    shelves: Stock, prices: Prices, size: Simulation, seed: int
) -> list[pd.DataFrame]:
    """What holds for the sensors' period and is sent the night before; weather comes after it."""
    if not size.sensor_days:
        return []
    first_at = begin(size)
    sent_at = first_at - np.timedelta64(6, "h")
    parts = [_snapshot("planogram", _planogram(shelves), seed, first_at, sent_at)]
    if len(prices.promotions):
        parts.append(_snapshot("promotions", _promotions(prices), seed, first_at, sent_at))
    last_at = END + np.timedelta64(1, "h")
    return [*parts, _snapshot("weather", weather.rows(size, seed), seed, first_at, last_at)]


def _planogram(shelves: Stock) -> dict[str, object]:
    goods = shelves.goods
    shelf_ids = [shelf.shelf_id for shelf in plan.shelves()]
    return {
        "_shop_id": text.pick(places.SHOP_IDS, goods["shop"]),
        "product_id": text.quoted_ids(text.strings(goods["product_id"])),
        "shelf_id": text.quoted_ids(text.pick(shelf_ids, goods["shelf"])),
        "facings": text.numbers(goods["product_id"] % 4 + 1),
    }


def _promotions(prices: Prices) -> dict[str, object]:
    promotions = prices.promotions
    return {
        "_shop_id": text.pick(places.SHOP_IDS, promotions["shop"]),
        "promotion_id": text.quoted_ids(promotions["promotion_id"]),
        "product_id": text.quoted_ids(text.strings(promotions["product_id"])),
        "price_cents": text.numbers(promotions["price_cents"]),
        "priority": text.numbers(promotions["priority"]),
        "starts_at": text.quoted_ids(text.instants(promotions["starts_at"], "s")),
        "ends_at": text.quoted_ids(text.instants(promotions["ends_at"], "s")),
    }


def _devices(found: list[Device]) -> dict[str, object]:
    columns = pd.DataFrame([asdict(device) for device in found])
    zone_ids = [places.zone_id(device.shop_id, device.zone) for device in found]
    columns.insert(2, "zone_id", zone_ids)
    measures = ("x_m", "y_m", "interval_s")
    return {"_shop_id": columns["shop_id"]} | {
        name: (text.numbers if name in measures else text.quoted)(columns[name])
        for name in columns.columns.drop("zone")
    }


def _calibrations(size: Simulation, seed: int) -> list[pd.DataFrame]:
    """One snapshot for each time at which calibrations came in."""
    found = changes.calibrations(size, seed)
    snapshots = []
    for sent_at in sorted({calibration.sent_at for calibration in found}):
        batch = [calibration for calibration in found if calibration.sent_at == sent_at]
        rows = {
            "_shop_id": [calibration.device_id.partition("-")[0] for calibration in batch],
            "device_id": text.quoted([calibration.device_id for calibration in batch]),
            "scale": text.numbers([calibration.scale for calibration in batch]),
            "offset": text.numbers([calibration.offset_c for calibration in batch]),
            "valid_from": text.quoted(
                text.instants([calibration.valid_from for calibration in batch], "s")
            ),
        }
        snapshots.append(_snapshot("calibrations", rows, seed, batch[0].valid_from, sent_at))
    return snapshots


def _moved_beacon(size: Simulation, seed: int) -> pd.DataFrame:
    """A devices snapshot of one row: where the moved beacon hangs; sent an hour later."""
    move = changes.beacon_move(size)
    [shop] = [shop for shop in places.SHOPS if shop.shop_id == move.shop_id]
    [zone] = [zone for zone in places.ZONES if zone.name == move.to_zone]
    [old] = [device for device in devices.everywhere() if device.device_id == move.beacon]
    x_m, y_m = places.centre(shop, zone)
    moved = replace(old, zone=zone.name, x_m=x_m + changes.MOVED_BESIDE_M, y_m=y_m)
    return _snapshot(
        "devices", _devices([moved]), seed, move.moved_at, move.moved_at + np.timedelta64(1, "h")
    )


def _products(products: pd.DataFrame) -> dict[str, object]:
    return {
        "product_id": text.quoted_ids(text.strings(products["product_id"])),
        "department": text.quoted(products["department"]),
        "category": text.quoted(products["category"]),
        "product_type": text.quoted(products["product_type"]),
        "brand": text.quoted(products["brand"]),
        "list_price_cents": text.numbers(products["list_price_cents"]),
        "unit_weight_g": text.numbers(products["unit_weight_g"]),
    }


def _customers(purchases: Purchases, seed: int) -> dict[str, object]:
    households = purchases.households
    count = len(households)
    chance = draws.stream(seed, "customers")
    agreed = [chance.random(count) < rate for rate in CONSENTS.values()]
    # Each set of purposes is a number of three bits, so that the text is looked up, not built.
    code = sum(bits.astype(np.int64) << place for place, bits in enumerate(agreed))
    known = [_consents(number) for number in range(1 << len(CONSENTS))]
    contact = chance.choice(len(CONTACTS), count, p=list(CONTACTS.values()))
    return {
        "_subject": text.strings(households["subject"]),
        "consents": text.pick(known, code),
        "contact_preference": text.quoted(text.pick(list(CONTACTS), contact)),
        "age_band": text.quoted(households["age_band"]),
        "household_size": text.quoted(households["household_size"]),
    }


def _consents(number: int) -> str:
    purposes = [name for place, name in enumerate(CONSENTS) if number >> place & 1]
    return "[" + ",".join(f'"{purpose}"' for purpose in purposes) + "]"


def _changed_customers(
    customers: Mapping[str, object], size: Simulation, seed: int
) -> pd.DataFrame:
    """A later snapshot of a few customers, who agree to nothing any more."""
    subjects = text.strings(customers["_subject"])
    few = np.sort(
        draws.stream(seed, "changed customers").permutation(len(subjects))[:CHANGED_CUSTOMERS]
    )
    rows = {name: text.strings(column).take(few) for name, column in customers.items()}
    rows["consents"] = text.pick(["[]"], np.zeros(len(few), dtype=int))
    at = changes.middle(size)
    return _snapshot("customers", rows, seed, at, at + np.timedelta64(1, "h"))
