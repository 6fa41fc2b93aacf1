"""The data dictionary: what the declarations say, as a page to read (docs/tables.md)."""

from collections.abc import Iterable
from datetime import timedelta

from lakehouse import tables
from lakehouse.tables import Column, Table

_HEAD = """\
# The tables

Made from the declarations in `lakehouse/tables/` by `lakehouse tables --markdown`; a test compares.
*Origin* columns say where a row came from; all others are content, which is what the content hash
is made of.
"""
_LAYERS = {
    "bronze": "every message as it came",
    "silver": "typed, in SI units, calibrated, placed in a shop and zone, judged, without repeats",
    "gold": "what analysts query and models learn from",
    "ops": "the ledger, and where messages rest that are not in silver",
}


def markdown(declared: Iterable[Table] = tables.TABLES) -> str:
    """The page for these tables: a chapter a layer."""
    declared = list(declared)
    parts = [_HEAD]
    for layer, means in _LAYERS.items():
        chapter = [table for table in declared if table.layer == layer]
        if chapter:
            parts.append(f"## {layer}: {means}\n")
            parts += [_section(table) for table in chapter]
    return "\n".join(parts)


def facts(table: Table) -> dict[str, str]:
    """What holds for a table as a whole, in the order to read it."""
    fresh = tables.fresh_within(table)
    said = {
        "one row is": table.grain,
        "key": ", ".join(table.key),
        "upstream": ", ".join(table.upstream),
        "feed": table.feed or "",
        "repeats": f"of what agrees in {_and(table.repeats)} the first arrival wins"
        if table.repeats
        else "",
        "late": f"arrived more than {_span(table.lateness)} after the end of its hour"
        if table.lateness and table.happened
        else "",
        "promised": f"within {_minutes(fresh)} while `lakehouse stream` runs" if fresh else "",
        "retention": _span(table.retention) if table.retention else "",
        "clustered by": ", ".join(table.clustered),
        "partitioned by": ", ".join(table.partitioned),
        "pseudonyms in": ", ".join(table.subjects),
        "consent to": table.consent or "",
    }
    return {name: text for name, text in said.items() if text}


def kind(column: Column) -> str:
    """Content or origin, and whether it is ever null."""
    return ("origin" if column.is_origin else "content") + (
        ", never null" if column.is_never_null else ""
    )


def _section(table: Table) -> str:
    lines = [f"### {table.name}", ""]
    lines += [f"- {name}: {text}" for name, text in facts(table).items()]
    lines += ["", "| column | type | means | |", "| --- | --- | --- | --- |"]
    for column in table.columns:
        means = column.means.replace("|", "\\|")
        lines.append(f"| {column.name} | `{column.type}` | {means} | {kind(column)} |")
    return "\n".join([*lines, ""])


def _and(names: tuple[str, ...]) -> str:
    return " and ".join(names)


def _minutes(time: timedelta) -> str:
    return f"{time.total_seconds() / 60:g} minutes"


def _span(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours:g} hours" if hours < 72 else f"{time.days} days"
