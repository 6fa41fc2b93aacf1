"""How what was found is compared with what was planted."""

import math
from dataclasses import dataclass

import pandas as pd

from bench.results import Row

_Z = 1.959963985  # 95 % of a normal distribution


@dataclass(frozen=True)
class Score:
    """How many of the planted were found, and how many of those found were planted."""

    planted: int
    hit: int
    found: int
    right: int

    def __add__(self, other: "Score") -> "Score":
        """Both together."""
        return Score(
            self.planted + other.planted,
            self.hit + other.hit,
            self.found + other.found,
            self.right + other.right,
        )

    @property
    def recall(self) -> float:
        """The share of the planted that was found."""
        return self.hit / self.planted if self.planted else math.nan

    @property
    def precision(self) -> float:
        """The share of the found that was planted."""
        return self.right / self.found if self.found else math.nan


NOTHING = Score(0, 0, 0, 0)


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    Source  Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if not of:
        return math.nan, math.nan
    share, square = right / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return middle - half, middle + half


def intervals(planted: pd.DataFrame, found: pd.DataFrame, slack: pd.Timedelta) -> Score:
    """Intervals of devices: one is met by one of the same device that overlaps it, widened by the
    slack on both sides.

    Takes   planted, found  device_id, from_at, to_at (UTC, without zone)
    """
    pairs = (
        planted.reset_index(drop=True)
        .rename_axis("planted")
        .reset_index()
        .merge(
            found.reset_index(drop=True).rename_axis("found").reset_index(),
            on="device_id",
            suffixes=("", "_found"),
        )
    )
    meets = (pairs["from_at"] <= pairs["to_at_found"] + slack) & (
        pairs["from_at_found"] <= pairs["to_at"] + slack
    )
    pairs = pairs[meets]
    return Score(
        len(planted), pairs["planted"].nunique(), len(found), int(pairs["found"].nunique())
    )


def whole(found: pd.DataFrame) -> pd.DataFrame:
    """The faults of devices, those cut at midnight put together again."""
    ordered = found.sort_values(["device_id", "fault", "from_at"], ignore_index=True)
    same = ordered[["device_id", "fault"]].eq(ordered[["device_id", "fault"]].shift()).all(axis=1)
    goes_on = same & (ordered["from_at"] <= ordered["to_at"].shift())
    island = (~goes_on).cumsum()
    return ordered.groupby(island).agg(
        {"device_id": "first", "fault": "first", "from_at": "min", "to_at": "max"}
    )


def sets(planted: pd.Index, found: pd.Index) -> Score:
    """Rows known by a key: one is met by itself."""
    both = len(planted.intersection(found))
    return Score(len(planted), both, len(found), both)


def rows(
    kind: str, ours: Score, naive: Score | None, how: str, aims: tuple[float, ...]
) -> list[Row]:
    """Recall and precision of a kind, with how many there were and the interval, for the table.

    Takes   how   the naive method, in words
            aims  of recall and of precision; none where there is none
    """
    made = []
    for place, what in enumerate(("recall", "precision")):
        right, of = (ours.hit, ours.planted) if what == "recall" else (ours.right, ours.found)
        low, high = wilson(right, of)
        made.append(
            Row(
                f"{kind}: {what}",
                round(getattr(ours, what), 4),
                f"{right} of {of}, {low:.3f} to {high:.3f}",
                aims[place] if aims else None,
                None if naive is None else round(getattr(naive, what), 4),
                None if naive is None else how,
            )
        )
    return made
