"""The answers behind pictures: asked of the tables without Spark, each with what to say instead of
it where there is nothing to draw.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from lakehouse import tables
from lakehouse.errors import BadQuery
from lakehouse.lake import Lake
from lakehouse.pictures import Chosen, Page, Picture, pages
from lakehouse.query import Session

PATIENCE_S = 60.0  # a question that takes longer is given up
_NOTHING = Chosen()


@dataclass(frozen=True)
class Answer:
    """What a picture is drawn from.

    rows      of the answer, by column
    sentence  in place of the picture: why there is none
    is_fault  whether that is an error
    """

    picture: Picture
    question: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    sentence: str | None = None
    is_fault: bool = False


@dataclass(frozen=True)
class Choices:
    """What can be chosen: the first and the last business day, the shops, the segments."""

    first: str
    last: str
    shops: tuple[str, ...]
    segments: tuple[str, ...]


class Asking:
    """Questions of one lakehouse, one after the other; several threads may ask."""

    def __init__(self, lake: Lake, patience_s: float = PATIENCE_S) -> None:
        """Connect."""
        self.lake = lake
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._session = Session(lake)

    def pages(self) -> tuple[Page, ...]:
        """All pages, of the tables that there are now."""
        there = self.lake.existing()
        with self._lock:
            if {table.name for table in there} != set(self._session.there):
                self._session = Session(self.lake)
        return pages(there)

    def ask(self, question: str) -> pa.Table:
        """The answer; BadQuery where there is none, or not in time."""
        with self._lock:
            is_late = threading.Event()
            alarm = threading.Timer(self._patience_s, self._give_up, (is_late,))
            alarm.start()
            try:
                return self._session.ask(question)
            except BadQuery:
                if is_late.is_set():
                    raise BadQuery(f"it took longer than {self._patience_s:g} s") from None
                raise
            finally:
                alarm.cancel()

    def _give_up(self, is_late: threading.Event) -> None:
        is_late.set()
        self._session.interrupt()

    def answer(self, picture: Picture, chosen: Chosen = _NOTHING) -> Answer:
        """The answer that a picture is drawn from, or the sentence that stands in its place."""
        question = picture.question(chosen)
        missing = [name for name in picture.tables if name not in self._session.there]
        if missing:
            return Answer(picture, question, sentence=_not_yet(missing))
        try:
            rows = self.ask(question).to_pylist()
            sentence = None if rows else self._empty(picture, chosen)
        except BadQuery as fault:
            said = f"It cannot be drawn: {fault}."
            return Answer(picture, question, sentence=said, is_fault=True)
        return Answer(picture, question, rows, sentence)

    def choices(self) -> Choices:
        """What can be chosen; nothing where the tables that say it are not there."""
        days: list[Any] = [{"first": None, "last": None}]
        if "gold.shop_hours" in self._session.there:
            asked = (
                "SELECT min(business_on) AS first, max(business_on) AS last FROM gold.shop_hours"
            )
            days = self.ask(asked).to_pylist()
        first, last = (str(days[0][name] or "") for name in ("first", "last"))
        shops = self._values("gold.shops", "shop_id")
        return Choices(first, last, shops, self._values("gold.customer_segments", "segment"))

    def _values(self, table: str, column: str) -> tuple[str, ...]:
        if table not in self._session.there:
            return ()
        asked = (
            f"SELECT DISTINCT {column} AS one FROM {table} WHERE {column} IS NOT NULL ORDER BY 1"
        )
        return tuple(self.ask(asked)["one"].to_pylist())

    def _empty(self, picture: Picture, chosen: Chosen) -> str:
        """Why an answer has no row: no rows at all, none chosen, or none that is shown."""
        empty = [name for name in picture.tables if not self._has_rows(f"FROM {name}")]
        if empty:
            return _not_yet(empty)
        if chosen != _NOTHING and not self._has_rows(f"FROM ({picture.behind(chosen, {})})"):
            return "There is nothing of what is chosen; another day, shop or segment may have it."
        return picture.none

    def _has_rows(self, source: str) -> bool:
        return len(self.ask(f"SELECT 1 {source} LIMIT 1")) > 0


def _not_yet(names: list[str]) -> str:
    """The sentence for tables without rows, with the commands that make them."""
    made = " and ".join(dict.fromkeys(map(_made_by, names)))
    has = "has" if len(names) == 1 else "have"
    return f"Nothing to show yet: {' and '.join(names)} {has} no rows. They come with {made}."


def _made_by(name: str) -> str:
    table = tables.by_name(name)
    if table in tables.ASSIGNED:
        return "`lakehouse assign`"
    if table in tables.SCORED:
        return "`lakehouse train` and `lakehouse score`"
    if table.name == "ops.promotions":
        return "`lakehouse train`"
    return "`lakehouse build`" if table in tables.BUILT else "`lakehouse run`"
