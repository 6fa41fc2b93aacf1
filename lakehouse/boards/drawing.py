"""An answer as a figure of plotly: its data and layout as plain values, and the same in words."""

import html
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from lakehouse.boards.asking import Answer
from lakehouse.pictures import Picture

# Okabe and Ito (2008), "Color Universal Design": told apart with any kind of colour blindness.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
# Nor is it colour alone that tells series apart.
_SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star", "hexagon")
_DASHES = ("solid", "dash", "dot", "dashdot")
_PATTERNS = ("", "/", "x", ".", "-", "|", "+", "\\")
_INK, _GRID = "#1b1f24", "#d7dbe0"
_LABEL = 24  # letters a line of a bar's name: half of a narrow telephone
_FEW_MARKS = 40  # on a line: more are small
_FEW_DAYS = 10  # up to so many, each day has a tick

Rows = list[dict[str, Any]]


def figure(answer: Answer) -> dict[str, Any]:
    """Its data and layout; each mark's `customdata` is the query string for the rows behind it."""
    picture = answer.picture
    draw: Callable[[Picture, str, Rows, int], dict[str, Any]]
    draw = _bars if picture.draws == "bars" else _line
    data = [
        draw(picture, name, rows, number)
        for number, (name, rows) in enumerate(_series(answer).items())
    ]
    layout = _layout(picture) | (
        _bars_layout(answer) if picture.draws == "bars" else _lines_layout(answer)
    )
    return {"data": data, "layout": layout | {"showlegend": len(data) > 1}}


def in_words(answer: Answer) -> str:
    """What the figure shows, for who cannot see it; the numbers stand below it."""
    picture = answer.picture
    most, least = (pick(answer.rows, key=lambda row: float(row[picture.up])) for pick in (max, min))
    kind = "Lines" if picture.draws == "lines" else "Bars"
    of = f" of {_count(answer, picture.colour)}" if picture.colour else ""
    ends = "" if most is least else f"; the least {_mark(picture, least)}"
    return f"{picture.title}. {kind}{of}. The most is {_mark(picture, most)}{ends}."


def query_string(picture: Picture, row: dict[str, Any]) -> str:
    """The keys of a row of an answer, as an address has them; a null is left without a value."""
    return urlencode([(f"key.{name}", _sql_text(row[name])) for name in picture.keys])


def text(value: Any) -> str:
    """A cell as a person reads it."""
    match value:
        case None:
            said = ""
        case datetime():
            said = f"{value:%Y-%m-%d %H:%M:%S}"
        case bool():
            said = "yes" if value else "no"
        case int():
            said = f"{value:,}"
        case float() | Decimal():
            said = f"{float(value):,.10g}"
        case list():
            said = ", ".join(map(text, value))
        case _:
            said = str(value)
    return said


def _sql_text(value: Any) -> str:
    """A value as DuckDB casts it to a text; null is empty."""
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S}+00" if isinstance(value, datetime) else str(value)


def _series(answer: Answer) -> dict[str, Rows]:
    """The rows of each series, in order of the names."""
    found: dict[str, Rows] = {}
    for row in answer.rows:
        name = text(row[answer.picture.colour]) if answer.picture.colour else answer.picture.title
        found.setdefault(name, []).append(row)
    return dict(sorted(found.items()))


def _line(picture: Picture, name: str, rows: Rows, number: int) -> dict[str, Any]:
    colour = COLOURS[number % len(COLOURS)]
    return _marks(picture, name, rows) | {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [row[picture.across].isoformat() for row in rows],
        "y": [float(row[picture.up]) for row in rows],
        "line": {"color": colour, "width": 2, "dash": _DASHES[number % len(_DASHES)]},
        "marker": {
            "size": 8 if len(rows) <= _FEW_MARKS else 4,
            "color": colour,
            "symbol": _SYMBOLS[number % len(_SYMBOLS)],
        },
        "hovertemplate": "%{x}: %{y:,}<extra>%{fullData.name}</extra>",
    }


