"""Undo: a batch is taken back once and for all, whenever it is cut off."""

import pytest

from lakehouse import content, tables
from lakehouse.flow import once, place, undo
from lakehouse.ledger import Ledger
from tests.worlds import lakehouse_in, land

EVENTS = tables.by_name("bronze.events")
QUARANTINE, REPEATS = tables.by_name("ops.quarantine"), tables.by_name("ops.repeats")


@pytest.fixture(scope="module")
def at(where, server, spark, landed):
    """A lakehouse that has ingested two batches, lines in quarantine among both."""
    made = lakehouse_in("undo", where, server, spark)
    keys = sorted(key for key in landed if "reference" not in key)[:60]
    for share in (keys[:30], keys[30:]):
        land(made, {key: landed[key] for key in share})
        once.run(made, "ingest")
    assert made.lake.rows(QUARANTINE) > 0
    return made


def contents(at, *more):
    return [str(content.of(at.store.read(table), table)) for table in (EVENTS, QUARANTINE, *more)]


def reopened(at):
    return place.at(at.settings, at.endpoint, at.spark)


def test_an_undo_that_is_cut_off_after_its_commit_is_brought_to_an_end(at, monkeypatch):
    before, rows = contents(at), at.lake.rows(EVENTS)
    newest = at.ledger.of("ingest")[-1]

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(Ledger, "record", killed)
        undo.batch(at, newest.batch_id)
    assert at.lake.rows(EVENTS) == rows - newest.kept

    again = reopened(at)
    assert newest.batch_id not in {one.batch_id for one in again.ledger.of("ingest")}
    once.run(again, "ingest")
    assert contents(again) == before


def test_an_undo_stays_undone_where_the_ledger_is_folded_anew(at):
    mine, before = reopened(at), contents(at)
    newest = mine.ledger.of("ingest")[-1]
    undo.batch(mine, newest.batch_id)
    mine.lake.open(tables.by_name("ops.batches")).delete()
    again = reopened(at)
    assert newest.batch_id in again.ledger.undone("bronze.events")
    assert len(again.ledger.of("ingest")) == 1
    once.run(again, "ingest")
    assert contents(again) == before


@pytest.mark.slow  # every silver table, twice
def test_a_batch_of_refine_is_taken_back_with_what_it_set_aside(at):
    mine = reopened(at)
    once.run(mine, "refine")
    before, rows = contents(mine, REPEATS, *tables.SILVER), mine.lake.rows(QUARANTINE)
    newest = mine.ledger.of("refine")[-1].batch_id
    undone = undo.batch(mine, newest)
    assert mine.lake.rows(QUARANTINE) == rows - sum(one.quarantined for one in undone) < rows
    assert newest not in {one.batch_id for one in mine.ledger.of("refine")}
    again = reopened(at)
    once.run(again, "refine")
    assert contents(again, REPEATS, *tables.SILVER) == before
