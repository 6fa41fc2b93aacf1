"""The gate on the small world: what passes, what a planted fault holds back, and what is recorded."""

import gzip
import json
import re
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from pyspark.sql import functions as F
from typer.testing import CliRunner

from lakehouse import cli, ledger, s3, tables, verdicts
from lakehouse.errors import BadRule, GateFailed
from lakehouse.flow import build, documents, gate, ingest, refine, sight, status, suites
from lakehouse.flow.figures import Figures
from lakehouse.ledger import Batch
from lakehouse.quality import judge
from lakehouse.tables import Table
from lakehouse.verdicts import Verdict
from tests.worlds import copied

pytestmark = pytest.mark.timeout(900)  # the first test takes a world through to gold

SALES = tables.by_name("silver.sales")
BASKETS = tables.by_name("gold.baskets")
SHOPS = tables.by_name("gold.shops")
JUDGED = tables.JUDGED


@pytest.fixture(scope="module")
def place(lakehouse):
    """The world once more, for faults to be planted in."""
    return copied(lakehouse, "gated")


def results(at):
    return at.lake.read(verdicts.RESULTS).to_pylist()


def test_the_world_with_its_faults_passes_and_says_what_each_rule_saw(lakehouse):
    rows = results(lakehouse)
    # (So many of its messages are broken on purpose, and few of its shoppers have the app.)
    failed = {
        (row["severity"], row["expectation_id"]) for row in rows if row["verdict"] == "failed"
    }
    assert failed <= {("warn", "few_are_quarantined"), ("warn", "events_are_fresh")}
    by_rule = {(row["table_name"], row["expectation_id"]): row for row in rows}
    assert len(by_rule) == len(rows)
    for table in JUDGED:
        rules = suites.of(table).rules
        if lakehouse.lake.rows(table):
            assert {rule for name, rule in by_rule if name == table.name} >= set(rules), table.name
    kept = by_rule["silver.readings", "rows_are_those_of_the_ledger"]
    assert kept["observed"] == lakehouse.lake.rows(tables.by_name("silver.readings"))
    assert kept["version"] == lakehouse.lake.version(tables.by_name("silver.readings"))
    unknown = by_rule["silver.sales", "product_is_known"]
    sql = lakehouse.lake.sql()
    [(quarantined,)] = sql.sql(
        "SELECT count(*) FROM ops.quarantine WHERE table_name = 'silver.sales' "
        "AND list_contains(reasons, 'product_is_known')"
    ).fetchall()
    assert (unknown["verdict"], unknown["unexpected"]) == ("counted", quarantined)
    assert unknown["checked"] > quarantined > 0


def test_a_version_that_was_judged_is_not_judged_again(lakehouse, monkeypatch):
    monkeypatch.setattr("lakehouse.flow.gate._judged", None)
    stands = gate.judge(lakehouse, JUDGED)
    assert stands["silver.sales"].version == lakehouse.lake.version(SALES)
    assert not any(stand.broken for stand in stands.values())


def no_person_is_in_the_documents(at):
    """A byte search for every pseudonym of a table whose gate has failed."""
    rows = at.lake.sql().sql("SELECT DISTINCT subject FROM silver.sales WHERE subject IS NOT NULL")
    subjects = {subject.encode() for (subject,) in rows.fetchall()}
    assert len(subjects) > 10
    folder = documents.build(at.lake).parent
    pages = {path: path.read_bytes() for path in folder.rglob("*.html")}
    assert any("silver.sales-version" in path.name for path in pages)
    found = [path for path, text in pages.items() if any(one in text for one in subjects)]
    assert found == []


def behind(table):
    """The names of all that is built of a table, by whatever way, in declared order."""
    found = [table.name]
    for one in tables.BUILT:
        if one not in build.OF_VERDICTS and set(one.upstream) & set(found):
            found.append(one.name)
    return ", ".join(found[1:])