def _bars(picture: Picture, name: str, rows: Rows, number: int) -> dict[str, Any]:
    return _marks(picture, name, rows) | {
        "type": "bar",
        "orientation": "h",
        "x": [float(row[picture.up]) for row in rows],
        "y": [text(row[picture.across]) for row in rows],
        "marker": {
            "color": COLOURS[number % len(COLOURS)],
            "line": {"color": _INK, "width": 1},
            "pattern": {
                "shape": _PATTERNS[number % len(_PATTERNS)],
                "fillmode": "overlay",
                "fgcolor": _INK,
                "size": 6,
            },
        },
        "hovertemplate": "%{y}: %{x:,}<extra>%{fullData.name}</extra>",
    }


def _marks(picture: Picture, name: str, rows: Rows) -> dict[str, Any]:
    return {
        "name": _escaped(name),
        "customdata": [query_string(picture, row) for row in rows],
    }


def _layout(picture: Picture) -> dict[str, Any]:
    return {
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "hovermode": "closest",
        "dragmode": False,  # a finger on a telephone scrolls the page
        "legend": {
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.0,
            "x": 0,
            "traceorder": "normal",
        },
    }


def _lines_layout(answer: Answer) -> dict[str, Any]:
    picture = answer.picture
    along = sorted({row[picture.across] for row in answer.rows})
    axis: dict[str, Any] = {"gridcolor": _GRID, "automargin": True, "type": "date"}
    if not isinstance(along[0], datetime) and len(along) <= _FEW_DAYS:
        axis |= {"tickmode": "array", "tickvals": [day.isoformat() for day in along]}
        axis |= {"tickformat": "%d %b"}
    if along[0] == along[-1]:
        axis |= {"range": [_moved(along[0], -1), _moved(along[0], 1)]}
    up = _value_axis(picture) | {"automargin": True}
    return {"xaxis": axis, "yaxis": up, "height": 320}


def _bars_layout(answer: Answer) -> dict[str, Any]:
    picture = answer.picture
    names = list(dict.fromkeys(text(row[picture.across]) for row in answer.rows))
    labels = [_wrapped(name) for name in names]
    lines = sum(max(1.6, len(label)) for label in labels)
    legend = 24 * (1 + _count_of(answer, picture.colour) // 3) if picture.colour else 0
    return {
        "barmode": "stack" if picture.is_stacked or not _is_grouped(answer) else "group",
        "xaxis": _value_axis(picture),
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": names,
            "autorange": "reversed",
            "automargin": True,
            "tickmode": "array",
            "tickvals": names,
            "ticktext": ["<br>".join(map(_escaped, label)) for label in labels],
        },
        "height": round(90 + legend + 17 * lines),
    }


def _wrapped(name: str) -> list[str]:
    """A name in lines; `snake_case` and `layer.table` may be broken too."""
    lines = [""]
    for piece in re.findall(r"[^\s_.]*[\s_.]*", name):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > _LABEL:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]


def _escaped(name: str) -> str:
    """A text for plotly, which takes some HTML."""
    return html.escape(name, quote=False)


def _value_axis(picture: Picture) -> dict[str, Any]:
    return {
        "title": {"text": picture.unit},
        "rangemode": "tozero",
        "gridcolor": _GRID,
        "automargin": True,
        "nticks": 5,
    }


def _is_grouped(answer: Answer) -> bool:
    """Whether two bars have the same name."""
    names = [row[answer.picture.across] for row in answer.rows]
    return len(set(names)) < len(names)


def _moved(day: date, days: int) -> str:
    return (day + timedelta(days=days)).isoformat()


def _count_of(answer: Answer, column: str | None) -> int:
    return len({row[column] for row in answer.rows}) if column else 1


def _count(answer: Answer, column: str) -> str:
    names = sorted({text(row[column]) for row in answer.rows})
    return ", ".join(names) if len(names) <= len(COLOURS) else f"{len(names)} series"


def _mark(picture: Picture, row: dict[str, Any]) -> str:
    of = f" ({text(row[picture.colour])})" if picture.colour else ""
    return f"{text(row[picture.up])} {picture.unit} at {text(row[picture.across])}{of}"
