"""Maintenance: fewer files and the same rows; nothing goes that somebody still needs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from pyspark.sql import functions as F

from lakehouse import content, ledger, places, s3, tables
from lakehouse.errors import BatchFailed
from lakehouse.flow import build, maintain, undo
from lakehouse.lake import Commit
from lakehouse.settings import Buckets, Maintain
from tests.worlds import copied

EVENTS, QUARANTINE = tables.by_name("bronze.events"), tables.by_name("ops.quarantine")
READINGS, DEVICES = tables.by_name("silver.readings"), tables.by_name("silver.devices")


def place_with(*batches):
    """A place of which only the ledger is asked."""

    def of(stage, name=None):
        return [one for one in batches if one.stage == stage and name in (None, one.table_name)]

    def counts():
        return {(one.batch_id, one.table_name) for one in batches}

    return SimpleNamespace(ledger=SimpleNamespace(of=of, counts=counts))


def test_quarantine_is_kept_from_before_what_an_undo_would_take_out():
    place = place_with(replace(refined(READINGS, 1), batch_id="old"), refined(READINGS, 2))
    notes = [(3, {"part_of": "old"}), (5, {"part_of": "r"}), (7, {"part_of": "r"})]
    place.lake = SimpleNamespace(commits=lambda _: [Commit(*one) for one in notes])
    assert maintain.oldest_needed(place, QUARANTINE) == 4


def test_quarantine_is_kept_from_before_what_a_batch_left_that_was_cut_off():
    place = place_with(refined(READINGS, 2))
    notes = [(3, {"part_of": "cut off"}), (7, {"part_of": "r"})]
    place.lake = SimpleNamespace(commits=lambda _: [Commit(*one) for one in notes])
    assert maintain.oldest_needed(place, QUARANTINE) == 2
    notes.insert(1, (5, {"undoes_part_of": "cut off"}))
    assert maintain.oldest_needed(place, QUARANTINE) == 6


def refined(table, until, **more):
    return ledger.Batch("r", "refine", table.name, source_to=until, **more)


def test_bronze_is_kept_from_the_version_that_the_slowest_table_has_reached():
    batches = [refined(table, 7) for table in tables.SILVER]
    assert maintain.oldest_needed(place_with(*batches), EVENTS) == 7
    batches[3] = refined(tables.SILVER[3], 5)
    assert maintain.oldest_needed(place_with(*batches), EVENTS) == 5
    assert maintain.oldest_needed(place_with(*batches[1:]), EVENTS) == 0


def test_a_table_is_kept_from_the_version_that_others_stand_on_or_undo_goes_back_to():
    oldest = refined(READINGS, 1, upstream={DEVICES.name: 2})
    old = refined(READINGS, 2, upstream={DEVICES.name: 6})  # the newest once `new` is undone
    new = refined(READINGS, 3, upstream={DEVICES.name: 8})
    assert maintain.oldest_needed(place_with(oldest, old, new), DEVICES) == 6
    built = ledger.Batch("b", "build", "gold.shop_hours", upstream={DEVICES.name: 4})
    assert maintain.oldest_needed(place_with(old, new, built), DEVICES) == 4
    own = refined(DEVICES, 2, version_before=3)
    assert maintain.oldest_needed(place_with(old, new, built, own), DEVICES) == 3
    assert maintain.oldest_needed(place_with(), DEVICES) is None


@pytest.fixture
def ops(server, where):
    """A place without tables: settings, storage, and what a test gives it for a ledger."""
    settings = where.model_copy(
        update={"buckets": Buckets.named("kept"), "maintain": Maintain(landing_days=0)}
    )
    storage = s3.client(settings, server)
    s3.ensure_buckets(storage, settings.buckets.model_dump().values())
    zone = SimpleNamespace(storage=lambda: storage, bucket=settings.buckets.landing)
    return SimpleNamespace(settings=settings, zone=zone)


def test_what_is_ingested_leaves_the_landing_zone_after_its_days(ops):
    storage, bucket = ops.zone.storage(), ops.zone.bucket
    for name in ("a", "b", "c", "new"):
        s3.put(storage, bucket, name, b"{}")
    done = [
        ledger.Batch("i1", "ingest", EVENTS.name, objects=["a", "b"]),
        ledger.Batch("i2", "ingest", EVENTS.name, objects=["c"]),
    ]
    ops.ledger = place_with(*done).ledger
    assert maintain.expire_landing(ops) == 2
    assert [one["Key"] for one in s3.objects(storage, bucket)] == ["c", "new"]


def test_old_checkpoints_of_a_log_go_but_the_newest_stay(ops, monkeypatch):
    storage, bucket = ops.zone.storage(), places.bucket(ops.settings, READINGS)
    log = places.log(READINGS)
    names = [f"{version:020}.checkpoint.parquet" for version in range(10, 70, 10)]
    names += [f"{20:020}.json", "_last_checkpoint"]
    for name in names:
        s3.put(storage, bucket, log + name, b"")
    maintain._drop_checkpoints(ops, READINGS)  # a batch under way may stand on any of them
    assert len(list(s3.objects(storage, bucket, log))) == len(names)
    monkeypatch.setattr(maintain, "LONGEST_BATCH", timedelta(hours=-1))
    maintain._drop_checkpoints(ops, READINGS)
    left = [one["Key"].removeprefix(log) for one in s3.objects(storage, bucket, log)]
    assert left == sorted([*names[3:6], f"{20:020}.json", "_last_checkpoint"])


@pytest.fixture(scope="module")
def place(lakehouse):
    """A copy of the small world, to be maintained."""
    return copied(lakehouse, "m")


@pytest.mark.timeout(900)
def test_a_table_has_fewer_files_and_the_same_rows_and_gold_is_built_on(place, monkeypatch):
    monkeypatch.setattr(maintain, "LONGEST_BATCH", timedelta(0))
    later = datetime.now(UTC) + timedelta(hours=10)  # than all that the ledger names
    monkeypatch.setattr(maintain, "datetime", SimpleNamespace(now=lambda _: later))
    sizes = {"maintain": Maintain(time_travel_hours=0)}
    place.settings = place.settings.model_copy(update=sizes)
    more = (
        place.store.read(READINGS).limit(2).withColumn("event_id", F.concat("event_id", F.lit("+")))
    )
    place.store.append(READINGS, more.coalesce(1), {})
    # Delta's own rule would take the old files at once, and refuse to read what was before.
    place.spark.sql(
        f"ALTER TABLE delta.`{place.store.uri(READINGS)}` SET TBLPROPERTIES "
        "('delta.deletedFileRetentionDuration' = 'interval 1 second')"
    )
    for table in (EVENTS, READINGS):
        before = content.of(place.store.read(table), table)
        report = maintain.table(place, table)
        assert report.before.count > report.after.count
        assert content.of(place.store.read(table), table) == before
        oldest = place.lake.committed_at(table, maintain.oldest_needed(place, table))
        assert report.kept_since <= oldest
    # What gold was built from is older than the compaction; what changed since is still readable.
    # (The gate would not let it pass: these readings are in no ledger.)
    assert build.table(place, tables.by_name("gold.shop_hours"))
    monkeypatch.setattr(maintain, "oldest_needed", lambda *_: None)
    assert maintain.table(place, READINGS).vacuumed == 2


def test_a_payload_in_quarantine_goes_after_its_time_and_the_row_stays(place, monkeypatch):
    rows = place.lake.rows(QUARANTINE)
    now = datetime(2100, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(maintain, "datetime", SimpleNamespace(now=lambda _: now))
    maintain.expire_quarantine(place)
    found = place.lake.read(QUARANTINE).to_pandas()
    dated = found[found["arrived_at"].notna()]
    assert len(found) == rows
    assert dated["payload"].isna().all()
    assert dated["subject"].isna().all()
    assert not dated["is_releasable"].any()
    assert dated["reasons"].map(len).min() > 0


def test_a_batch_whose_objects_have_left_cannot_be_taken_back(place):
    newest = place.ledger.of("ingest")[-1]
    s3.delete(place.zone.storage(), place.zone.bucket, newest.objects[:1])
    with pytest.raises(BatchFailed, match=f"1 objects of {newest.batch_id} are no longer in the"):
        undo.batch(place, newest.batch_id)
