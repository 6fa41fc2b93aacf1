"""How a table stands at the gate, by the verdicts on its versions."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lakehouse.verdicts import Verdicts, sentences
from tests.test_documents import MARCH_1, verdict

EMPTY = SimpleNamespace(exists=lambda table: False, add=lambda table, rows: None)


@pytest.fixture
def known():
    """The verdicts of a lake without any."""
    return Verdicts(EMPTY)


def test_a_rule_has_not_held_since_the_first_version_of_the_last_time(known):
    for day, holds in enumerate((False, True, False, False)):
        known.record([verdict("key", day, holds=holds), verdict("sums", day)])
    stand = known.stand("silver.sales")
    assert (stand.version, stand.since) == (6, {"key": 5})
    assert known.good("silver.sales") == {4: verdict("key", 1).arrived_at}


def test_a_version_that_passes_at_last_is_a_good_one(known):
    known.record([verdict("key", holds=False)])
    assert known.good("silver.sales") == {}
    known.record([verdict("key", run="h")])
    assert known.good("silver.sales") == {3: MARCH_1}
    assert known.stand("silver.sales").failed == ()


def test_what_breaks_the_gate_stands_before_what_warns_and_is_said_with_its_number(known):
    known.record(
        [
            verdict("a", holds=False, severity="warn", observed=0.25),
            verdict("b", holds=False, sentence="It is so.", observed=1234.0),
            verdict("c", holds=False, unexpected=7),
        ]
    )
    stand = known.stand("silver.sales")
    assert [one.expectation_id for one in stand.failed] == ["b", "c", "a"]
    assert [one.expectation_id for one in stand.broken] == ["b", "c"]
    [said] = sentences({"silver.sales": stand})
    assert said.startswith(
        "silver.sales has not passed the gate since version 3: "
        'not "It is so." (b, found 1,234) and 1 more; gold.calendar, '
    )
    assert said.endswith("stay as they are; `lakehouse gate silver.sales` shows more")


def test_a_rule_that_only_warns_holds_nothing_back(known):
    known.record([verdict("a", holds=False, severity="warn")])
    assert sentences({"silver.sales": known.stand("silver.sales")}) == []


def test_a_rule_that_the_file_has_no_longer_is_forgotten(known):
    known.record([verdict("gone", holds=False), verdict("stays", holds=False)])
    known.record([replace(verdict("stays", 1, holds=False), rules_version="s")])
    assert [one.expectation_id for one in known.stand("silver.sales").failed] == ["stays"]
