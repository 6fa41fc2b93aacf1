"""Where each table lies: its bucket and the path in it."""

from lakehouse.settings import Settings
from lakehouse.tables import Table


def bucket(settings: Settings, table: Table) -> str:
    """The bucket of the table's layer: bronze and silver are the lake."""
    buckets = settings.buckets
    return {"gold": buckets.gold, "ops": buckets.ops}.get(table.layer, buckets.lake)


def uri(settings: Settings, table: Table, scheme: str = "s3a") -> str:
    """The table's address: `s3a` for Spark, `s3` for delta-rs and DuckDB."""
    return f"{scheme}://{bucket(settings, table)}/{folder(table).removesuffix('/')}"


def folder(table: Table) -> str:
    """The prefix of the table in its bucket."""
    return f"{table.layer}/{table.short_name}/"


def log(table: Table) -> str:
    """The prefix of the table's log in its bucket."""
    return f"{folder(table)}_delta_log/"


def checkpoint(settings: Settings, stage: str) -> str:
    """Where the stream of a stage keeps its offsets."""
    return f"s3a://{settings.buckets.ops}/_checkpoints/{stage}"
