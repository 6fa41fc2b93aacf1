"""gold of the shelves' days: where a product is, and what does not add up about it."""

from lakehouse.tables.schema import BUILD, Column, Table

_SHOP = Column("shop_id", "string", "the shop", is_never_null=True)
_DAY = Column("day_on", "date", "UTC day", is_never_null=True)
_PRODUCT = Column("product_id", "string", "the product", is_never_null=True)

_DAY_OF_SALE = ("shop_id", "to_date(paid_at)")
_DAY_OF_DELIVERY = ("shop_id", "to_date(delivered_at)")

TABLES = (
    Table(
        name="gold.product_places",
        grain="one product in one shop and day (UTC) on which its shelves were heard",
        key=("shop_id", "day_on", "product_id"),
        columns=(
            _SHOP,
            _DAY,
            _PRODUCT,
            Column(
                "planned_device_id",
                "string",
                "the antenna or scale whose label names it, of several the first; null where none",
            ),
            Column("planned_shelf_id", "string", "where the planogram says"),
            Column("planned_zone_id", "string", "the zone of planned_device_id"),
            Column(
                "device_id", "string", "where the evidence says: most of its tags, or its weight"
            ),
            Column("shelf_id", "string", "the shelf there; null where no label names a product"),
            Column("zone_id", "string", "the zone there"),
            Column("seen_by", "string", "tags or weight; null without evidence"),
            Column("tags", "bigint", "its tags that were read twice or more", is_never_null=True),
            Column("tags_there", "bigint", "of them those at device_id", is_never_null=True),
            Column(
                "confidence",
                "double",
                "0 to 1: the lower bound of the 95 % interval (Wilson 1927) of tags_there of tags; "
                "by weight, units that went from the scale over units sold, or the inverse",
            ),
            Column(
                "is_elsewhere", "boolean", "the evidence says another shelf than the planogram does"
            ),
            Column(
                "misplaced_epcs",
                "array<string>",
                "tags that stood at a device whose label does not name it; silver.tag_stays says "
                "where and when",
                is_never_null=True,
            ),
            Column(
                "misplaced_detections",
                "bigint",
                "times that a camera saw something misplaced in planned_zone_id, more likely than "
                "not: it does not say of which product",
                is_never_null=True,
            ),
            BUILD,
        ),
        upstream=(
            "silver.tag_stays",
            "gold.shelf_stock",
            "silver.deliveries",
            "silver.sales",
            "silver.detections",
        ),
        windows={
            "silver.tag_stays": ("shop_id", "day_on"),
            "gold.shelf_stock": ("shop_id", "day_on"),
            "silver.deliveries": _DAY_OF_DELIVERY,
            "silver.sales": _DAY_OF_SALE,
            "silver.detections": ("shop_id", "to_date(detected_at)"),
        },
    ),
    Table(
        name="gold.reconciliation",
        grain="one product in one shop and day (UTC) on which its shelf or its label was heard",
        key=("shop_id", "day_on", "product_id"),
        columns=(
            _SHOP,
            _DAY,
            _PRODUCT,
            Column("opening_units", "bigint", "on the shelves, at the end of the first hour heard"),
            Column("closing_units", "bigint", "on the shelves, at the end of the last hour heard"),
            Column("arrived_units", "bigint", "that came, by tags or weight, after that hour"),
            Column("departed_units", "bigint", "that went, by tags or weight, after that hour"),
            Column(
                "unsure_units",
                "bigint",
                "units by which what arrived and departed may be off: what the opening and the "
                "closing count may be off by, together",
            ),
            Column("sold_units", "bigint", "by the tills, in the same hours", False, True),
            Column("returned_units", "bigint", "brought back, by the tills", is_never_null=True),
            Column("noted_units", "bigint", "by delivery notes, in the same hours", False, True),
            Column(
                "untagged_units",
                "bigint",
                "units on notes that name tags, without one: they did not come",
                is_never_null=True,
            ),
            Column("unpaid_units", "bigint", "departed_units - sold_units"),
            Column("unnoted_units", "bigint", "arrived_units - noted_units"),
            Column("label_hours", "bigint", "hours of its labels", is_never_null=True),
            Column(
                "wrong_label_hours",
                "bigint",
                "of them those in which the label showed another price than was due",
                is_never_null=True,
            ),
            Column(
                "till_difference_cents",
                "bigint",
                "cents the tills took beyond what was due",
                is_never_null=True,
            ),
            Column(
                "findings",
                "array<string>",
                "shrinkage_suspected (unpaid_units beyond unsure_units by more than 2 and a tenth of "
                "sold_units), sold_not_departed (the inverse), delivery_short (unnoted_units "
                "likewise below 0, or untagged_units), delivery_not_noted (the inverse), "
                "label_differs, till_differs",
                is_never_null=True,
            ),
            BUILD,
        ),
        upstream=("gold.shelf_stock", "gold.price_checks", "silver.sales", "silver.deliveries"),
        windows={
            "gold.shelf_stock": ("shop_id", "day_on"),
            "gold.price_checks": ("shop_id", "day_on"),
            "silver.sales": _DAY_OF_SALE,
            "silver.deliveries": _DAY_OF_DELIVERY,
        },
    ),
)
