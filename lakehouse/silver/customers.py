"""silver.customers: what the CRM holds of each subject, version by version."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows


def build(events: DataFrame) -> DataFrame:
    """Type every message; drop none.

    Takes   events  bronze.events
    Gives   silver.customers without valid_to, which follows from the other versions
    """
    return rows.payloads(events, "customers").select(
        "subject",
        F.col("said.consents").alias("consents"),
        F.col("said.contact_preference").alias("contact_preference"),
        F.col("said.age_band").alias("age_band"),
        F.col("said.household_size").alias("household_size"),
        rows.instant(F.col("said.effective_at")).alias("valid_from"),
        "event_id",
        *rows.ARRIVAL,
    )
