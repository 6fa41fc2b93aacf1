"""ops: the ledger, and where messages wait or rest that are not in silver."""

from datetime import timedelta

from lakehouse.tables.schema import Column, Table, source_columns

TABLES = (
    Table(
        name="ops.batches",
        grain="one batch of one stage on one table: the ledger",
        key=("batch_id", "table_name"),
        columns=(
            Column("batch_id", "string", "stage, table group and range", is_never_null=True),
            Column("stage", "string", "ingest, refine or build", is_never_null=True),
            Column("table_name", "string", "the table written", is_never_null=True),
            Column("source_from", "bigint", "bronze version before the range; null for ingest"),
            Column("source_to", "bigint", "bronze version at the end of the range"),
            Column("objects", "array<string>", "ingest: the landing objects read"),
            Column("upstream", "map<string, bigint>", "table: version that was read"),
            Column("messages_in", "bigint", "messages (ingest: lines) of the range"),
            Column("kept", "bigint", "messages written; less those a late one displaced"),
            Column("quarantined", "bigint", "messages sent to ops.quarantine"),
            Column("repeated", "bigint", "messages sent to ops.repeats"),
            Column("late", "bigint", "kept rows that came late"),
            Column("feeds", "map<string, bigint>", "ingest: messages kept by feed"),
            Column("version_before", "bigint", "of the table"),
            Column("version_after", "bigint", "of the table"),
            Column("code_version", "string", "package version and commit"),
            Column("rules_version", "string", "digest of the rule file"),
            Column("started_at", "timestamp", "UTC"),
            Column("duration_ms", "bigint", "milliseconds from reading to commit"),
            Column("undoes", "string", "the batch that this row takes back"),
        ),
    ),
    Table(
        name="ops.quarantine",
        grain="one message that waits because of its faults, for one table",
        key=("table_name", "source_object", "source_line"),
        columns=(
            Column("table_name", "string", "the table it was meant for", is_never_null=True),
            Column("reasons", "array<string>", "names of the faults or rules", is_never_null=True),
            Column("event_id", "string", "null where unreadable"),
            Column("feed", "string", "null where unreadable"),
            Column("shop_id", "string", "null where unreadable"),
            Column("device_id", "string", "null where unreadable"),
            Column("subject", "string", "pseudonym; null where unreadable"),
            Column("emitted_at", "timestamp", "UTC; null where unreadable"),
            Column("payload", "string", "JSON; null where it could name a person"),
            Column("digest", "string", "SHA-256 of the line as it came; ingest only"),
            Column("length", "bigint", "bytes of the line as it came; ingest only"),
            Column("is_releasable", "boolean", "false where only digest and length were kept"),
            Column("source_object", "string", "landing object of the message", True, True),
            Column("source_line", "int", "line in it, from 1; 0 is the object itself", True, True),
            Column("arrived_at", "timestamp", "UTC; null: no instant in the object's name", True),
            Column("batch_id", "string", "the ops.batches row that wrote it", True, True),
        ),
        retention=timedelta(days=365),
        subjects=("subject",),
    ),
    Table(
        name="ops.repeats",
        grain="one message that said again what an earlier arrival had said",
        key=("table_name", "source_object", "source_line"),
        columns=(
            Column("table_name", "string", "the table it was meant for", is_never_null=True),
            Column("event_id", "string", "the sender's id of the message", is_never_null=True),
            Column("first_object", "string", "landing object of the first arrival"),
            Column("first_line", "int", "its line"),
            *source_columns(),
        ),
        retention=timedelta(days=365),
    ),
)
