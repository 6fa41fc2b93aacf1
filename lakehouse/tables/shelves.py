"""gold of the shelves by the hour: what stands there and what it costs."""

from datetime import timedelta

from lakehouse.tables.schema import BUILD, Column, Table

_SHOP = Column("shop_id", "string", "the shop", is_never_null=True)
_DAY = Column("day_on", "date", "UTC day", is_never_null=True)
_PRODUCT = Column("product_id", "string", "the product", is_never_null=True)
_HOUR = Column("hour_at", "timestamp", "UTC; start of the hour", is_never_null=True)

_DAY_OF_SALE = ("shop_id", "to_date(paid_at)")
_DAY_OF_LABEL = ("shop_id", "to_date(sent_at)")
_DAY_OF_DELIVERY = ("shop_id", "to_date(delivered_at)")

TABLES = (
    Table(
        name="gold.price_checks",
        grain="one product with a label in one shop and hour",
        key=("shop_id", "day_on", "product_id", "device_id", "hour_at"),
        columns=(
            _SHOP,
            _DAY,
            _PRODUCT,
            Column("device_id", "string", "the label", is_never_null=True),
            _HOUR,
            Column("list_price_cents", "bigint", "cents, at the end of the hour"),
            Column(
                "due_price_cents",
                "bigint",
                "cents that a unit ought to cost at the end of the hour: the promotion's, else the "
                "list price",
            ),
            Column("due_promotion_id", "string", "null where the list price is due"),
            Column("label_price_cents", "bigint", "cents the label was last told", False, True),
            Column("label_promotion_id", "string", "whose price it was told"),
            Column("told_at", "timestamp", "UTC; first told so, of what the day before knew"),
            Column(
                "acknowledged_at",
                "timestamp",
                "UTC; the label first said that it shows it; null where it did not by then: it may "
                "show the price before",
            ),
            Column("heard_at", "timestamp", "UTC; the last message to the label or by it"),
            Column(
                "wrong_messages",
                "bigint",
                "messages of the hour to the label or by it that say another price than was due just "
                "then, be it put right or not",
                is_never_null=True,
            ),
            Column("sold_units", "bigint", "units sold in the hour, without returns", False, True),
            Column("sold_cents", "bigint", "cents the tills took for them", is_never_null=True),
            Column(
                "till_difference_cents",
                "bigint",
                "sold_cents - sold_units × due_price_cents; null where nothing was sold",
            ),
            Column(
                "findings",
                "array<string>",
                "label_differs (at the end, or wrong_messages), label_unacknowledged (for 5 minutes), "
                "label_silent (for 12 hours), "
                "promotion_not_started (due, but the label does not surely show it), till_differs",
            ),
            BUILD,
        ),
        upstream=("silver.prices", "silver.sales", "silver.promotions", "silver.products"),
        windows={"silver.prices": _DAY_OF_LABEL, "silver.sales": _DAY_OF_SALE},
        reach=timedelta(days=1),
    ),
    Table(
        name="gold.shelf_stock",
        grain="one product at one antenna or scale in one hour in which its shop was heard",
        key=("shop_id", "day_on", "product_id", "device_id", "hour_at"),
        columns=(
            _SHOP,
            _DAY,
            _PRODUCT,
            Column("device_id", "string", "the antenna or scale", is_never_null=True),
            _HOUR,
            Column("shelf_id", "string", "by the planogram; null where it is not in it"),
            Column("zone_id", "string", "the zone the device stands in"),
            Column("counted_by", "string", "tags or weight"),
            Column("units", "int", "at the end of the hour, most likely", is_never_null=True),
            Column("units_low", "int", "at least", is_never_null=True),
            Column("units_high", "int", "at most", is_never_null=True),
            Column(
                "book_units",
                "bigint",
                "third opinion: units of the day's first hour, and since then what delivery notes "
                "say less what the tills sold",
            ),
            Column("arrived_units", "bigint", "that came in the hour", is_never_null=True),
            Column("departed_units", "bigint", "that went in the hour", is_never_null=True),
            Column(
                "out_of_stock_s",
                "bigint",
                "seconds of the hour in which nothing stood there, for half an hour at least",
                is_never_null=True,
            ),
            Column(
                "out_from_at", "timestamp", "UTC; the last such time in the hour began, or midnight"
            ),
            Column("out_to_at", "timestamp", "UTC; it ended, or midnight"),
            Column(
                "lost_units",
                "double",
                "units not sold for it: out_of_stock_s × sales an hour of the day and the day before",
            ),
            Column(
                "expected_lost_units",
                "double",
                "units that the next 4 hours will ask for in vain: the mean of a Poisson demand "
                "beyond units",
            ),
            Column("expected_lost_cents", "bigint", "cents, at the list price"),
            Column("refill_rank", "int", "1 is what to refill first in the shop", False, True),
            BUILD,
        ),
        upstream=(
            "silver.tag_stays",
            "silver.readings",
            "silver.deliveries",
            "silver.sales",
            "silver.prices",
            "silver.planogram",
            "silver.products",
            "silver.devices",
        ),
        windows={
            "silver.tag_stays": ("shop_id", "day_on"),
            "silver.readings": ("shop_id", "to_date(measured_at)"),
            "silver.deliveries": _DAY_OF_DELIVERY,
            "silver.sales": _DAY_OF_SALE,
            "silver.prices": _DAY_OF_LABEL,
        },
        reach=timedelta(days=1),
    ),
)
