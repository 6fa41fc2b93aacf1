"""A mark: what a detector says of one reading."""

from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

FIELDS = ("kind", "metric", "begins", "ends", "evidence", "limit", "bridge_s", "least", "least_s")


@dataclass(frozen=True)
class Mark:
    """How the marks of a kind become faults.

    bridge_s  marks of a series no farther apart than this are one fault
    least     marks that a fault needs at least
    least_s   and how long it lasts at least
    """

    kind: str
    bridge_s: float
    least: int = 1
    least_s: float = 0.0

    def column(
        self,
        is_one: Column,
        begins: Column,
        ends: Column,
        evidence: Column | str,
        limit: Column | float,
    ) -> Column:
        """The mark on a reading: from and to in seconds since 1970, a figure and what it exceeds;
        null where there is none.
        """
        shown = F.col(evidence) if isinstance(evidence, str) else evidence
        bound = limit if isinstance(limit, Column) else F.lit(limit)
        parts = {
            "kind": F.lit(self.kind),
            "begins": begins.cast("double"),
            "ends": ends.cast("double"),
            "evidence": shown.cast("double"),
            "limit": bound.cast("double"),
            "bridge_s": F.lit(float(self.bridge_s)),
            "least": F.lit(self.least),
            "least_s": F.lit(float(self.least_s)),
        }
        whole = F.struct(*(part.alias(name) for name, part in parts.items()))
        return F.when(F.coalesce(is_one, F.lit(False)), whole)
