"""What the rules of a gate may look at beside the table they judge: temporary views of a session.

reference       the table at an older version that passed; without rows where there is none
feeds, batches  what the ledger says (lakehouse/flow/figures.py)
silver_devices  and the like: any other table, at a version of its own
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from lakehouse import tables
from lakehouse.delta import Store
from lakehouse.flow.figures import BATCHES, FEEDS, Figures
from lakehouse.flow.place import Place
from lakehouse.flow.suites import Gate
from lakehouse.tables import Table

_NAMED = re.compile(r"\b(?:bronze|silver|gold|ops)_[a-z_]+\b")
_VIEWS = {table.name.replace(".", "_"): table for table in tables.TABLES}
# A reference version is older than this by what had arrived, so that a day is compared with others.
_REFERENCE_AGE = timedelta(days=1)


def name_views(store: Store, gate: Gate, seen: Mapping[str, int], reference: int | None) -> None:
    """Make the views of tables that the gate's queries name, in the store's session."""
    text = json.dumps(gate.raw)
    for name in sorted(set(_NAMED.findall(text)) & set(_VIEWS)):
        other = _VIEWS[name]
        store.read(other, seen[other.name]).createOrReplaceTempView(name)
    if gate.needs("expect_distribution_to_match_reference"):
        table = tables.by_name(gate.table_name)
        rows = store.read(table, seen[table.name] if reference is None else reference)
        (rows.limit(0) if reference is None else rows).createOrReplaceTempView("reference")


def name_ledger(session: SparkSession, figures: Figures) -> None:
    """Make the views of the ledger."""
    for name, schema, rows in (
        ("feeds", FEEDS, figures.feeds()),
        ("batches", BATCHES, figures.recent()),
    ):
        session.createDataFrame(_arrow(schema, rows)).createOrReplaceTempView(name)


def _arrow(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


def reference(place: Place, table: Table, version: int, here: datetime | None) -> int | None:
    """The newest version that passed, is a day older by what had arrived, and can still be read.

    Takes   here  the newest arrival that `version` can know of
    """
    if here is None:
        return None
    good = place.verdicts.good(table.name)
    old = [one for one, at in good.items() if one < version and at <= here - _REFERENCE_AGE]
    if not old:
        return None
    kept = timedelta(hours=place.settings.maintain.time_travel_hours)
    age = datetime.now(UTC) - place.lake.committed_at(table, max(old))
    return max(old) if age < kept else None
