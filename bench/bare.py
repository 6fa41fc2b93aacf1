"""The bare jobs: what nothing can do without, and nothing more. No rules, no repeats, no ledger.

For ingest, the same objects are read with the full nested schema and written as one Parquet table
to the same storage; for refine, bronze is read, its payloads parsed with the full schema, and
written as one Parquet table.
"""

from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, StructField, StructType, TimestampType

from lakehouse import tables
from lakehouse.feeds import FEEDS
from lakehouse.flow.place import Place

_EVENTS = tables.by_name("bronze.events")
_ENVELOPE = (
    "event_id string, feed string, schema_version int, device_id string, shop_id string, "
    "subject string, emitted_at timestamp"
)


def ingest(at: Place) -> None:
    """Landing to Parquet, by Spark."""
    landed = at.spark.read.schema(_message()).json(f"s3a://{at.settings.buckets.landing}/*/*")
    landed.write.mode("overwrite").parquet(f"s3a://{at.settings.buckets.ops}/bare/ingest")


def ingest_in_duckdb(at: Place) -> None:
    """Landing to Parquet, by DuckDB."""
    columns = ", ".join(f"'{field.name}': '{_duckdb(field.dataType)}'" for field in _message())
    with at.lake.sql() as sql:
        sql.execute(
            f"COPY (SELECT * FROM read_json('s3://{at.settings.buckets.landing}/*/*', "
            f"format = 'newline_delimited', ignore_errors = true, columns = {{{columns}}})) "
            f"TO 's3://{at.settings.buckets.ops}/bare/duckdb.parquet' (FORMAT parquet)"
        )


def refine(at: Place) -> None:
    """Bronze to Parquet, by Spark."""
    parsed = at.store.read(_EVENTS).withColumn("payload", F.from_json("payload", _payload()))
    parsed.write.mode("overwrite").parquet(f"s3a://{at.settings.buckets.ops}/bare/refine")


def _message() -> StructType:
    return StructType([*_struct(_ENVELOPE), StructField("payload", _payload())])


def _payload() -> StructType:
    """The fields of all feeds: the same name has the same type in every feed."""
    fields = {field.name: field for feed in FEEDS for field in _struct(feed.payload)}
    return StructType(list(fields.values()))


def _struct(ddl: str) -> StructType:
    struct = StructType.fromDDL(ddl)
    assert isinstance(struct, StructType)
    return struct


def _duckdb(spark: DataType) -> str:
    if isinstance(spark, ArrayType):
        return f"{_duckdb(spark.elementType)}[]"
    if isinstance(spark, StructType):
        inside = ", ".join(f'"{field.name}" {_duckdb(field.dataType)}' for field in spark)
        return f"STRUCT({inside})"
    return "TIMESTAMP" if isinstance(spark, TimestampType) else "VARCHAR"
