"""The fixed devices of the shops: what hangs, stands and listens where. Plain data."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lakehouse.simulator import places, plan
from lakehouse.simulator.places import SHOPS, ZONES, Shop, Zone

FRIDGES = 4
# Anchors that hear carried tags hang in a grid under the ceiling, about 18 m apart.
ANCHORS = (4, 3)


@dataclass(frozen=True)
class Device:
    """One fixed device, where it stands in metres on the floor."""

    device_id: str
    shop_id: str
    zone: str
    kind: str
    x_m: float
    y_m: float
    native_unit: str | None = None
    interval_s: float | None = None
    vendor: str = "Simulated"
    firmware: str = "1.0.0"
    protocol: str = "Ethernet"
    gateway: str | None = None


def beacon(shop_id: str, zone: str) -> str:
    """The id of the beacon that was first put up in a zone; it keeps it when it is moved."""
    return f"{shop_id}-beacon-{zone}"


def gateway(shop_id: str, what: str) -> str:
    """The id of what passes on the messages of a kind of device of a shop."""
    return f"{shop_id}-{what}"


def everywhere() -> list[Device]:
    """All devices but those at a shelf, which hang on what stands there (`stock.devices`)."""
    return [device for shop in SHOPS for device in _of(shop)]


def _of(shop: Shop) -> Iterator[Device]:
    yield from fridges(shop)
    yield from compressors(shop)
    yield from anchors(shop)
    yield from _gateways(shop)
    for zone in ZONES:
        yield from _in_zone(shop, zone)
    x_m, y_m = plan.door(shop)
    yield Device(
        f"{shop.shop_id}-door-1",
        shop.shop_id,
        "entrance",
        "door_counter",
        x_m,
        y_m,
        interval_s=300,
        gateway=gateway(shop.shop_id, "sensors"),
    )
    for number in range(1, places.TILLS + 1):
        x_m, y_m = plan.till(shop, number)
        name = places.till(shop.shop_id, number)
        yield Device(name, shop.shop_id, "checkout", "till", round(x_m, 2), round(y_m, 2))


def fridges(shop: Shop) -> Iterator[Device]:
    """The fridge thermometers: by turns in Celsius and Fahrenheit, one value every 5 minutes."""
    [chilled] = [zone for zone in ZONES if zone.kind == "chilled"]
    (left, _), (right, _), (_, far), _ = places.corners(shop, chilled)
    for number in range(1, FRIDGES + 1):
        yield Device(
            f"{shop.shop_id}-fridge-{number}",
            shop.shop_id,
            chilled.name,
            "fridge_thermometer",
            round(left + (right - left) * number / (FRIDGES + 1), 2),
            far,
            native_unit="C" if number % 2 else "F",
            interval_s=300,
            protocol="Zigbee",
            gateway=gateway(shop.shop_id, "sensors"),
        )


def compressors(shop: Shop) -> Iterator[Device]:
    """What measures the compressor of each fridge: its power and how it shakes."""
    for fridge in fridges(shop):
        name = fridge.device_id.replace("-fridge-", "-compressor-")
        yield replace(
            fridge, device_id=name, kind="compressor_meter", native_unit=None, interval_s=600
        )


def anchors(shop: Shop) -> Iterator[Device]:
    """What hears the tags that people carry."""
    across, along = ANCHORS
    index = np.array([places.SHOPS.index(shop)])
    for number in range(across * along):
        x_m = round(shop.width_m * (number % across + 0.5) / across, 2)
        y_m = round(shop.depth_m * (number // across + 0.5) / along, 2)
        yield Device(
            f"{shop.shop_id}-anchor-{number + 1}",
            shop.shop_id,
            places.ZONE_NAMES[plan.zone_at(index, np.array([x_m]), np.array([y_m]))[0]],
            "anchor",
            x_m,
            y_m,
            protocol="BLE",
            gateway=gateway(shop.shop_id, "anchors"),
        )


def _gateways(shop: Shop) -> Iterator[Device]:
    x_m, y_m = places.centre(shop, ZONES[0])
    app = gateway(shop.shop_id, "app")
    yield Device(app, shop.shop_id, "entrance", "app_gateway", x_m, y_m)
    for what in ("sensors", "anchors", "shelves", "cameras", "labels"):
        yield Device(gateway(shop.shop_id, what), shop.shop_id, "entrance", "gateway", x_m, y_m)


def _in_zone(shop: Shop, zone: Zone) -> Iterator[Device]:
    key = shop.shop_id
    x_m, y_m = places.centre(shop, zone)
    sensors = gateway(key, "sensors")
    # A beacon advertises once a second; a phone reports few of them.
    yield Device(
        beacon(key, zone.name),
        key,
        zone.name,
        "beacon",
        x_m,
        y_m,
        interval_s=1,
        protocol="BLE",
        gateway=gateway(key, "app"),
    )
    for kind, interval_s, through in (
        ("climate", 600, sensors),
        ("ambience", 600, sensors),
        ("zone_counter", 900, sensors),
        ("camera", None, gateway(key, "cameras")),
    ):
        yield Device(
            f"{key}-{kind.removeprefix('zone_')}-{zone.name}",
            key,
            zone.name,
            kind,
            x_m,
            y_m,
            interval_s=interval_s,
            protocol="Zigbee" if through == sensors else "Ethernet",
            gateway=through,
        )
