"""The three shops: where they are, their zones and the devices in them. Plain data."""

from dataclasses import dataclass

from lakehouse.simulator import purchases

SHOP_IDS = purchases.SHOPS

TILLS = 6
FRIDGES = 4


@dataclass(frozen=True)
class Shop:
    """One shop; its floor is `width_m` by `depth_m`, x to the right and y away from the door."""

    shop_id: str
    time_zone: str
    latitude: float
    longitude: float
    width_m: float
    depth_m: float


# Floors around the 4,400 m2 of a median American supermarket (about 47,500 square feet: FMI,
# "Supermarket facts"); places are town squares, not real shops.
SHOPS = (
    Shop("S1", "America/New_York", 39.1031, -84.5120, 80.0, 55.0),
    Shop("S2", "America/Chicago", 41.8781, -87.6298, 72.0, 50.0),
    Shop("S3", "America/Denver", 39.7392, -104.9903, 88.0, 60.0),
)


@dataclass(frozen=True)
class Zone:
    """One part of every shop: a rectangle in shares of the floor's width and depth."""

    name: str
    kind: str
    left: float
    right: float
    near: float
    far: float


# In the order in which a shopper passes them: anticlockwise along the walls, as most do (Larson,
# Bradlow, Fader, "An exploratory look at supermarket shopping paths", 2005), then the aisles.
ZONES = (
    Zone("entrance", "entrance", 0.75, 1.0, 0.0, 0.12),
    Zone("produce", "aisle", 0.75, 1.0, 0.12, 0.60),
    Zone("bakery", "aisle", 0.75, 1.0, 0.60, 1.0),
    Zone("chilled", "chilled", 0.0, 0.75, 0.85, 1.0),
    Zone("beauty", "aisle", 0.0, 0.15, 0.12, 0.85),
    Zone("household", "aisle", 0.15, 0.33, 0.12, 0.85),
    Zone("drinks", "aisle", 0.33, 0.54, 0.12, 0.85),
    Zone("pantry", "aisle", 0.54, 0.75, 0.12, 0.85),
    Zone("checkout", "checkout", 0.0, 0.75, 0.0, 0.12),
)
ZONE_NAMES = tuple(zone.name for zone in ZONES)

# Where a department's goods stand; the others (fuel, coupons, services) are paid at the checkout.
DEPARTMENT_ZONES = {
    "PRODUCE": "produce",
    "SALAD BAR": "produce",
    "FLORAL": "produce",
    "GARDEN CENTER": "produce",
    "PASTRY": "bakery",
    "DELI": "bakery",
    "CHEF SHOPPE": "bakery",
    "RESTAURANT": "bakery",
    "MEAT": "chilled",
    "MEAT-PCKGD": "chilled",
    "SEAFOOD": "chilled",
    "SEAFOOD-PCKGD": "chilled",
    "FROZEN GROCERY": "chilled",
    "COSMETICS": "beauty",
    "NUTRITION": "beauty",
    "DRUG GM": "household",
    "TOYS": "household",
    "HOUSEWARES": "household",
    "SPIRITS": "drinks",
    "GROCERY": "pantry",
}

# The grocery department fills three zones: its categories by the words in their names.
GROCERY_ZONES = {
    "chilled": ("MILK", "CHEESE", "YOGURT", "EGGS", "FRZN", "FROZEN", "REFRG", "ICE CREAM"),
    "drinks": ("DRINK", "BEER", "WINE", "WATER", "JUICE", "SNACK", "CANDY", "COFFEE", "COOKIE"),
    "household": ("PAPER", "SOAP", "CLEAN", "LAUNDRY", "DOG", "CAT ", "PET", "AIR CARE", "TISSUE"),
}


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


def zone_id(shop_id: str, name: str) -> str:
    """The id of a zone, unique in the lake."""
    return f"{shop_id}-{name}"


def till(shop_id: str, number: int) -> str:
    """The id of a till, unique in the lake."""
    return f"{shop_id}-till-{number}"


def all_tills() -> list[tuple[str, int]]:
    """Shop and number of each till."""
    return [(shop_id, number) for shop_id in SHOP_IDS for number in range(1, TILLS + 1)]


def app_gateway(shop_id: str) -> str:
    """The id of what passes on what the shoppers' apps heard."""
    return f"{shop_id}-app"


def beacon(shop_id: str, zone: str) -> str:
    """The id of the beacon that was first put up in a zone; it keeps it when it is moved."""
    return f"{shop_id}-beacon-{zone}"


def corners(shop: Shop, zone: Zone) -> list[list[float]]:
    """The corners of a zone in metres on the floor plan, anticlockwise."""
    left, right = round(zone.left * shop.width_m, 1), round(zone.right * shop.width_m, 1)
    near, far = round(zone.near * shop.depth_m, 1), round(zone.far * shop.depth_m, 1)
    return [[left, near], [right, near], [right, far], [left, far]]


def centre(shop: Shop, zone: Zone) -> tuple[float, float]:
    """The middle of a zone: its beacon hangs there."""
    x_m, y_m = (zone.left + zone.right) / 2, (zone.near + zone.far) / 2
    return round(x_m * shop.width_m, 2), round(y_m * shop.depth_m, 2)


def fridges() -> list[Device]:
    """The fridge thermometers: by turns in Celsius and Fahrenheit, one value every 5 minutes."""
    [chilled] = [zone for zone in ZONES if zone.kind == "chilled"]
    found = []
    for shop in SHOPS:
        (left, _), (right, _), (_, far), _ = corners(shop, chilled)
        for number in range(1, FRIDGES + 1):
            found.append(
                Device(
                    f"{shop.shop_id}-fridge-{number}",
                    shop.shop_id,
                    chilled.name,
                    "fridge_thermometer",
                    round(left + (right - left) * number / (FRIDGES + 1), 2),
                    far,
                    native_unit="C" if number % 2 else "F",
                    interval_s=300,
                    protocol="Zigbee",
                    gateway=f"{shop.shop_id}-sensors",
                )
            )
    return found


def devices() -> list[Device]:
    """All devices as they stand on the first day."""
    found = fridges()
    for shop in SHOPS:
        key = shop.shop_id
        for zone in ZONES:
            x_m, y_m = centre(shop, zone)
            app = app_gateway(key)
            found.append(
                # One advertisement a second; a phone reports few of them.
                Device(
                    beacon(key, zone.name),
                    key,
                    zone.name,
                    "beacon",
                    x_m,
                    y_m,
                    None,
                    1,
                    protocol="BLE",
                    gateway=app,
                )
            )
        x_m, y_m = centre(shop, ZONES[0])
        found.append(Device(app_gateway(key), key, "entrance", "app_gateway", x_m, y_m))
        found.append(Device(f"{key}-sensors", key, "entrance", "gateway", x_m, y_m))
        (left, near), (right, _), *_ = corners(shop, ZONES[-1])
        for number in range(1, TILLS + 1):
            place = round(left + (right - left) * number / (TILLS + 1), 2)
            found.append(Device(till(key, number), key, "checkout", "till", place, near + 2))
    return found