def test_a_planted_fault_holds_back_what_stands_on_it_and_the_next_good_version_passes(
    place, monkeypatch
):
    good = place.lake.version(SALES)
    before = {table.name: place.lake.version(table) for table in tables.BUILT}
    place.store.append(SALES, place.store.read(SALES).where("line = 1").limit(3), {})
    land_shop(place)
    ingest.everything(place)
    refine.everything(place)
    said = (
        rf"silver\.sales has not passed the gate since version {good + 1}: not \"A line of a "
        rf"receipt stands once\.\" \(key_is_unique, found 3\) and 1 more; {re.escape(behind(SALES))} "
        r"stay as they are; `lakehouse gate silver\.sales` shows more$"
    )
    with pytest.raises(GateFailed, match=said):
        build.quick(place)
    now = {table.name: place.lake.version(table) for table in tables.BUILT}
    changed = {name for name, version in now.items() if version != before[name]}
    assert changed == {"gold.shops", "gold.data_quality"}
    seen = {one.name: one.gate for one in status.of(place.lake)}
    assert seen["silver.sales"] == f"{good + 1} failed"
    assert seen["gold.baskets"] == "held back by silver.sales"
    assert len(status.held_up(place.lake)) == 1

    count = len(results(place))
    with pytest.raises(GateFailed, match=f"since version {good + 1}"):
        build.quick(place)  # judged once more, and nothing new is found
    assert len(results(place)) == count

    monkeypatch.setattr("lakehouse.commands.flow.place_of", lambda *_: nullcontext(place))
    monkeypatch.setattr("lakehouse.commands.quality.place_of", lambda *_: nullcontext(place))
    answer = CliRunner().invoke(cli.app, ["build"])
    assert answer.exit_code == 1
    said = "lakehouse: silver.sales has not passed the gate since version"
    assert answer.stderr.splitlines()[-1].startswith(said)
    answer = CliRunner().invoke(cli.app, ["gate", "silver.sales"])
    assert answer.exit_code == 1
    assert re.search(r"key_is_unique +fail +failed +3 ", answer.stdout)
    assert re.search(r"product_is_known +quarantine +counted", answer.stdout)
    no_person_is_in_the_documents(place)

    place.store.restore(SALES, good, {})
    built = {batch.table_name for batch in build.quick(place)}
    direct = {one.name for one in tables.QUICK if SALES.name in one.upstream}
    assert built == direct | {"gold.shop_comfort", "gold.data_quality"}
    assert status.held_up(place.lake) == []


def test_a_run_that_is_cut_off_before_it_is_recorded_is_done_again(place, monkeypatch):
    place.store.append(BASKETS, place.store.read(BASKETS).limit(1), {})
    before = results(place)

    def killed(rows):
        raise KeyboardInterrupt

    monkeypatch.setattr(place.verdicts, "record", killed)
    with pytest.raises(KeyboardInterrupt):
        gate.judge(place, [BASKETS])
    assert results(place) == before
    monkeypatch.undo()
    versions = {"gold.baskets": build.built_from(place, BASKETS)}
    stand = gate.judge(place, [BASKETS], versions)["gold.baskets"]
    assert {one.expectation_id for one in stand.broken} == {
        "key_is_unique",
        "receipts_are_those_of_sales",
        "revenue_is_that_of_sales",
    }


def land_shop(at):
    """A change of a shop, which only gold.shops and what names its time zone is built from."""
    storage, bucket = s3.client(at.settings, at.endpoint), at.settings.buckets.landing
    keys = [one["Key"] for one in s3.objects(storage, bucket) if "reference" in one["Key"]]
    bodies = ((key, s3.get(storage, bucket, key)) for key in keys)
    texts = (gzip.decompress(body) if key.endswith(".gz") else body for key, body in bodies)
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    [shop, *_] = [line for line in lines if line["feed"] == "zones"]
    shop["event_id"] += "-again"
    shop["payload"] |= {"zone_id": "new", "effective_at": "2018-01-09T00:00:00Z"}
    key = "2018-01-09/reference_20180109T000000.000Z.jsonl"
    s3.put(storage, bucket, key, json.dumps(shop).encode())


# What the ledger says, without a lake.
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def landed(number, *at, **feeds):
    objects = [f"{one:%Y-%m-%d}/gw_{one:%Y%m%dT%H%M%S}.000Z.jsonl" for one in at]
    return Batch(f"i{number}", "ingest", "bronze.events", objects=objects, feeds=feeds,
                 version_after=number)  # fmt: skip


def figures(*batches):
    class Books:
        @staticmethod
        def of(stage):
            return [one for one in batches if one.stage == stage]

    return Figures(Books, {})


def test_a_feed_is_silent_for_the_hours_in_which_the_lake_was_at_work_without_it():
    hours = [NOON + timedelta(hours=n, minutes=5 * m) for n in range(5) for m in range(12)]
    late = NOON + timedelta(days=2)  # one object that comes days late is no hour of work
    found = figures(
        landed(1, NOON - timedelta(hours=1), readings=3, footfall=1),
        landed(2, *hours, readings=9),
        landed(3, late, sales=1),
    ).feeds()
    silent = {row["feed"]: row["silent_h"] for row in found}
    assert silent == {"readings": 0, "footfall": 5, "sales": 0}
    assert {row["lake_at"] for row in found} == {NOON + timedelta(hours=5)}


