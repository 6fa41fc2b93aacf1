"""Who was taken over while it rested writes nothing of what it worked out: it would be older."""

from datetime import UTC, datetime

import pytest

from lakehouse import tables
from lakehouse.errors import BatchFailed
from lakehouse.flow import build, place
from tests.worlds import lakehouse_in

SILVER, GOLD = tables.by_name("silver.products"), tables.by_name("gold.products")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def at(where, server, spark):
    """A lakehouse with no product yet."""
    return lakehouse_in("taken", where, server, spark)


def comes(at, frame, name):
    """A product lands in silver."""
    row = dict.fromkeys(("product_id", "batch_id", "source_object", "event_id"), name)
    row |= {"source_line": 0} | dict.fromkeys(("arrived_at", "valid_from"), NOON)
    at.store.append(SILVER, frame(SILVER.name, row), {})


@pytest.mark.parametrize(
    ("write", "there", "sentence"),
    [
        ("append", "", r"build-products-.* another process was first; nothing of it was written"),
        ("merge", "AB", r"build-products-.* of another process came first; nothing was written"),
    ],
)
def test_who_rested_while_another_built_is_refused(at, frame, write, there, sentence):
    before, after = "CD" if there else "AB"
    comes(at, frame, before)
    mine = place.at(at.settings, at.endpoint, at.spark)
    writes = getattr(mine.store, write)

    def rests(*arguments, **more):
        comes(at, frame, after)
        assert build.table(place.at(at.settings, at.endpoint, at.spark), GOLD)
        writes(*arguments, **more)

    setattr(mine.store, write, rests)
    with pytest.raises(BatchFailed, match=sentence):
        build.table(mine, GOLD)
    found = place.at(at.settings, at.endpoint, at.spark)
    assert {name for (name,) in found.lake.distinct(GOLD, "product_id")} == {*there, before, after}
    assert build.table(found, GOLD) is None
