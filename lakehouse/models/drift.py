"""How far what a model meets has moved from what it was learnt from: the population stability index."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

_BINS = 10
# From here on a shift is called large: Siddiqi (2006), "Credit Risk Scorecards".
LARGE = 0.25
# An index that chance alone gives this seldom is none of chance.
_SURE = 0.999
# Half a row in each bin, that an empty one may be compared: Jeffreys' prior.
_PRIOR = 0.5

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """How far the values of one name have moved.

    value   the index; 0 where nothing has moved
    limit   beyond which it has
    """

    name: str
    value: float
    limit: float

    @property
    def is_over(self) -> bool:
        """Whether it has moved."""
        return self.value > self.limit


def shifts(before: pd.DataFrame, now: pd.DataFrame) -> list[Shift]:
    """One of each column of two frames; none where one of them has no row.

    Numbers are put into tenths of those before, words into the nine most usual before and all others.
    """
    if before.empty or now.empty:
        return []
    return [_shift(str(name), before[name], now[name]) for name in before]


def _shift(name: str, before: pd.Series, now: pd.Series) -> Shift:
    """The index, and the larger of what is called large and of what chance gives.

    Source  Yurdakul (2018), "Statistical properties of the population stability index": where nothing
            has moved, it is (1/n + 1/m) times a chi-squared variable with a degree less than bins
    """
    count = _of_numbers if pd.api.types.is_numeric_dtype(before) else _of_words
    old, new = count(before, now)
    p, q = (_shares(counts) for counts in (old, new))
    value = float(((q - p) * np.log(q / p)).sum())
    by_chance = chi2.ppf(_SURE, max(len(old) - 1, 1)) * (1 / old.sum() + 1 / new.sum())
    return Shift(name, value, max(LARGE, float(by_chance)))


def _shares(counts: Counts) -> Counts:
    some = counts + _PRIOR
    return np.asarray(some / some.sum())


def _of_numbers(before: pd.Series, now: pd.Series) -> tuple[Counts, Counts]:
    """Counts by tenths of those before; what is missing has a bin of its own."""
    inner = np.unique(before.dropna().quantile(np.arange(1, _BINS) / _BINS))

    def counts(values: pd.Series) -> Counts:
        there = values.dropna()
        found = np.bincount(np.searchsorted(inner, there, side="left"), minlength=len(inner) + 1)
        return np.append(found, len(values) - len(there)).astype(float)

    return counts(before), counts(now)


def _of_words(before: pd.Series, now: pd.Series) -> tuple[Counts, Counts]:
    """Counts of the most usual words before, and of all others together."""
    usual = before.value_counts().index[: _BINS - 1]

    def counts(values: pd.Series) -> Counts:
        named = values.value_counts().reindex(usual, fill_value=0).to_numpy()
        return np.append(named, len(values) - named.sum()).astype(float)

    return counts(before), counts(now)
