"""The dictionary as pages: what each table means, how it is now, where it came from, who reads it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from lakehouse import dictionary, tables
from lakehouse.boards.asking import Asking
from lakehouse.boards.drawing import COLOURS
from lakehouse.errors import BadQuery
from lakehouse.flow import status, suites
from lakehouse.tables import Column, Table
from lakehouse.verdicts import Verdicts

_SAMPLED = 5
_BATCHES = 10
_UNSAFE = ("subject", "payload")  # also where a table does not declare them: rows set aside
_COLOURS = dict(zip(("bronze", "silver", "gold", "ops"), COLOURS, strict=False))
_ROW_PX, _EDGE_PX = 34, 60


@dataclass(frozen=True)
class Found:
    """A table that a search found, and the columns that have a word of it."""

    table: Table
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Rule:
    """A rule of a table, and what was last found of it."""

    described: suites.Described
    verdict: str


@dataclass(frozen=True)
class Rows:
    """Rows to show, or the sentence in their place."""

    names: tuple[str, ...]
    rows: list[dict[str, Any]]
    sentence: str


@dataclass(frozen=True)
class Entry:
    """All that the page of a table shows.

    now      how it is; empty where it was not created
    lineage  a figure of plotly; `in_words` is its other text
    """

    table: Table
    facts: dict[str, str]
    now: dict[str, Any]
    rules: list[Rule]
    lineage: dict[str, Any]
    in_words: str
    batches: Rows
    sample: Rows


def found(search: str) -> list[Found]:
    """The tables that have every word in their name, their grain or a column, in declared order."""
    words = search.lower().split()
    matching = []
    for table in tables.TABLES:
        columns = {one: f"{one.name} {one.means}".lower() for one in table.columns}
        everything = " ".join([table.name, table.grain.lower(), *columns.values()])
        if all(word in everything for word in words):
            named = [one for one, text in columns.items() if any(word in text for word in words)]
            matching.append(Found(table, tuple(named)))
    return matching


def of(asking: Asking, table: Table) -> Entry:
    """The page of one table."""
    upstream = [tables.by_name(name) for name in table.upstream]
    verdicts = Verdicts(asking.lake)
    [now, *_] = status.of(asking.lake, [table, *upstream], verdicts)
    newest = verdicts.newest(table.name)
    rules = [
        Rule(one, newest[one.id].verdict if one.id in newest else "not judged yet")
        for one in suites.of(table).rules.values()
    ]
    owners = dict.fromkeys(one.described.owner for one in rules if one.described.owner)
    read_by = [one.name for one in readers(table)]
    facts = dictionary.facts(table) | {"owner": ", ".join(owners), "read by": ", ".join(read_by)}
    made = ", ".join(table.upstream) or "no other table"
    read = ", ".join(read_by) or "none"
    return Entry(
        table,
        {name: text for name, text in facts.items() if text and name != "upstream"},
        _now(now),
        rules,
        _lineage(table),
        f"It is made from {made}. Tables that are made from it: {read}.",
        _batches(asking, table),
        _sample(asking, table),
    )


def _now(seen: status.TableStatus) -> dict[str, Any]:
    """How a table is, as names and values to read; what is nothing is left out."""
    if seen.version is None:
        return {}
    said = {
        "rows": seen.rows,
        "version": seen.version,
        "newest event": seen.newest_at,
        "behind by": f"{seen.lag} {seen.lag_unit}" if seen.lag else None,
        "behind since": seen.behind_since,
        "later than promised": "yes" if seen.is_late else None,
        "messages in quarantine": seen.quarantined,
        "messages said again": seen.repeated,
        "gate": seen.gate,
        "last batch": seen.batch_id,
    }
    return {name: value for name, value in said.items() if value or name in ("rows", "version")}


def readers(table: Table) -> list[Table]:
    """The tables that are made from it."""
    return [one for one in tables.TABLES if table.name in one.upstream]


def _sample(asking: Asking, table: Table) -> Rows:
    hidden = {*table.subjects, *_UNSAFE}
    names = tuple(name for name in table.column_names if name not in hidden)
    chosen = ", ".join(f'"{name}"' for name in names)
    return _rows(asking, f"SELECT {chosen} FROM {table.name} LIMIT {_SAMPLED}")


def _batches(asking: Asking, table: Table) -> Rows:
    asked = (
        "SELECT batch_id, stage, started_at, version_before, version_after, upstream AS read "
        f"FROM ops.batches WHERE table_name = '{table.name}' ORDER BY started_at DESC "
        f"LIMIT {_BATCHES}"
    )
    return _rows(asking, asked)


def _rows(asking: Asking, question: str) -> Rows:
    try:
        answer = asking.ask(question)
    except BadQuery:
        return Rows((), [], "There is none yet.")
    rows = answer.to_pylist()
    return Rows(tuple(answer.column_names), rows, "" if rows else "There is none yet.")


def _lineage(table: Table) -> dict[str, Any]:
    """All that a table follows from at its left, all that follows from it at its right."""
    levels = {table: 0}
    _place(levels, table, -1)
    _place(levels, table, +1)
    by_level: dict[int, list[Table]] = {}
    for one in tables.TABLES:
        if one in levels:
            by_level.setdefault(levels[one], []).append(one)
    at = {
        one: (level, (len(there) - 1) / 2 - number)
        for level, there in by_level.items()
        for number, one in enumerate(there)
    }
    lines = [
        (at[upstream], at[one])
        for one in at
        for name in one.upstream
        if (upstream := tables.by_name(name)) in at
    ]
    ends = [(*start, *end) for start, end in lines]
    most = max(map(len, by_level.values()))
    highest = (most - 1) / 2
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "x": [value for x, _, to_x, _ in ends for value in (x, to_x, None)],
                "y": [value for _, y, _, to_y in ends for value in (y, to_y, None)],
                "line": {"color": "#9aa3ad", "width": 1},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [x for x, _ in at.values()],
                "y": [y for _, y in at.values()],
                "text": [f"<b>{one.name}</b>" if one is table else one.name for one in at],
                "textposition": "top center",
                "hovertext": [one.grain for one in at],
                "hoverinfo": "text",
                "customdata": [urlencode({"table": one.name}) for one in at],
                "marker": {"size": 11, "color": [_COLOURS[one.layer] for one in at]},
            },
        ],
        "layout": {
            "height": _EDGE_PX + _ROW_PX * most,
            "margin": {"l": 110, "r": 110, "t": 10, "b": 10},
            "showlegend": False,
            "xaxis": {"visible": False},
            "yaxis": {"visible": False, "range": [-highest - 0.5, highest + 1]},
            "font": {"size": 11},
        },
    }


def _place(levels: dict[Table, int], table: Table, step: int) -> None:
    """Give what a table follows from (step -1), or what follows from it (+1), the level farthest
    from the middle that a way leads to.
    """
    near = [tables.by_name(name) for name in table.upstream] if step < 0 else readers(table)
    for one in near:
        level = levels[table] + step
        if abs(level) > abs(levels.get(one, 0)):
            levels[one] = level
            _place(levels, one, step)
