"""The way from landing to gold, on the small world of conftest.py: each test is a promise kept."""

import random
from collections import Counter

import pytest
from pandas.testing import assert_frame_equal

from bench import purchases
from lakehouse import content, tables
from lakehouse.errors import BatchFailed, UnknownName
from lakehouse.flow import build, ingest, place, undo
from lakehouse.settings import Ingest, Refine
from tests.worlds import SEED, WORLD, lakehouse_in, land, run

pytestmark = pytest.mark.timeout(900)  # the first test takes a world through to gold

# (What tells of the versions that the gate judged is as many rows as there were.)
CONTENT = tuple(
    table
    for table in (*tables.BRONZE[:1], *tables.SILVER, *tables.BUILT)
    if table not in build.OF_VERDICTS
)


def contents(at):
    return {table.name: str(content.of(at.store.read(table), table)) for table in CONTENT}


@pytest.fixture(scope="module")
def piecemeal(where, server, spark, landed):
    """The same objects in another order and in other batches, reference sets last, settled by Spark."""
    sizes = {"ingest": Ingest(batch_objects=150), "refine": Refine(few_messages=0)}
    at = lakehouse_in("piecemeal", where, server, spark, **sizes)
    keys = sorted(landed)
    random.Random(SEED).shuffle(keys)
    keys.sort(key=lambda key: "reference" in key)
    for share in (keys[:100], keys[100:]):
        land(at, {key: landed[key] for key in share})
        run(at)
    return at


def test_every_landed_line_is_in_bronze_or_in_quarantine(lakehouse, truth):
    counts = truth["feeds"].set_index("feed")
    rows = lakehouse.lake.sql().sql("SELECT feed, count(*) FROM bronze.events GROUP BY feed")
    assert dict(rows.fetchall()) == counts["bronze"][counts["bronze"] > 0].to_dict()
    [(quarantined,)] = (
        lakehouse.lake.sql()
        .sql("SELECT count(*) FROM ops.quarantine WHERE table_name = 'bronze.events'")
        .fetchall()
    )
    assert quarantined == counts["broken"].sum()


def test_every_bronze_message_is_kept_quarantined_or_a_repeat(lakehouse, truth):
    counts = truth["feeds"].set_index("feed")
    counts = counts.reindex([table.feed for table in tables.SILVER], fill_value=0)
    faults = Counter(truth["faults"]["how"]) + Counter(truth["faults"]["kind"])
    # What our rules refuse besides what any rules would have to.
    refused = {"readings": faults["mislabelled"], "positions": faults["swapped_coordinates"]}
    assert all(refused.values())
    for table in tables.SILVER:
        batches = lakehouse.ledger.of("refine", table.name)
        expected = counts.loc[table.feed]
        wanted = expected["quarantined"] + refused.get(table.feed, 0)
        assert sum(batch.messages_in for batch in batches) == expected["bronze"]
        assert sum(batch.repeated for batch in batches) == expected["repeated"]
        assert sum(batch.quarantined for batch in batches) == wanted


@pytest.mark.parametrize("table", ["gold.baskets", "gold.shop_hours"])
def test_revenue_baskets_and_items_are_those_of_the_purchases_to_the_cent(lakehouse, truth, table):
    sql = lakehouse.lake.sql()
    expected = purchases.purchased(WORLD, truth["receipts"], purchases.zones(sql))
    assert expected["cents"].sum() > 0
    assert_frame_equal(purchases.in_gold(sql, table), expected)


def test_a_second_run_changes_nothing(lakehouse):
    before = {table.name: lakehouse.lake.version(table) for table in tables.TABLES}
    run(place.at(lakehouse.settings, lakehouse.endpoint, lakehouse.spark))
    assert {table.name: lakehouse.lake.version(table) for table in tables.TABLES} == before


@pytest.mark.parametrize(
    ("name", "cell"),
    [("bronze.events", "subject = 'A. Person'"), ("silver.shops", "latitude = 91")],
)
def test_a_cell_that_cannot_be_is_refused_by_the_table_itself(lakehouse, name, cell):
    [column, _] = cell.split(" = ")
    with pytest.raises(Exception, match=f"CHECK constraint {column}_check"):
        lakehouse.spark.sql(f"UPDATE {_path(lakehouse, name)} SET {cell}")


@pytest.mark.parametrize("name", ["bronze.events", "silver.sales"])
def test_a_table_is_clustered_and_partitioned_as_declared(lakehouse, name):
    table = tables.by_name(name)
    assert table.clustered or table.partitioned
    detail = lakehouse.spark.sql(f"DESCRIBE DETAIL {_path(lakehouse, name)}").first()
    assert tuple(detail["clusteringColumns"]) == table.clustered
    assert tuple(detail["partitionColumns"]) == table.partitioned


def _path(at, name):
    return f"delta.`{at.store.uri(tables.by_name(name))}`"


@pytest.mark.slow
def test_order_and_size_of_batches_leave_no_trace(lakehouse, piecemeal):
    assert contents(piecemeal) == contents(lakehouse)


@pytest.mark.slow
def test_late_reference_rows_had_messages_judged_again(piecemeal):
    quarantined = [batch.quarantined for batch in piecemeal.ledger.of("refine", "silver.sightings")]
    assert max(quarantined) > 0
    assert min(quarantined) < 0


@pytest.mark.slow
def test_an_incremental_build_equals_a_full_one(piecemeal):
    for table in tables.BUILT:
        versions = build.built_from(piecemeal, table)
        full = build.frame(piecemeal, table, versions)
        assert content.of(full, table) == content.of(piecemeal.store.read(table), table), table.name


@pytest.mark.slow
def test_batches_that_were_taken_back_are_done_again_to_the_same_end(lakehouse, piecemeal):
    refined = piecemeal.ledger.of("refine")[-1].batch_id
    ingested = piecemeal.ledger.of("ingest")[-1].batch_id
    with pytest.raises(BatchFailed, match=f"undo {refined} first"):
        undo.batch(piecemeal, ingested)
    undo.batch(piecemeal, refined)
    undo.batch(piecemeal, ingested)
    assert ingest.pending(piecemeal) > 0
    run(piecemeal)
    assert contents(piecemeal) == contents(lakehouse)


@pytest.mark.slow
def test_a_batch_that_is_not_there_is_said_with_those_that_are(piecemeal):
    known = piecemeal.ledger.of("refine")[-1].batch_id
    with pytest.raises(UnknownName, match=known):
        undo.batch(piecemeal, "refine-x")
