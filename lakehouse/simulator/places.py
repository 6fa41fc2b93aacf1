"""The three shops: where they are, their zones and tills. Plain data."""

from dataclasses import dataclass

from lakehouse.simulator import purchases

SHOP_IDS = purchases.SHOPS

TILLS = 6

METRES_A_DEGREE = 111_320.0  # of latitude
GEOFENCE_M = 75.0  # from the middle of a shop to each side: the building and its car park (assumed)


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


def zone_id(shop_id: str, name: str) -> str:
    """The id of a zone, unique in the lake."""
    return f"{shop_id}-{name}"


def till(shop_id: str, number: int) -> str:
    """The id of a till, unique in the lake."""
    return f"{shop_id}-till-{number}"


def all_tills() -> list[tuple[str, int]]:
    """Shop and number of each till."""
    return [(shop_id, number) for shop_id in SHOP_IDS for number in range(1, TILLS + 1)]


def corners(shop: Shop, zone: Zone) -> list[list[float]]:
    """The corners of a zone in metres on the floor plan, anticlockwise."""
    left, right = round(zone.left * shop.width_m, 1), round(zone.right * shop.width_m, 1)
    near, far = round(zone.near * shop.depth_m, 1), round(zone.far * shop.depth_m, 1)
    return [[left, near], [right, near], [right, far], [left, far]]


def centre(shop: Shop, zone: Zone) -> tuple[float, float]:
    """The middle of a zone: its beacon hangs there."""
    x_m, y_m = (zone.left + zone.right) / 2, (zone.near + zone.far) / 2
    return round(x_m * shop.width_m, 2), round(y_m * shop.depth_m, 2)
