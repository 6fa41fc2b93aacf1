"""verify: each promise holds in a small world, and a breach planted in it is caught."""

import gzip
import io
import json
from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lakehouse import places, s3, tables
from lakehouse.flow import verify
from lakehouse.flow.promises import accounted, landed, replay
from lakehouse.flow.promises.evidence import Evidence
from lakehouse.flow.promises.names import Needles
from lakehouse.lake import Lake
from lakehouse.settings import Buckets
from tests.worlds import copied

# The first test makes the world; all of them take four minutes, which `make test` has not got.
pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

BUCKETS = Buckets.named("v")


@pytest.fixture(scope="module")
def place(lakehouse):
    """A copy of the small world's buckets, tables and all, to plant breaches in."""
    return copied(lakehouse, "v")


@pytest.fixture
def change(place):
    """Run a statement on a table ({} in it); the table is as before once the test is over.

    Its new commits are taken out of the log: RESTORE would do the same in seconds a table.
    """
    before = {}

    def run(name, statement):
        table = tables.by_name(name)
        before.setdefault(table, place.lake.version(table))
        place.spark.sql(statement.format(f"delta.`{place.store.uri(table)}`"))

    yield run
    storage = place.zone.storage()
    for table, version in before.items():
        bucket = places.bucket(place.settings, table)
        log = places.log(table)
        for one in list(s3.objects(storage, bucket, log)):
            number = one["Key"].removeprefix(log).partition(".")[0]
            if number == "_last_checkpoint" or (number.isdigit() and int(number) > version):
                storage.delete_object(Bucket=bucket, Key=one["Key"])
        place.lake.forget()
        assert place.lake.version(table) == version
    place.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


@pytest.fixture
def put(place):
    """Put an object into a bucket; it is gone once the test is over."""
    storage = place.zone.storage()
    keys = []

    def run(bucket, key, body):
        s3.put(storage, bucket, key, body)
        keys.append((bucket, key))

    yield run
    for bucket, key in keys:
        storage.delete_object(Bucket=bucket, Key=key)


def details(place, number):
    """What is said about one promise."""
    [finding] = verify.promises(place, only=[number])
    assert finding.is_kept is not bool(finding.details)
    return " | ".join(finding.details)


def least(place, name, column, where=None):
    """The least value of a column, to pick one row by."""
    rows = place.lake.read(tables.by_name(name))
    if where is not None:
        rows = rows.filter(where)
    return pc.min(rows[column]).as_py()


def subject(place):
    """A raw subject that landed."""
    return min(one for object_ in landed.read(place) for one in object_.subjects)


def test_every_promise_holds(place):
    said = []
    findings = list(verify.promises(place, says=said.append))
    assert [finding.number for finding in findings] == list(range(1, 11))
    assert said == [finding.sentence for finding in findings]
    assert [finding.details for finding in findings] == [()] * 10


def test_the_world_has_something_to_lose(place):
    counts = place.lake.sql().execute(
        "SELECT (SELECT count(*) FROM ops.quarantine), (SELECT count(*) FROM ops.repeats), "
        "(SELECT count_if(is_late) FROM silver.sales)"
    )
    assert min(counts.fetchone()) > 0


def test_1_a_line_that_is_not_in_bronze_is_missed(place, change):
    event_id = least(place, "bronze.events", "event_id")
    change("bronze.events", f"DELETE FROM {{}} WHERE event_id = '{event_id}'")
    said = details(place, 1)
    assert "lines landed" in said
    assert "bronze.events: the ledger says" in said


def test_1_an_object_that_was_not_ingested_is_named(place, put):
    put(BUCKETS.landing, "2018-01-01/till_20180101T000000.000Z.jsonl", b"{}\n")
    assert "1 landed objects are not ingested: 2018-01-01/till_" in details(place, 1)


def test_1_a_message_that_is_nowhere_is_missed_and_its_batch_named(place, change):
    event_id = least(place, "silver.sightings", "event_id")
    change("silver.sightings", f"DELETE FROM {{}} WHERE event_id = '{event_id}'")
    said = details(place, 1)
    assert "silver.sightings: 1 messages are not in exactly one place" in said
    assert "is in nowhere" in said
    assert "look at refine-" in said


