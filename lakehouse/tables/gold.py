"""gold: what analysts query and models learn from. What a metric means is said here, once."""

from datetime import timedelta

from lakehouse.tables.schema import BUILD, Column, Table

_HOUR_OF_SALE = ("shop_id", "date_trunc('HOUR', paid_at)")
_HOUR_OF_READING = ("shop_id", "date_trunc('HOUR', measured_at)")
_HOUR_OF_COUNT = ("shop_id", "date_trunc('HOUR', began_at)")
_BASKET = ("shop_id", "basket_id")

_BASKETS = Column("baskets", "bigint", "receipts with at least one line", is_never_null=True)
_NET = Column(
    "net_revenue_cents",
    "bigint",
    "cents the shop receives: sum of silver.sales.amount_cents, returns included as they are",
    is_never_null=True,
)
_BUSINESS_DAY = Column("business_on", "date", "business day: in the shop's time zone")

TABLES = (
    Table(
        name="gold.products",
        grain="one product as it is now",
        key=("product_id",),
        columns=(
            Column("product_id", "string", "unique in the lake", is_never_null=True),
            Column("department", "string", "the coarsest level"),
            Column("category", "string", "within the department"),
            Column("product_type", "string", "within the category"),
            Column("brand", "string", "National or Private"),
            Column("list_price_cents", "bigint", "cents, before discounts; null where unknown"),
            Column("unit_weight_g", "double", "grams; null where not sold by weight"),
            BUILD,
        ),
        upstream=("silver.products",),
        windows={"silver.products": ("product_id",)},
    ),
    Table(
        name="gold.shops",
        grain="one shop as it is now",
        key=("shop_id",),
        columns=(
            Column("shop_id", "string", "unique in the lake", is_never_null=True),
            Column("time_zone", "string", "IANA name: the shop's business days are in it"),
            Column("currency", "string", "ISO 4217"),
            Column("latitude", "double", "degrees, WGS84"),
            Column("longitude", "double", "degrees, WGS84"),
            Column("zones", "bigint", "zones on its floor plan now"),
            Column("devices", "bigint", "fixed sensors and gateways now"),
            BUILD,
        ),
        upstream=("silver.shops", "silver.zones", "silver.devices"),
    ),
    Table(
        name="gold.calendar",
        grain="one business day of one shop, from the first sale of the chain to the last",
        key=("shop_id", "business_on"),
        columns=(
            Column("shop_id", "string", "the shop", is_never_null=True),
            Column("business_on", "date", "business day: in the shop's time zone", False, True),
            Column("starts_at", "timestamp", "UTC; local midnight"),
            Column("ends_at", "timestamp", "UTC; the next local midnight"),
            Column("hours", "int", "23, 24 or 25: the clock changes twice a year"),
            Column("weekday", "int", "ISO 8601: 1 is Monday, 7 is Sunday"),
            Column("iso_week", "int", "ISO 8601 week of the year"),
            Column("month_on", "date", "first day of its month"),
            Column("is_weekend", "boolean", "Saturday or Sunday"),
            BUILD,
        ),
        upstream=("silver.shops", "silver.sales"),
    ),
    Table(
        name="gold.shop_hours",
        grain="one hour of one shop in which something was sold, measured or counted",
        key=("shop_id", "hour_at"),
        columns=(
            Column("shop_id", "string", "the shop", is_never_null=True),
            Column("hour_at", "timestamp", "UTC; start of the hour", is_never_null=True),
            _BUSINESS_DAY,
            _BASKETS,
            Column("items", "bigint", "receipt lines", is_never_null=True),
            _NET,
            Column("discount_cents", "bigint", "cents the shop took off", is_never_null=True),
            Column(
                "temperature_readings",
                "bigint",
                "readings of fridge thermometers",
                is_never_null=True,
            ),
            Column(
                "out_of_temperature_s",
                "bigint",
                "fridge-seconds above 5 °C: readings above it × the device's interval "
                "(US FDA Food Code 2022, 3-501.16(A)(2): 41 °F)",
                is_never_null=True,
            ),
            Column(
                "visitors",
                "bigint",
                "persons who came in, as the door counters saw them, who miss some; "
                "null where none counted",
            ),
            Column("conversion", "double", "baskets a visitor; null without visitors"),
            BUILD,
        ),
        upstream=(
            "silver.sales",
            "silver.readings",
            "silver.footfall",
            "silver.devices",
            "silver.shops",
        ),
        windows={
            "silver.sales": _HOUR_OF_SALE,
            "silver.readings": _HOUR_OF_READING,
            "silver.footfall": _HOUR_OF_COUNT,
        },
    ),
    Table(
        name="gold.baskets",
        grain="one receipt",
        key=_BASKET,
        columns=(
            Column("shop_id", "string", "where it was sold", is_never_null=True),
            Column("basket_id", "string", "the receipt, unique in its shop", is_never_null=True),
            Column("subject", "string", "pseudonym; null without a card"),
            Column("paid_at", "timestamp", "UTC", is_never_null=True),
            Column("hour_at", "timestamp", "UTC; start of the hour", is_never_null=True),
            _BUSINESS_DAY,
            Column("product_ids", "array<string>", "each product once, in order of its id"),
            Column("items", "bigint", "receipt lines", is_never_null=True),
            _NET,
            Column("discount_cents", "bigint", "cents the shop took off", is_never_null=True),
            BUILD,
        ),
        upstream=("silver.sales", "silver.shops"),
        windows={"silver.sales": _BASKET},
        subjects=("subject",),
        consent="analytics",
    ),
    Table(
        name="gold.ratings",
        grain="one subject and one product bought",
        key=("subject", "product_id"),
        columns=(
            Column("subject", "string", "pseudonym", is_never_null=True),
            Column("product_id", "string", "the product", is_never_null=True),
            Column("baskets", "bigint", "receipts with it", is_never_null=True),
            Column("quantity", "bigint", "units; millilitres of fuel", is_never_null=True),
            _NET,
            Column("first_bought_at", "timestamp", "UTC", is_never_null=True),
            Column("last_bought_at", "timestamp", "UTC", is_never_null=True),
            BUILD,
        ),
        upstream=("silver.sales",),
        windows={"silver.sales": ("subject",)},
        subjects=("subject",),
        consent="personalisation",
    ),
    Table(
        name="gold.customer_features",
        grain="one subject as known at the start of a day (the first of a month)",
        key=("subject", "as_of_on"),
        columns=(
            Column("subject", "string", "pseudonym", is_never_null=True),
            Column(
                "as_of_on", "date", "only what was paid before this UTC day counts", False, True
            ),
            Column("recency_d", "int", "days since the last purchase", is_never_null=True),
            Column("baskets", "bigint", "receipts so far", is_never_null=True),
            Column("items", "bigint", "receipt lines so far", is_never_null=True),
            _NET,
            Column("discount_cents", "bigint", "cents taken off so far", is_never_null=True),
            Column("discounted_items", "bigint", "lines with a discount", is_never_null=True),
            Column("weekend_items", "bigint", "lines on Saturday or Sunday, UTC", False, True),
            Column("evening_items", "bigint", "lines from 22:00 to 05:59 UTC", False, True),
            Column(
                "departments",
                "array<struct<department: string, net_revenue_cents: bigint>>",
                "spend by department so far, in order of its name",
            ),
            Column("first_bought_on", "date", "UTC day of the first purchase", False, True),
            BUILD,
        ),
        upstream=("silver.sales", "silver.products", "gold.calendar"),
        windows={"silver.sales": ("subject",)},
        lateness=timedelta(days=1),
        subjects=("subject",),
        consent="analytics",
    ),
    Table(
        name="gold.device_health",
        grain="one device and one UTC day on which its shop was heard",
        key=("shop_id", "day_on", "device_id"),
        columns=(
            Column("shop_id", "string", "the shop it stood in"),
            Column("day_on", "date", "UTC day", is_never_null=True),
            Column("device_id", "string", "the device", is_never_null=True),
            Column("kind", "string", "as in silver.devices"),
            Column("zone_id", "string", "the zone it stands in"),
            Column(
                "readings_expected",
                "bigint",
                "seconds of the day in which its shop was heard and the device known ÷ its "
                "interval; null where irregular",
            ),
            Column("readings_seen", "bigint", "instants at which it measured", is_never_null=True),
            Column("seen_share", "double", "seen ÷ expected, 1 at most"),
            Column(
                "faults_s",
                "array<struct<fault: string, seconds: bigint>>",
                "how long each fault of silver.device_faults lasted on the day, in order of its "
                "name; null without one",
            ),
            Column("faulty_s", "bigint", "seconds in which it had any fault", is_never_null=True),
            Column("battery_percent", "double", "%, the last of the day; null where none was sent"),
            Column("last_seen_at", "timestamp", "UTC; by its own clock; null where silent"),
            Column(
                "health",
                "double",
                "0 to 1: seen_share (1 where irregular) × (1 - faulty_s ÷ seconds of the day in "
                "which its shop was heard)",
            ),
            BUILD,
        ),
        upstream=("silver.readings", "silver.devices", "silver.device_faults"),
        windows={
            "silver.readings": ("shop_id", "to_date(measured_at)"),
            "silver.device_faults": ("shop_id", "day_on"),
        },
    ),
    Table(
        name="gold.data_quality",
        grain="one dimension of the quality of one table on one day of arrivals",
        key=("table_name", "arrived_on", "dimension"),
        columns=(
            Column("table_name", "string", "the table", is_never_null=True),
            Column(
                "arrived_on",
                "date",
                "UTC day of the newest arrival that the judged versions know of",
                is_never_null=True,
            ),
            Column(
                "dimension",
                "string",
                "accuracy: values are possible, distributed as before, and few are set aside; "
                "completeness: nothing is missing; consistency: what belongs together agrees; "
                "timeliness: messages are not late, feeds not silent; relevance: messages say what "
                "was not said before; integrity: keys are unique, what is named is known, the sums "
                "are the ledger's; volume: there is as much as usual",
                is_never_null=True,
            ),
            Column("score", "double", "0 to 1: numerator / denominator, rounded to 6 places"),
            Column(
                "numerator",
                "bigint",
                "pairs of a rule of the dimension and a message of the day that held: of a row rule "
                "and of a count of the ledger, the messages that do not break it; of a rule of the "
                "gate all messages of the day or none, by its last verdict of the day",
                is_never_null=True,
            ),
            Column(
                "denominator",
                "bigint",
                "all such pairs; on a day without messages a rule of the gate is one pair",
                is_never_null=True,
            ),
            Column(
                "worst_rule",
                "string",
                "the rule with the lowest share that held; null where all held",
            ),
            BUILD,
        ),
        upstream=("ops.quality_results",),
        windows={"ops.quality_results": ("table_name", "to_date(arrived_at)")},
    ),
)
