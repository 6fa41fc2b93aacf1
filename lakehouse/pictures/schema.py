"""What a picture is: a question in SQL, and how its answer is drawn."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Draws = Literal["bars", "lines", "rows"]


@dataclass(frozen=True)
class Chosen:
    """What a person looks at: days, from and to and both included, shops, segments; all by default."""

    since: date | None = None
    until: date | None = None
    shops: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()

    def where(self, by: dict[str, str]) -> str:
        """The choice as a condition, over the expressions that a picture is filtered by."""
        parts = []
        if self.since and "day" in by:
            parts.append(f"{by['day']} >= DATE '{self.since.isoformat()}'")
        if self.until and "day" in by:
            parts.append(f"{by['day']} <= DATE '{self.until.isoformat()}'")
        for name, values in (("shop", self.shops), ("segment", self.segments)):
            if values and name in by:
                parts.append(f"{by[name]} IN ({', '.join(map(literal, values))})")
        return " AND ".join(parts) or "true"


@dataclass(frozen=True)
class Picture:
    """One picture.

    name    in addresses and files
    says    what it shows, in a sentence or two
    tables  those that it is made of
    sql     the question; {chosen} is where the choice goes
    rows    the rows behind it: a question too, never with a subject
    draws   bars, lines, or the rows of the answer alone
    across  the column along a line; of bars, which all lie, the one they are named by
    up      the column that is drawn, and what it is measured in
    colour  the column that tells series apart
    keys    columns of the answer by which the rows behind one mark are found
    by      day, shop, segment: the expression of `sql` and `rows` that is filtered; those not here
            do not apply
    is_stacked  of bars: those of one name stand on each other
    none    what it means where there are rows, but none that is shown
    """

    name: str
    title: str
    says: str
    tables: tuple[str, ...]
    sql: str
    rows: str
    draws: Draws
    across: str = ""
    up: str = ""
    unit: str = ""
    colour: str | None = None
    keys: tuple[str, ...] = ()
    by: dict[str, str] = field(default_factory=dict)
    is_stacked: bool = False
    none: str = "There are rows, but nothing to show of them."

    def question(self, chosen: Chosen) -> str:
        """The question whose answer is drawn; `lakehouse sql` answers it too."""
        return self.sql.strip().replace("{chosen}", chosen.where(self.by))

    def behind(self, chosen: Chosen, mark: dict[str, str | None]) -> str:
        """The question for the rows behind it, or behind one mark: the values of `keys`."""
        rows = self.rows.strip().replace("{chosen}", chosen.where(self.by))
        parts = [
            f"CAST({name} AS VARCHAR) IS NOT DISTINCT FROM {literal(mark[name])}"
            for name in self.keys
            if name in mark
        ]
        return f"SELECT * FROM (\n{rows}\n)\nWHERE {' AND '.join(parts)}" if parts else rows


@dataclass(frozen=True)
class Page:
    """Pictures that belong together."""

    name: str
    title: str
    says: str
    pictures: tuple[Picture, ...]

    @property
    def filters(self) -> tuple[str, ...]:
        """Those that apply to any of its pictures."""
        there = {name for picture in self.pictures for name in picture.by}
        return tuple(name for name in ("day", "shop", "segment") if name in there)


def literal(value: str | None) -> str:
    """A text as SQL has it."""
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
