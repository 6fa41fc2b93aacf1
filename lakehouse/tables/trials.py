"""gold, what experiments are judged by."""

from lakehouse.tables.schema import BUILD, Column, Table

TABLES = (
    Table(
        name="gold.exposures",
        grain="one offer shown to one customer once",
        key=("subject", "exposure_id"),
        columns=(
            Column("subject", "string", "pseudonym", is_never_null=True),
            Column("exposure_id", "string", "event_id of the showing", is_never_null=True),
            Column("shown_at", "timestamp", "UTC; by the phone's clock", is_never_null=True),
            Column("shop_id", "string", "the shop whose gateway passed it on"),
            Column("offer_id", "string", "the offer"),
            Column("variant", "string", "which form of the offer"),
            Column(
                "nth",
                "int",
                "from 1: the customer's showings of the offer in any form, in order of time; who "
                "wants each customer once takes the first",
                is_never_null=True,
            ),
            Column(
                "used_at",
                "timestamp",
                "UTC; the first use of the offer in this form after it and before the customer was "
                "shown it in this form again; null where none is known",
            ),
            Column("is_used", "boolean", "whether there is such a use", is_never_null=True),
            BUILD,
        ),
        upstream=("silver.app_events", "silver.customers"),
        windows={"silver.app_events": ("subject",), "silver.customers": ("subject",)},
        subjects=("subject",),
        consent="analytics",
    ),
)
