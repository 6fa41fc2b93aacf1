"""gold of visits: where customers were."""

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
        # Nobody is in a shop for longer than 12 hours; who is not heard for ten minutes had gone.
        reach=timedelta(hours=13),
        subjects=("subject",),
        consent="analytics",
    ),
)
