"""gold, experiments: who is to be shown what, who was, and what came of it."""

from lakehouse.tables.schema import BUILD, Column, Table

ASSIGNED = (
    Table(
        name="gold.assignments",
        grain="one subject and one offer of `experiments` in the settings",
        key=("subject", "offer_id"),
        columns=(
            Column("subject", "string", "pseudonym", is_never_null=True),
            Column("offer_id", "string", "the offer", is_never_null=True),
            Column("variant", "string", "the form to show to the subject", is_never_null=True),
            Column("share", "double", "of the subjects, to whom that form is to be shown"),
            Column("control", "string", "the form that the others are set beside"),
            BUILD,
        ),
        upstream=("silver.customers", "silver.app_events"),
        subjects=("subject",),
        consent="analytics",
    ),
)

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
    Table(
        name="gold.experiments",
        grain="one form of an offer beside its control",
        key=("offer_id", "variant"),
        columns=(
            Column("offer_id", "string", "the offer", is_never_null=True),
            Column("variant", "string", "the form", is_never_null=True),
            Column(
                "control",
                "string",
                "the form beside it: the one declared, or the first by name",
            ),
            Column(
                "subjects",
                "bigint",
                "customers to whom the form was the first they were shown of the offer",
                is_never_null=True,
            ),
            Column("used", "bigint", "of those, who used it after that", is_never_null=True),
            Column("control_subjects", "bigint", "the same of the control", is_never_null=True),
            Column("control_used", "bigint", "the same of the control", is_never_null=True),
            Column(
                "strayed",
                "bigint",
                "of the subjects, who was to be shown another form; null where the offer is not in "
                "gold.assignments",
            ),
            Column("last_shown_at", "timestamp", "UTC; the newest showing that counts"),
            Column("lift", "double", "share who used it less that of the control"),
            Column("lift_low", "double", "lower bound of its 95 % interval, of one look"),
            Column("lift_high", "double", "upper bound"),
            Column(
                "evidence",
                "double",
                "how much likelier what was seen is under an effect than under none; holds however "
                "often one looks; null where nothing was used",
            ),
            Column(
                "sampled_chi_squared",
                "double",
                "of the numbers of customers against the shares declared, or halves; above 10.83 the "
                "split is at fault",
            ),
            Column(
                "verdict",
                "string",
                "better or worse (evidence of 20), open, or: not sampled evenly",
                is_never_null=True,
            ),
            BUILD,
        ),
        upstream=("gold.exposures", "gold.assignments"),
        windows={"gold.exposures": ("offer_id",), "gold.assignments": ("offer_id",)},
    ),
)
