"""Every table of the lakehouse, declared: grain, key, columns with type, unit and meaning.

Plain data; importing it loads neither Spark nor Airflow. One file a layer.
"""

from datetime import timedelta

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
    "JUDGED",
    "OPS",
    "QUICK",
    "SCORED",
    "SILVER",
    "SLOW",
    "TABLES",
    "WRITTEN",
    "Column",
    "Table",
    "by_name",
    "fed_by",
    "fresh_within",
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
JUDGED = (*SILVER, *BUILT, *ASSIGNED, *SCORED)  # by the gate, by rules of their own
WRITTEN = (*BRONZE, *SILVER, *ASSIGNED, *BUILT, *SCORED)  # by batches of the ledger
TABLES = (*BRONZE, *SILVER, *OPS, *ASSIGNED, *BUILT, *SCORED)  # none before what it is made from

# Built from whole days: what a build of them costs grows with the day, so that a stream builds these
# less often than the others, and what stands on them goes with them.
_WHOLE_DAYS = {one.name for one in BUILT if one.reach}
SLOW = tuple(one for one in BUILT if _WHOLE_DAYS & {one.name, *one.upstream})
QUICK = tuple(one for one in BUILT if one not in SLOW)

# Promised while `lakehouse stream` runs.
_FRESH = {"bronze": timedelta(minutes=5), "silver": timedelta(minutes=5)}
_FRESH_GOLD, _FRESH_SLOW = timedelta(minutes=10), timedelta(minutes=30)


def by_name(name: str) -> Table:
    """The table called `name` (layer.table); UnknownName lists those there are."""
    for table in TABLES:
        if table.name == name:
            return table
    raise UnknownName("table", name, (table.name for table in TABLES))


def fresh_within(table: Table) -> timedelta | None:
    """How soon a table is promised to have what landed, or what changed in those it is made from;
    None where that is whenever a model is scored or somebody does something.
    """
    if table in SLOW:
        return _FRESH_SLOW
    if table in BUILT:
        return _FRESH_GOLD
    return _FRESH[table.layer] if table in (*BRONZE, *SILVER) else None


def fed_by(feed: str) -> tuple[Table, ...]:
    """The silver tables that are refined from `feed`; none where its messages wait in bronze."""
    return tuple(table for table in SILVER if table.feed == feed)
