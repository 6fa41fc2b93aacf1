"""Counting in columns."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Instants = npt.NDArray[np.datetime64]


def within(counts: npt.ArrayLike) -> Ints:
    """0, 1, … counts[0] - 1, then 0, 1, … counts[1] - 1, and so on."""
    sizes = np.asarray(counts, dtype=np.int64)
    return np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def present(came: Instants, went: Instants, at: Instants) -> Ints:
    """How many were there at each instant, of all that came and went."""
    return np.searchsorted(np.sort(came), at, "right") - np.searchsorted(np.sort(went), at, "right")
