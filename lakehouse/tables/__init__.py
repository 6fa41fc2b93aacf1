"""Every table of the lakehouse, declared: grain, key, columns with type, unit and meaning.

Plain data; importing it loads neither Spark nor Airflow. One file a layer.
"""

from lakehouse.errors import UnknownName
from lakehouse.tables import (
    bronze,
    derived,
    gold,
    hours,
    ops,
    scored,
    shelf_days,
    shelves,
    silver,
    trials,
    visits,
)
from lakehouse.tables.schema import Column, Table

__all__ = [
    "ASSIGNED",
    "BRONZE",
    "BUILT",
    "DERIVED",
    "GOLD",
    "OPS",
    "SCORED",
    "SILVER",
    "TABLES",
    "WRITTEN",
    "Column",
    "Table",
    "by_name",
    "fed_by",
]

BRONZE = bronze.TABLES
SILVER = silver.TABLES  # refined, each from a feed
DERIVED = derived.TABLES  # silver too, but built from silver
GOLD = (
    *gold.TABLES,
    *hours.TABLES,
    *trials.TABLES,
    *shelves.TABLES,
    *shelf_days.TABLES,
    *visits.TABLES,
)
BUILT = (*DERIVED, *GOLD)  # in the order in which they are built
SCORED = scored.TABLES  # gold too, but written by models
ASSIGNED = trials.ASSIGNED  # gold too, but written by `lakehouse assign`
OPS = ops.TABLES
WRITTEN = (*BRONZE, *SILVER, *ASSIGNED, *BUILT, *SCORED)  # by batches of the ledger
TABLES = (*BRONZE, *SILVER, *OPS, *ASSIGNED, *BUILT, *SCORED)  # none before what it is made from


def by_name(name: str) -> Table:
    """The table called `name` (layer.table); UnknownName lists those there are."""
    for table in TABLES:
        if table.name == name:
            return table
    raise UnknownName("table", name, (table.name for table in TABLES))


def fed_by(feed: str) -> tuple[Table, ...]:
    """The silver tables that are refined from `feed`; none where its messages wait in bronze."""
    return tuple(table for table in SILVER if table.feed == feed)
