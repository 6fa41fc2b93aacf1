"""gold of visits: where customers were, and which way they went."""

from datetime import timedelta

from lakehouse.tables.schema import BUILD, Column, Table

TABLES = (
    Table(
        name="gold.visits",
        grain="one stay of one customer in one zone, as far as beacons or anchors heard them",
        key=("day_on", "subject", "entered_at"),
        columns=(
            Column("day_on", "date", "UTC day on which they came", is_never_null=True),
            Column("subject", "string", "pseudonym of who has the app or a tag", False, True),
            Column("entered_at", "timestamp", "UTC; first instant in it", is_never_null=True),
            Column("shop_id", "string", "the shop", is_never_null=True),
            Column("zone_id", "string", "the zone", is_never_null=True),
            Column("left_at", "timestamp", "UTC; last instant in it", is_never_null=True),
            Column("dwell_s", "bigint", "seconds between them", is_never_null=True),
            Column(
                "located_by",
                "array<string>",
                "what was heard while they were in the shop: app (beacons, by their phone), anchor "
                "(their tag), fix (what the phone said where it is)",
                is_never_null=True,
            ),
            Column(
                "error_m",
                "double",
                "metres, to 1 place: so near they were nine in ten times, by the model's own word; "
                "mean over the stay",
                is_never_null=True,
            ),
            BUILD,
        ),
        upstream=(
            "silver.sightings",
            "silver.positions",
            "silver.shops",
            "silver.zones",
            "silver.devices",
            "silver.customers",
            "silver.app_events",
        ),
        windows={
            "silver.sightings": ("to_date(heard_at)",),
            "silver.positions": ("to_date(located_at)",),
        },
        by_subject={
            "silver.customers": "subject",
            "silver.app_events": "CASE WHEN kind LIKE 'consent%' THEN subject END",
        },
        happened="entered_at",
        # Nobody is in a shop for longer than 12 hours; who is not heard for ten minutes had gone.
        reach=timedelta(hours=13),
        subjects=("subject",),
        consent="analytics",
    ),
    Table(
        name="gold.paths",
        grain="one way from one zone to another, of one shop and day (UTC), that somebody went",
        key=("shop_id", "day_on", "from_zone_id", "to_zone_id"),
        columns=(
            Column("shop_id", "string", "the shop", is_never_null=True),
            Column("day_on", "date", "UTC day on which they came", is_never_null=True),
            Column("from_zone_id", "string", "a zone; outside: they came in", is_never_null=True),
            Column("to_zone_id", "string", "a zone; outside: they left", is_never_null=True),
            Column("moves", "bigint", "times that somebody went so", is_never_null=True),
            Column("visitors", "bigint", "different customers who did", is_never_null=True),
            Column(
                "stayed_mean_s",
                "double",
                "seconds in from_zone_id before, mean, to 1 place; null from outside",
            ),
            Column(
                "without_receipt",
                "bigint",
                "of those who left: without a receipt with their card since they came, or within "
                "ten minutes after; null of other ways",
            ),
            BUILD,
        ),
        upstream=("gold.visits", "silver.sales"),
        windows={
            "gold.visits": ("shop_id", "day_on"),
            "silver.sales": ("shop_id", "to_date(paid_at)"),
        },
        # A receipt may be of who came the day before.
        reach=timedelta(hours=13),
    ),
    Table(
        name="gold.geofence_crossings",
        grain="one crossing of a shop's geofence by one customer, as one way of fencing saw it",
        key=("day_on", "subject", "shop_id", "fenced_by", "known_at", "kind"),
        columns=(
            Column("day_on", "date", "UTC day on which they came", is_never_null=True),
            Column("subject", "string", "pseudonym of who has the app", False, True),
            Column("shop_id", "string", "the shop", is_never_null=True),
            Column(
                "fenced_by",
                "string",
                "app (GPS, Bluetooth), network (cell, Wi-Fi) or hybrid (all of them)",
                is_never_null=True,
            ),
            Column(
                "known_at",
                "timestamp",
                "UTC; the fix that made it sure, or ten minutes after the last one",
                is_never_null=True,
            ),
            Column("kind", "string", "enter or leave", is_never_null=True),
            Column("crossed_at", "timestamp", "UTC; when, by all until then", is_never_null=True),
            Column(
                "fixes",
                "bigint",
                "of that way, in the whole presence: what it cost the phone",
                is_never_null=True,
            ),
            BUILD,
        ),
        upstream=("silver.positions", "silver.shops", "silver.customers", "silver.app_events"),
        windows={"silver.positions": ("to_date(located_at)",)},
        by_subject={
            "silver.customers": "subject",
            "silver.app_events": "CASE WHEN kind LIKE 'consent%' THEN subject END",
        },
        happened="crossed_at",
        # A phone that is heard for more than 12 hours lies there.
        reach=timedelta(hours=13),
        subjects=("subject",),
        consent="analytics",
    ),
)
