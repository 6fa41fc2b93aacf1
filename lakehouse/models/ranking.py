"""How good lists are: figures of one list a unit, at a cut-off.

Truth against itself is 1, an empty list is 0. Source: Järvelin and Kekäläinen (2002), "Cumulated
gain-based evaluation of IR techniques", with gains of 0 and 1.
"""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]

AT = 10


def top(scores: Scores, allowed: Flags, at: int = AT) -> NDArray[np.int64]:
    """The columns with the highest scores of each row, best first, -1 where there are no more.

    Takes   scores   units × items; of equal ones the item with the lower number comes first
            allowed  units × items: what may be named
    """
    ranked = np.where(allowed, scores, -np.inf)
    at = min(at, ranked.shape[1])
    best = np.argsort(-ranked, axis=1, kind="stable")[:, :at]
    is_there = np.take_along_axis(ranked, best, axis=1) > -np.inf
    return np.where(is_there, best, -1)


def hits(best: NDArray[np.int64], relevant: Flags) -> Flags:
    """Whether each place of each list names something relevant."""
    found = np.take_along_axis(relevant, np.maximum(best, 0), axis=1)
    return np.asarray(found & (best >= 0))


def ndcg(best: NDArray[np.int64], relevant: Flags) -> Scores:
    """Normalised discounted cumulative gain of each list; 0 where nothing is relevant."""
    discount = 1 / np.log2(np.arange(2, best.shape[1] + 2))
    gained = (hits(best, relevant) * discount).sum(axis=1)
    reachable = np.concatenate([[0.0], discount.cumsum()])
    ideal = reachable[np.minimum(relevant.sum(axis=1), best.shape[1])]
    return np.asarray(np.divide(gained, ideal, out=np.zeros_like(gained), where=ideal > 0))


def recall(best: NDArray[np.int64], relevant: Flags) -> Scores:
    """Share of what is relevant that each list names; 0 where nothing is relevant."""
    of = relevant.sum(axis=1)
    named = hits(best, relevant).sum(axis=1).astype(float)
    return np.asarray(np.divide(named, of, out=np.zeros_like(named), where=of > 0))


def coverage(best: NDArray[np.int64], items: int) -> float:
    """Share of all items that some list names."""
    return float(len(np.unique(best[best >= 0])) / items) if items else 0.0


def novelty(best: NDArray[np.int64], popularity: Scores) -> float:
    """Mean self-information of what is named, in bits: how seldom it is bought.

    Takes   popularity  share of the units that bought each item, above 0
    Source  Castells, Hurley and Vargas (2015), "Novelty and diversity in recommender systems"
    """
    named = best[best >= 0]
    return float(-np.log2(popularity[named]).mean()) if named.size else 0.0
