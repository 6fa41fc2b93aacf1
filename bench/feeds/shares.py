"""Shares of right answers with their intervals, ours and a naive method's."""

import math
from dataclasses import dataclass, replace

from bench.quality.matching import wilson
from bench.results import Row


@dataclass(frozen=True)
class Share:
    """How many of how many; `naive` of `naive_of` by the method `how`."""

    right: int
    of: int
    aim: float | None = None
    naive: int = 0
    naive_of: int = 0
    how: str = ""
    is_at_most: bool = False

    def __add__(self, other: "Share") -> "Share":
        """Both together, with what the second says of aim and method."""
        return replace(
            other,
            right=self.right + other.right,
            of=self.of + other.of,
            naive=self.naive + other.naive,
            naive_of=self.naive_of + other.naive_of,
        )

    def rows(self, name: str) -> list[Row]:
        """The row of the table, with how many there were and the interval."""
        low, high = wilson(self.right, self.of)
        said = f"{name} ({self.right:,} of {self.of:,}; 95 %: {low:.4f} to {high:.4f})"
        rival = self.naive / self.naive_of if self.naive_of else None
        share = self.right / self.of if self.of else math.nan
        return [Row(said, share, "share", self.aim, rival, self.how or None, self.is_at_most)]


NOTHING = Share(0, 0)
