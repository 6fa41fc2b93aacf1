"""Figures of lists: at their limits first, then by hand."""

import numpy as np
import pytest

from lakehouse.models import ranking

RELEVANT = np.array([[True, False, True, False], [False, False, False, True]])
ALL = np.ones_like(RELEVANT)


def lists(*rows):
    return np.array(rows)


def test_truth_against_itself_is_one_and_an_empty_list_is_zero():
    truth = ranking.top(RELEVANT.astype(float), RELEVANT, at=2)
    nothing = np.full((2, 2), -1)
    for figure in (ranking.ndcg, ranking.recall):
        assert figure(truth, RELEVANT) == pytest.approx([1, 1])
        assert figure(nothing, RELEVANT) == pytest.approx([0, 0])


def test_where_nothing_is_relevant_every_figure_is_zero():
    none = np.zeros((1, 4), dtype=bool)
    best = lists([0, 1])
    assert ranking.ndcg(best, none) == ranking.recall(best, none) == [0]


def test_a_hit_counts_less_the_later_it_stands():
    first, second = ranking.ndcg(lists([3, 0], [0, 3]), RELEVANT[[1, 1]])
    assert (first, second) == pytest.approx((1, 1 / np.log2(3)))


def test_only_what_is_allowed_is_named_and_equal_scores_go_by_number():
    scores = np.array([[5.0, 1.0, 1.0, 9.0]])
    allowed = np.array([[True, True, True, False]])
    assert ranking.top(scores, allowed, at=4).tolist() == [[0, 1, 2, -1]]


def test_coverage_counts_each_item_once_and_novelty_is_in_bits():
    best = lists([0, 1], [0, -1])
    assert ranking.coverage(best, 4) == 0.5
    assert ranking.novelty(best, np.array([0.5, 0.25, 1, 1])) == pytest.approx((1 + 2 + 1) / 3)
