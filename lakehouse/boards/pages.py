"""Answers as pages: what the report and the dashboard have in common."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from lakehouse import dictionary
from lakehouse.boards import drawing
from lakehouse.boards.asking import Answer

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Drawn:
    """An answer with all that its section of a page shows."""

    answer: Answer

    @functools.cached_property
    def figure(self) -> dict[str, Any] | None:
        """For plotly; None where a sentence or the rows alone stand in its place."""
        if not self.answer.rows or self.answer.picture.draws == "rows":
            return None
        return drawing.figure(self.answer)

    @property
    def in_words(self) -> str:
        """The figure's other text."""
        return drawing.in_words(self.answer)

    @property
    def names(self) -> list[str]:
        """The columns of the answer."""
        return list(self.answer.rows[0])

    def mark(self, row: dict[str, Any]) -> str:
        """The query string of the rows behind a row."""
        return drawing.query_string(self.answer.picture, row)

    def is_number(self, value: Any) -> bool:
        """Whether it stands at the right."""
        return isinstance(value, int | float | Decimal)


@dataclass(frozen=True)
class Part:
    """Pictures under a heading; without a title the page's own heading does."""

    name: str
    title: str
    says: str
    drawn: Iterable[Drawn]


@functools.cache
def environment() -> Environment:
    """The templates; whatever is a value is escaped."""
    made = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["cell"] = drawing.text
    made.filters["said"] = _said
    made.filters["kind"] = dictionary.kind
    return made


def _said(sentence: str) -> Markup:
    """A sentence of ours: what stands in backticks is typed."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))


def file(name: str) -> str:
    """The text of a file beside this one."""
    return (FOLDER / name).read_text(encoding="utf-8")


@functools.cache
def plotly() -> str:
    """The library that draws, as its package brings it: nothing is fetched."""
    script = resources.files("plotly").joinpath("package_data/plotly.min.js")
    return script.read_text(encoding="utf-8")
