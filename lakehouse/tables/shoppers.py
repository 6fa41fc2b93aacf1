"""silver, what shoppers do and what they see: their phones, the app, the shelf labels."""

from datetime import timedelta

from lakehouse.tables.schema import LATE, Column, Table, refined_columns

_YEARS = timedelta(days=730)
_PASSED_ON = Column(
    "shop_id", "string", "the shop whose gateway passed it on; the phone may be elsewhere"
)

TABLES = (
    Table(
        name="silver.positions",
        grain="one fix of one phone",
        key=("event_id",),
        columns=(
            _PASSED_ON,
            Column("located_at", "timestamp", "UTC; by the phone's clock", is_never_null=True),
            Column("event_id", "string", "the sender's id of the message", is_never_null=True),
            Column("subject", "string", "pseudonym of who carries the phone", is_never_null=True),
            Column("latitude", "double", "degrees, WGS84", is_never_null=True),
            Column("longitude", "double", "degrees, WGS84", is_never_null=True),
            Column(
                "accuracy_m",
                "double",
                "metres: by its own word the phone is so near with a chance of 68 %",
                is_never_null=True,
            ),
            Column("provider", "string", "gps, wifi, bluetooth or cell", is_never_null=True),
            LATE,
            *refined_columns(),
        ),
        upstream=("bronze.events", "silver.shops"),
        feed="positions",
        is_hot=True,
        refers={"silver.shops": "shop_id"},
        repeats=("event_id",),
        happened="located_at",
        lateness=timedelta(hours=2),
        retention=_YEARS,
        clustered=("shop_id", "located_at"),
        subjects=("subject",),
    ),
    Table(
        name="silver.app_events",
        grain="one thing a shopper did in the app",
        key=("event_id",),
        columns=(
            _PASSED_ON,
            Column("happened_at", "timestamp", "UTC; by the phone's clock", is_never_null=True),
            Column("event_id", "string", "the sender's id of the message", is_never_null=True),
            Column("subject", "string", "pseudonym of whose app it is", is_never_null=True),
            Column(
                "kind",
                "string",
                "scan, view, list_add; offer_shown, offer_used; consent_given, consent_withdrawn",
                is_never_null=True,
            ),
            Column("product_id", "string", "what was scanned, viewed or put on the list"),
            Column("offer_id", "string", "the offer that was shown or used"),
            Column("variant", "string", "which form of the offer"),
            LATE,
            *refined_columns(),
        ),
        upstream=("bronze.events",),
        feed="app_events",
        repeats=("event_id",),
        happened="happened_at",
        lateness=timedelta(hours=26),  # a phone without a network sends the next day
        retention=_YEARS,
        clustered=("shop_id", "happened_at"),
        subjects=("subject",),
    ),
    Table(
        name="silver.prices",
        grain="one price sent to a shelf label, or acknowledged by it",
        key=("event_id",),
        columns=(
            Column("shop_id", "string", "the shop of the label", is_never_null=True),
            Column("sent_at", "timestamp", "UTC; to the label, or by it", is_never_null=True),
            Column("event_id", "string", "the sender's id of the message", is_never_null=True),
            Column("device_id", "string", "the label", is_never_null=True),
            Column("product_id", "string", "the product under it", is_never_null=True),
            Column("price_cents", "bigint", "cents a unit", is_never_null=True),
            Column("promotion_id", "string", "whose price it is; null where it is the list price"),
            Column("stock_shown", "int", "units; null where none are shown"),
            Column(
                "valid_from",
                "timestamp",
                "UTC; the price holds from, as the label was told",
                is_never_null=True,
            ),
            Column(
                "is_acknowledged",
                "boolean",
                "the label says that it shows it; false where it was only sent",
                is_never_null=True,
            ),
            LATE,
            *refined_columns(),
        ),
        upstream=("bronze.events",),
        feed="shelf_labels",
        repeats=("event_id",),
        happened="sent_at",
        lateness=timedelta(hours=8),
        retention=_YEARS,
        clustered=("shop_id", "sent_at"),
    ),
)
