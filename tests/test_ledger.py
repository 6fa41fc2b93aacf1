"""The ledger: each batch is in ops.batches once, whoever finds its commit."""

import deltalake
import pyarrow as pa
import pytest
from deltalake import CommitProperties

from lakehouse import ledger, s3, tables
from lakehouse.lake import Lake, note
from lakehouse.ledger import Batch, Ledger
from lakehouse.settings import Settings

EVENTS = tables.by_name("bronze.events")
BATCHES = tables.by_name("ops.batches")
BATCH = Batch(
    "ingest-0-a",
    "ingest",
    EVENTS.name,
    objects=["one", "two"],
    messages_in=5,
    kept=3,
    quarantined=2,
    feeds={"readings": 2, "wearables": 1},
    started_at="2026-03-01T09:30:00.250+00:00",
)


@pytest.fixture
def lake(server, where, request):
    """A lake of the test's own, with the ledger's table and no batch."""
    names = {name: f"{request.node.name[:40].replace('_', '-')}-{name}" for name in ("lake", "ops")}
    settings = Settings(buckets=names)
    s3.ensure_buckets(s3.client(where, server), names.values())
    lake = Lake(settings, server)
    lake.append(BATCHES, ledger._ARROW.empty_table())
    return lake


def commit(lake, batch=BATCH):
    """What Spark does at the end of a batch of ingest, without Spark."""
    deltalake.write_deltalake(
        lake.uri(EVENTS),
        pa.table({"event_id": ["e"]}),
        mode="append",
        storage_options=lake.storage_options,
        commit_properties=CommitProperties(custom_metadata={"userMetadata": note(batch.note())}),
    )


def test_a_batch_that_only_its_commit_knows_is_folded(lake):
    commit(lake)
    [batch] = Ledger(lake).batches
    assert (batch.batch_id, batch.version_after) == ("ingest-0-a", 0)
    assert (batch.objects, batch.feeds) == (["one", "two"], {"readings": 2, "wearables": 1})
    assert lake.rows(BATCHES) == 1


def test_a_batch_that_two_find_is_recorded_once(lake):
    one, two = Ledger(lake), Ledger(lake)
    commit(lake)
    one.fold()
    two.fold()
    one.record([BATCH])
    assert lake.rows(BATCHES) == 1
    assert [batch.batch_id for batch in two.batches] == ["ingest-0-a"]


def test_a_reader_knows_it_and_records_nothing(lake):
    commit(lake)
    assert Ledger(lake, is_reader=True).ingested() == {"one", "two"}
    assert lake.rows(BATCHES) == 0


def test_who_listens_hears_of_each_batch_once(lake):
    heard = []
    books = Ledger(lake)
    books.told = heard.append
    commit(lake)
    books.fold()
    books.record([BATCH])
    assert [batch.batch_id for batch in heard] == ["ingest-0-a"]


def test_messages_without_a_table_of_their_own_wait(lake):
    books = Ledger(lake)
    books.record([BATCH])
    assert books.waiting() == {"wearables": 1}
