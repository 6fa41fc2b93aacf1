"""Consent: what a subject agrees to at an instant, out of what the CRM holds and what the app said.

The CRM says to which purposes (silver.customers), the app only whether at all
(silver.app_events): docs/decisions/consent.md.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import rows

GIVEN = "consent_given"
WITHDRAWN = "consent_withdrawn"


def in_force(asked: DataFrame, customers: DataFrame, app_events: DataFrame, at: str) -> DataFrame:
    """Add to each row the purposes that its subject agreed to at its instant.

    A purpose counts while the CRM lists it and the app's last word before the instant, by the
    phone's clock and however late it came, is not that consent is withdrawn.

    Takes   asked       subject, and the instant column `at`
            customers   silver.customers
            app_events  silver.app_events
    Gives   the columns of `asked`, and
              consents  array<string>  empty where there are none, or the subject is not known
    """
    by = {"subject": "subject"}
    withdrawn = "_is_withdrawn"
    none = F.array().cast("array<string>")
    return (
        asked.transform(rows.in_force, customers, by=by, at=at, gives={"consents": "_agreed"})
        .transform(
            rows.in_force, switched(app_events), by=by, at=at, gives={"is_withdrawn": withdrawn}
        )
        .withColumn("consents", F.when(~F.coalesce(withdrawn, F.lit(False)), F.col("_agreed")))
        .withColumn("consents", F.coalesce("consents", none))
        .drop("_agreed", withdrawn)
    )


def switched(app_events: DataFrame) -> DataFrame:
    """When each subject gave and withdrew consent in the app.

    Takes   app_events  silver.app_events
    Gives   subject, is_withdrawn, valid_from, valid_to (null: until now); one row a subject and
            instant, in which a withdrawal counts if both were said
    """
    return (
        app_events.where(F.col("kind").isin(GIVEN, WITHDRAWN))
        .groupBy("subject", F.col("happened_at").alias("valid_from"))
        .agg(F.bool_or(F.col("kind") == WITHDRAWN).alias("is_withdrawn"))
        .transform(rows.with_valid_to, key=("subject",))
        .select("subject", "is_withdrawn", "valid_from", "valid_to")
    )