def test_1_a_message_in_two_places_is_seen(place, change):
    row = place.lake.read(tables.by_name("silver.zones")).to_pylist()[0]
    change(
        "ops.repeats",
        "INSERT INTO {} (table_name, event_id, source_object, source_line, arrived_at, batch_id) "
        f"VALUES ('silver.zones', 'x', '{row['source_object']}', {row['source_line']}, "
        f"timestamp '{row['arrived_at']:%Y-%m-%d %H:%M:%S}', 'x')",
    )
    assert "is in repeats and silver" in details(place, 1)


def test_1_a_ledger_with_wrong_sums_is_seen_and_the_batch_named(place, change):
    change("ops.batches", "UPDATE {} SET kept = kept + 1 WHERE table_name = 'silver.sales'")
    said = details(place, 1)
    assert "of silver.sales: ops.batches and the commit differ in kept" in said
    assert "silver.sales: the ledger says" in said


def test_1_a_commit_that_the_ledger_does_not_know_is_seen(place, change):
    change("silver.zones", "DESCRIBE {}")  # so that it is restored
    zones = tables.by_name("silver.zones")
    again = place.store.read(zones).limit(1)  # of an empty append Delta makes no commit
    place.store.append(zones, again, {"batch": {"batch_id": "refine-7-9", "kept": 5}})
    assert "batch refine-7-9 of silver.zones is not in ops.batches" in details(place, 1)


@pytest.mark.parametrize(
    ("name", "body", "lines"),
    [
        ("plain.jsonl", b"a\nb\n", 2),
        ("no_end.jsonl", b"a\nb", 2),
        ("empty.jsonl", b"", 0),
        ("two.jsonl.gz", gzip.compress(b"a\nb\n") + gzip.compress(b"c\n"), 3),
        ("cut.jsonl.gz", gzip.compress(b"a\nb\n", 0)[:-9], 1),
    ],
)
def test_1_lines_are_counted_by_a_reader_of_its_own(name, body, lines):
    assert landed.look_at(name, body).lines == lines


def test_1_nothing_at_all_is_no_proof():
    [said] = accounted.broken(SimpleNamespace(landed=[], batches=[]))
    assert said.startswith("nothing has landed")


@pytest.mark.parametrize("name", ["silver.readings", "gold.products"])
def test_2_a_row_that_stands_twice_is_seen(place, change, name):
    [key, *_] = tables.by_name(name).key
    one = least(place, name, key)
    change(name, f"INSERT INTO {{0}} SELECT * FROM {{0}} WHERE {key} = '{one}'")
    assert f"{name}: 1 keys stand there twice: {one}" in details(place, 2)


def test_3_a_late_row_that_is_not_told_is_seen(place, change):
    change("silver.sales", "UPDATE {} SET is_late = false WHERE is_late")
    assert "silver.sales: is_late is wrong in" in details(place, 3)


def test_3_a_ledger_that_does_not_count_the_late_is_seen(place, change):
    change("ops.batches", "UPDATE {} SET late = 0 WHERE table_name = 'silver.sales'")
    assert "silver.sales: the ledger says 0 late messages, there are" in details(place, 3)


def test_3_a_gold_hour_without_its_late_sales_is_seen(place, change):
    at = least(place, "silver.sales", "paid_at", pc.field("is_late"))
    hour = f"{at:%Y-%m-%d %H}:00:00"
    change("gold.shop_hours", f"UPDATE {{}} SET items = 0 WHERE hour_at = timestamp '{hour}'")
    assert "hours with late sales are wrong" in details(place, 3)


def test_4_cells_that_a_replay_does_not_give_are_seen(place, change):
    cells = {"silver.readings": "value = 4.321", "gold.ratings": "quantity = 4321"}
    for name, cell in cells.items():
        [key, *_] = tables.by_name(name).key
        change(name, f"UPDATE {{}} SET {cell} WHERE {key} = '{least(place, name, key)}'")
    among = [tables.by_name(name) for name in (*cells, "silver.zones", "gold.shops")]
    said = list(replay.differs(Evidence(place), among))
    assert [one.partition(": a replay gives ")[0] for one in said] == list(cells)


def test_5_rows_that_break_a_rule_and_older_rules_are_seen(place, change):
    change("silver.sales", "UPDATE {} SET discount_cents = -5")
    change("ops.batches", "UPDATE {} SET rules_version = 'abc' WHERE table_name = 'silver.zones'")
    said = details(place, 5)
    assert "break discount_is_not_negative" in said
    assert "silver.zones: last refined by rules abc" in said


