"""The feeds: what a message of each kind carries. Plain data; importing it loads nothing else.

Payload fields are declared as text or as arrays of structs of text, because a cell that cannot be
read must become a value that a rule can judge, never an error in the parser. `lakehouse/silver`
types them.
"""

from dataclasses import dataclass
from datetime import timedelta

from lakehouse.errors import UnknownName

ENVELOPE = (
    "event_id",
    "feed",
    "schema_version",
    "device_id",
    "shop_id",
    "subject",
    "emitted_at",
    "payload",
)

# A message may be stamped this far after its arrival (clocks differ by minutes, not hours) or
# before it (a phone found in a drawer sends last year's; a device without a clock says 1970).
FUTURE_TOLERANCE = timedelta(minutes=5)
OLDEST = timedelta(days=400)

# Keys under which a payload would name a person: refused at ingest, at any depth.
FORBIDDEN_KEYS = (
    "name",
    "first_name",
    "last_name",
    "full_name",
    "customer_name",
    "email",
    "e_mail",
    "phone",
    "telephone",
    "mobile",
    "address",
    "street",
    "birth_date",
    "date_of_birth",
    "customer_id",
    "household_id",
    "subject",
    "card_number",
    "iban",
)


@dataclass(frozen=True)
class Feed:
    """One kind of message.

    payload      the declared fields, Spark DDL; others stay in bronze until they are declared
    is_personal  every message of it is about a person, with or without a subject
    is_machine   sent by a device: free text in its payload is refused
    versions     the schema versions that can be read
    """

    name: str
    means: str
    payload: str
    is_personal: bool = False
    is_machine: bool = True
    versions: tuple[int, ...] = (1,)


_SNAPSHOT = "snapshot_id string, row_count string, effective_at string"


def _reference(name: str, means: str, payload: str, *, is_personal: bool = False) -> Feed:
    return Feed(name, means, f"{_SNAPSHOT}, {payload}", is_personal=is_personal, is_machine=False)


FEEDS = (
    Feed(
        "readings",
        "one measurement of a fixed sensor, or of a person's own device (then with a subject)",
        "metric string, value string, unit string",
    ),
    Feed(
        "beacon_sightings",
        "one Bluetooth advertisement: a fixed beacon heard by the shopper's app, "
        "or a carried tag heard by a fixed anchor",
        "heard_by string, beacon_id string, rssi_dbm string, tx_power_dbm string",
        is_personal=True,
    ),
    Feed(
        "rfid_reads",
        "one tag read by a shelf antenna",
        "epc string, antenna string, rssi_dbm string",
    ),
    Feed(
        "positions",
        "one fix of a phone",
        "latitude string, longitude string, accuracy_m string, provider string",
        is_personal=True,
    ),
    Feed(
        "footfall",
        "one interval of a door or zone counter",
        "entries string, exits string, interval_s string",
    ),
    Feed(
        "detections",
        "one inference of an edge camera; never a picture",
        "zone_id string, label string, count string, confidence string, model string, "
        "model_version string",
    ),
    Feed(
        "shelf_labels",
        "a price, promotion or stock level shown, or acknowledged",
        "product_id string, price_cents string, promotion_id string, stock_shown string, "
        "valid_from string, acknowledged string",
    ),
    Feed(
        "sales",
        "one till receipt",
        "basket_id string, till_id string, paid_at string, lines array<struct<"
        "product_id: string, quantity: string, amount_cents: string, discount_cents: string>>",
        is_personal=True,
    ),
    Feed(
        "deliveries",
        "goods received",
        "product_id string, quantity string, delivered_at string, epcs array<string>",
    ),
    Feed(
        "app_events",
        "one thing a shopper did in the app",
        "kind string, product_id string, offer_id string, variant string",
        is_personal=True,
    ),
    Feed(
        "telematics",
        "one report of a delivery van: where it is, how warm its cargo is, whether its door is open",
        "latitude string, longitude string, cargo_temperature string, unit string, "
        "door_open string",
    ),
    _reference(
        "shops",
        "the shops of the chain",
        "shop_id string, time_zone string, currency string, latitude string, longitude string, "
        "floor_plan string, geofence string",
    ),
    _reference(
        "zones",
        "the zones of the shops; polygon in metres on the floor plan",
        "zone_id string, shop_id string, kind string, polygon array<array<string>>",
    ),
    _reference(
        "devices",
        "fixed sensors and gateways and where they are",
        "device_id string, shop_id string, zone_id string, kind string, x_m string, y_m string, "
        "native_unit string, interval_s string, vendor string, firmware string, protocol string, "
        "gateway string",
    ),
    _reference(
        "calibrations",
        "what a device's raw value must be multiplied with and shifted by, from a date on",
        "device_id string, scale string, offset string, valid_from string",
    ),
    _reference(
        "products",
        "the range of goods",
        "product_id string, department string, category string, product_type string, "
        "brand string, list_price_cents string, unit_weight_g string",
    ),
    _reference(
        "planogram",
        "which product belongs on which shelf",
        "product_id string, shelf_id string, facings string",
    ),
    _reference(
        "promotions",
        "prices for a time",
        "promotion_id string, product_id string, price_cents string, priority string, "
        "starts_at string, ends_at string",
    ),
    _reference(
        "customers",
        "what the CRM holds of a subject, without a name",
        "consents array<string>, contact_preference string, age_band string, household_size string",
        is_personal=True,
    ),
    _reference(
        "weather",
        "the weather outside a shop in an hour",
        "shop_id string, hour_at string, temperature_c string, precipitation_mm string",
    ),
)


def by_name(name: str) -> Feed:
    """The feed called `name`; UnknownName lists those there are."""
    for feed in FEEDS:
        if feed.name == name:
            return feed
    raise UnknownName("feed", name, (feed.name for feed in FEEDS))
