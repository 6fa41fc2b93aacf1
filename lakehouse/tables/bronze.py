"""bronze: every message as it came."""

from datetime import timedelta

from lakehouse.tables.schema import Column, Table, source_columns

TABLES = (
    Table(
        name="bronze.events",
        grain="one message as it came, its person made a pseudonym",
        key=("source_object", "source_line"),
        columns=(
            Column("event_id", "string", "the sender's id of the message", is_never_null=True),
            Column("feed", "string", "a feed of lakehouse/feeds.py", is_never_null=True),
            Column("schema_version", "int", "version of the payload", is_never_null=True),
            Column("device_id", "string", "the fixed sensor or gateway that sent it"),
            Column("shop_id", "string", "null where the sender belongs to no shop"),
            Column(
                "subject",
                "string",
                "pseudonym: p<key number>_<32 hex digits>; null where no person is meant",
                check="subject RLIKE '^p[0-9]+_[0-9a-f]{32}$'",
            ),
            Column("emitted_at", "timestamp", "UTC; by the sender's clock", is_never_null=True),
            Column(
                "payload",
                "string",
                "JSON; blanks and the notation of numbers are the parser's",
                is_never_null=True,
            ),
            Column("is_personal", "boolean", "a personal feed, or it has a subject", True, True),
            Column("arrived_on", "date", "UTC day of arrived_at", True, True),
            *source_columns(),
        ),
        partitioned=("arrived_on", "is_personal"),
        retention=timedelta(days=730),
        subjects=("subject",),
    ),
    Table(
        name="bronze.corrections",
        grain="one repair of messages that came wrong, appended and never changed",
        key=("correction_id",),
        columns=(
            Column("correction_id", "string", "c and its number", is_never_null=True),
            Column("number", "bigint", "the order in which they are applied", is_never_null=True),
            Column("kind", "string", "map, swap, shift, clock, edit, drop, revoke", False, True),
            Column("feed", "string", "whose messages it meets", is_never_null=True),
            Column(
                "condition",
                "string",
                "SQL: which messages it meets; over the columns of bronze.events and, as text, the "
                "payload's fields in `said`",
                is_never_null=True,
            ),
            Column(
                "changes",
                "map<string, string>",
                "field of the envelope, or said. and one of the payload: SQL expression",
            ),
            Column("revokes", "string", "the correction that it takes back"),
            Column("reason", "string", "why, in a sentence"),
            Column("declared_by", "string", "who, as the machine calls them", True),
            Column("declared_at", "timestamp", "UTC", True, True),
        ),
    ),
)