def test_6_a_raw_subject_is_found_wherever_it_stands(place, put, home):
    person = subject(place)
    deep = pa.table({"said": [[{"by": "nobody"}], [{"by": person.decode() * 2}]]})
    packed = io.BytesIO()
    pq.write_table(deep, packed, compression="gzip", write_statistics=False)
    assert person not in packed.getvalue()
    put(BUCKETS.gold, "gold/deep.parquet", packed.getvalue())
    put(BUCKETS.ops, "_checkpoints/refine/offsets/9", b'{"at": "' + person + b'"}')
    log = home / "logs" / "planted.log"
    log.write_bytes(b"INFO: \xff" + person)
    try:
        said = details(place, 6)
    finally:
        log.unlink()
    assert "v-gold/gold/deep.parquet holds 1 raw subjects" in said
    assert "v-ops/_checkpoints/refine/offsets/9 holds 1 raw subjects" in said
    assert "logs/planted.log holds 1 raw subjects" in said
    assert person.decode() not in said


@pytest.mark.parametrize("before", range(9))
def test_6_a_subject_is_found_at_every_place_and_only_whole(before):
    needles = Needles(frozenset([b"a-long-subject", b"other-subject", b"short"]))
    assert needles.within(b"x" * before + b"a-long-subject") == {b"a-long-subject"}
    assert needles.within(b"x" * before + b"a-long-subjecT short") == set()


def test_7_a_row_of_an_unknown_batch_is_seen(place, change):
    change("gold.products", "UPDATE {} SET batch_id = 'nobody'")
    assert "are of batch nobody, which is in no ledger" in details(place, 7)


def test_7_a_batch_that_does_not_say_what_it_read_is_seen(place, change):
    change("ops.batches", "UPDATE {} SET upstream = map() WHERE table_name = 'gold.ratings'")
    assert "of gold.ratings does not say its version of silver.sales" in details(place, 7)


def test_8_a_gap_in_a_log_is_seen(place, put):
    put(BUCKETS.lake, f"bronze/corrections/_delta_log/{7:020}.json", b"{}")
    assert "bronze.corrections: the log lacks version" in details(place, 8)


def test_8_a_batch_that_was_committed_twice_is_seen(place, change):
    change("gold.shops", "DESCRIBE {}")  # so that it is restored
    shops = tables.by_name("gold.shops")
    [batch] = [one for one in place.lake.commits(shops) if "batch" in one.note]
    place.store.append(shops, place.store.read(shops).limit(1), batch.note)
    assert f"batch {batch.note['batch']['batch_id']} was committed 2 times" in details(place, 8)


def test_9_a_reason_that_nobody_declared_is_seen(place, change):
    change("ops.quarantine", "UPDATE {} SET reasons = array('because')")
    assert "have the unknown reason 'because'" in details(place, 9)


def test_10_a_table_that_needs_more_than_a_plain_reader_is_seen(place, put):
    products = tables.by_name("gold.products")
    opened = place.lake.open(products)
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"],
        "writerFeatures": ["deletionVectors", "changeDataFeed"],
    }
    key = f"{places.log(products)}{opened.version() + 1:020}.json"
    put(BUCKETS.gold, key, json.dumps({"protocol": protocol}).encode())
    assert "gold.products: its readers need deletionVectors" in details(place, 10)


def test_10_a_table_that_cannot_be_read_is_a_finding(place):
    storage = place.zone.storage()
    [uri, *_] = place.lake.open(tables.by_name("gold.products")).file_uris()
    key = uri.removeprefix(f"s3://{BUCKETS.gold}/")
    body = s3.get(storage, BUCKETS.gold, key)
    storage.delete_object(Bucket=BUCKETS.gold, Key=key)
    try:
        assert "it cannot be checked" in details(place, 10)
    finally:
        s3.put(storage, BUCKETS.gold, key, body)


def test_a_table_that_is_missing_is_a_finding(place):
    buckets = BUCKETS.model_copy(update={"gold": "v-truth"})
    settings = place.settings.model_copy(update={"buckets": buckets})
    elsewhere = replace(place, settings=settings, lake=Lake(settings, place.endpoint))
    assert details(elsewhere, 2).startswith("there is no table gold.assignments, gold.products")
