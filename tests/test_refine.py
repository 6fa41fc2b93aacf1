"""Which tables a batch of refine takes how far, and with which reference rows."""

import threading
from types import SimpleNamespace

import pytest

from lakehouse import ledger, tables
from lakehouse.flow import refine
from lakehouse.flow.span import Range, references_now

NEWEST = 3


@pytest.fixture
def place():
    """A place with bronze at NEWEST and nothing refined; a batch is a row in its ledger."""
    batches = []

    def of(stage, table_name=None):
        return [
            one for one in batches if one.stage == stage and table_name in (None, one.table_name)
        ]

    return SimpleNamespace(
        settings=SimpleNamespace(refine=SimpleNamespace(batch_messages=1_000_000)),
        lake=SimpleNamespace(version=lambda table: NEWEST),
        ledger=SimpleNamespace(of=of, fold=lambda: None, batches=batches),
        closing=threading.Event(),
    )


@pytest.fixture
def refined(place, monkeypatch):
    """The tables and range of each batch; the work itself is left out."""
    done = []

    def batch(place, group, after, until):
        done.append((tuple(group), after, until))
        new = [ledger.Batch("b", "refine", table.name, source_to=until) for table in group]
        place.ledger.batches += new
        return new

    monkeypatch.setattr(refine, "_refine", batch)
    return done


def reached(place, group, version):
    place.ledger.batches += [
        ledger.Batch("before", "refine", table.name, source_to=version) for table in group
    ]


def test_reference_tables_go_first(place, refined):
    refine.everything(place)
    assert refined == [(refine.HISTORY, -1, NEWEST), (refine.MEASURED, -1, NEWEST)]


def test_a_table_that_is_behind_catches_up_alone(place, refined):
    late, *others = refine.MEASURED
    reached(place, refine.HISTORY, NEWEST)
    reached(place, others, 1)
    refine.everything(place)
    assert refined == [((late,), -1, 1), (refine.MEASURED, 1, NEWEST)]


def test_cold_tables_alone_go_no_further_than_the_reference_tables(place, refined):
    refine.everything(place, (refine.COLD,))
    reached(place, refine.HISTORY, 2)
    reached(place, refine.HISTORY[1:], NEWEST)
    refine.everything(place, (refine.COLD,))
    assert refined == [(refine.COLD, -1, 2)]


def test_what_bronze_gets_meanwhile_is_left_to_the_next_call(place, refined, monkeypatch):
    versions = iter(range(NEWEST, 100))
    monkeypatch.setattr(place.lake, "version", lambda table: next(versions))
    refine.everything(place)
    assert [until for _, _, until in refined] == [NEWEST, NEWEST]


def test_no_batch_begins_once_the_place_is_closing(place, refined, monkeypatch):
    monkeypatch.setattr(place.ledger, "fold", place.closing.set)
    refine.everything(place)
    assert [group for group, _, _ in refined] == [refine.HISTORY]


def test_reference_rows_are_those_of_the_batches_versions(lakehouse):
    devices, readings = tables.by_name("silver.devices"), tables.by_name("silver.readings")
    now = references_now(lakehouse)
    assert lakehouse.lake.rows(devices)
    old = Range(lakehouse, "b", 0, 1, now | {devices.name: 0})
    assert [known.isEmpty() for known in old.known(readings)] == [True, False]
    assert old.references(readings)[devices.name] == 0
