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
        grain="one repair of quarantined rows, appended and never changed",
        key=("correction_id",),
        columns=(
            Column("correction_id", "string", "unique", is_never_null=True),
            Column("table_name", "string", "the silver table it repairs", is_never_null=True),
            Column("condition", "string", "SQL over the table's typed rows"),
            Column("changes", "map<string, string>", "column: SQL expression"),
            Column("corrected_at", "timestamp", "UTC", is_never_null=True),
            Column("reason", "string", "why, in a sentence"),
        ),
    ),
)