def test_sums_and_arrivals_are_those_up_to_a_version():
    def refined(number, version, until, **counts):
        return Batch(f"r{number}", "refine", SALES.name, source_to=until, version_after=version,
                     **counts)  # fmt: skip

    seen = figures(
        landed(1, NOON, sales=5),
        landed(2, NOON + timedelta(days=3), sales=7),
        refined(1, 1, 1, messages_in=5, kept=3, quarantined=2),
        refined(2, 4, 2, messages_in=7, kept=6, repeated=1),
    )
    assert seen.sums(seen.batches(SALES, -1, 1))["kept"] == 3
    assert seen.sums(seen.batches(SALES, -1, 4))["kept"] == 9
    assert seen.sums(seen.batches(SALES, 1, 4))["messages_in"] == 7
    assert seen.arrived_at(SALES, 3) == NOON
    assert seen.arrived_at(SALES, 4) == NOON + timedelta(days=3)
    assert [(row["quarantined"], row["is_last_day"]) for row in seen.recent()] == [
        (2, False),
        (0, True),
    ]


def test_gold_that_stands_on_gold_is_held_back_with_it():
    verdict = Verdict("silver.shops", 3, "key", "fail", "integrity", "failed", "One.", None, None,
                      2, 1, None, "g", NOON, "r", "c")  # fmt: skip
    stand = verdicts.Stand("silver.shops", 3, "r", (verdict,), {"key": 2})
    held = verdicts.held_back({"silver.shops": stand})
    assert held["gold.customer_features"] == ["silver.shops"]  # through gold.calendar
    assert "gold.products" not in held
    warned = verdicts.Stand(
        "silver.shops", 3, "r", (SimpleNamespace(holds_back=False),), {"key": 2}
    )
    assert verdicts.held_back({"silver.shops": warned}) == {}


@pytest.mark.parametrize("table", JUDGED, ids=lambda table: table.name)
def test_what_ships_for_the_gate_has_a_sentence_and_a_dimension(table, spark):
    del spark  # row rules are compiled to its columns
    found = suites.of(table)
    for rule in found.rules.values():
        assert rule.sentence.endswith(".")
        assert rule.dimension in suites.DIMENSIONS
    if table in tables.SILVER and table.feed:
        assert any(one["meta"]["severity"] == "fail" for one in found.raw)


@pytest.mark.parametrize("table", JUDGED, ids=lambda table: table.name)
def test_what_ships_for_the_gate_can_be_judged_and_finds_nothing_where_there_is_nothing(
    table, spark, figures_of_nothing
):
    gated = suites.of(table)
    if not gated.raw:
        return
    sight.name_ledger(spark, figures_of_nothing)
    for name in re.findall(r"(silver|gold)_(\w+)", json.dumps(gated.raw)):
        empty(spark, tables.by_name(".".join(name))).createOrReplaceTempView("_".join(name))
    rows = empty(spark, table)
    rows.createOrReplaceTempView("reference")
    kept = figures_of_nothing.sums([])
    judged, _ = judge.judge(table.name, rows, gated.raw, kept, table.subjects)
    assert [one for one in judged if not one.holds] == []


def empty(spark, table):
    """The table without rows, and without a process of Python that gives none."""
    columns = (F.lit(None).cast(one.type).alias(one.name) for one in table.columns)
    return spark.range(0).select(*columns)


@pytest.fixture
def figures_of_nothing():
    return figures()


def test_gold_that_shares_its_name_with_silver_has_a_file_of_its_own():
    assert "shops_are_those_of_now" in suites.of(SHOPS).rules
    assert "shops_are_those_of_now" not in suites.of(tables.by_name("silver.shops")).rules


def test_every_table_has_rules_but_the_one_that_is_made_of_verdicts():
    without = {table.name for table in JUDGED if not suites.of(table).raw}
    assert without == {"gold.data_quality"}  # it would be judged by itself, again and again


def test_an_unknown_dimension_is_refused_with_those_there_are(tmp_path, monkeypatch):
    meta = {"id": "one", "severity": "warn", "sentence": "So.", "owner": "me", "dimension": "taste"}
    rule = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}, "meta": meta}
    (tmp_path / "things.json").write_text(json.dumps({"expectations": [rule]}))
    monkeypatch.setattr("lakehouse.rules.FOLDER", tmp_path)
    monkeypatch.setattr("lakehouse.rules.load", lambda name: SimpleNamespace(version="v", gate=()))
    things = Table("silver.things", "one", ("id",), ())
    with pytest.raises(
        BadRule, match=r"things\.json: one is of dimension 'taste'; there are accur"
    ):
        suites.of(things)


def test_code_and_rules_are_named_with_each_verdict(lakehouse):
    row = results(lakehouse)[-1]
    assert row["code_version"] == ledger.code_version()
    assert row["rules_version"] == suites.of(tables.by_name(row["table_name"])).version
