"""Questions in SQL, and tables as frames: as of a version, shut in, without Spark."""

import subprocess
import sys
from datetime import UTC, datetime

import boto3
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from botocore.exceptions import ClientError
from typer.testing import CliRunner

import lakehouse
from lakehouse import cli, keys, query, s3, tables
from lakehouse.errors import BadQuery, UnknownName
from lakehouse.lake import Lake
from lakehouse.settings import Buckets, Settings

REPEATS = tables.by_name("ops.repeats")
SHOPS = tables.by_name("silver.shops")


@pytest.fixture(scope="module")
def lake(server):
    """One table in two versions: e1 alone, then e2 too."""
    settings = Settings(buckets=Buckets.named("query"))
    storage = s3.client(settings, server)
    s3.ensure_buckets(storage, settings.buckets.model_dump().values())
    s3.put(storage, "query-landing", "raw.jsonl", b'{"subject": "somebody"}\n')
    lake = Lake(settings, server)
    for event_id in ("e1", "e2"):
        lake.append(REPEATS, pa.table({"table_name": ["silver.sales"], "event_id": [event_id]}))
    return lake


@pytest.fixture
def conf(lake, tmp_path):
    """The settings file of that lake."""
    file = tmp_path / "query.yml"
    file.write_text(yaml.safe_dump({"buckets": lake.settings.buckets.model_dump()}))
    return file


def ask(lake, text, as_of=None):
    return query.Session(lake, as_of).ask(text).to_pylist()


def test_a_table_is_read_as_it_was(lake):
    count = "SELECT count(*) AS n FROM ops.repeats"
    assert ask(lake, count) == [{"n": 2}]
    assert ask(lake, count, 0) == [{"n": 1}]
    then = lake.committed_at(REPEATS, 0)
    assert ask(lake, count, then) == [{"n": 1}]
    with pytest.raises(BadQuery, match=r"ops\.repeats has versions 0 to 1, not 7"):
        ask(lake, count, 7)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_json('s3://query-landing/raw.jsonl')",
        "SELECT * FROM read_text('s3://query-truth/x')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
        "SELECT * FROM parquet_scan('/tmp/x.parquet')",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "EXPORT DATABASE '/tmp/out'",
        "ATTACH '/tmp/other.db'",
        "INSTALL spatial",
        "LOAD '/tmp/evil.so'",
        "SET memory_limit = '64GB'",
        "RESET lock_configuration",
        "CREATE TABLE t (a int)",
        "INSERT INTO ops.repeats VALUES (1)",
        "DELETE FROM ops.repeats",
        "UPDATE ops.repeats SET event_id = 'x'",
        "DROP VIEW ops.repeats",
        "CREATE SECRET (TYPE s3)",
        "CALL pragma_version()",
        "SELECT 1; DROP SCHEMA gold",
        "BEGIN; SELECT 1",
        "USE memory",
        "VACUUM",
    ],
)
def test_nothing_but_the_tables_is_read_and_nothing_written(lake, text):
    with pytest.raises(BadQuery) as refused:
        ask(lake, text)
    assert "\n" not in str(refused.value)


def test_its_key_reads_and_writes_nothing(lake):
    access, secret = keys.viewer(lake.settings)
    viewer = boto3.client(
        "s3",
        endpoint_url=lake.endpoint,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        region_name=lake.settings.s3.region,
    )
    found = viewer.list_objects_v2(Bucket="query-ops")["Contents"]
    there = {"Bucket": "query-ops", "Key": found[0]["Key"]}
    viewer.get_object(**there)
    for call, given in (
        (viewer.put_object, there | {"Body": b""}),
        (viewer.put_object, {"Bucket": "query-ops", "Key": "another", "Body": b""}),
        (viewer.delete_object, there),
        (viewer.create_multipart_upload, there),
        (viewer.delete_bucket, {"Bucket": "query-ops"}),
        (viewer.create_bucket, {"Bucket": "another"}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**given)
    assert keys.viewer(Settings()) not in (keys.s3(Settings()), keys.limited(Settings(), "reader"))


def test_the_prompt_the_file_and_the_formats_answer_alike(conf, tmp_path):
    question = "SELECT event_id FROM ops.repeats ORDER BY 1"
    (tmp_path / "q.sql").write_text(question)

    def said(*more):
        return CliRunner().invoke(cli.app, ["--settings", str(conf), "sql", *more])

    assert said("-f", str(tmp_path / "q.sql"), "--format", "csv").stdout == "event_id\ne1\ne2\n"
    assert said(question, "--json", "--as-of", "0").stdout == '[{"event_id": "e1"}]\n'
    file = tmp_path / "a.parquet"
    assert said(question, "--format", "parquet", "-o", str(file)).exit_code == 0
    assert pq.read_table(file)["event_id"].to_pylist() == ["e1", "e2"]
    for more, sentence in (
        ((question, "--format", "xml"), "--format 'xml': one of table, csv, json, parquet"),
        ((question, "--format", "parquet"), "--output says which"),
        ((question, "--as-of", "yesterday"), "--as-of 'yesterday': a version, or an instant"),
    ):
        answer = said(*more)
        assert answer.exit_code == 1
        assert sentence in answer.stderr


def test_where_there_is_no_bucket_there_is_no_table(server, tmp_path):
    conf = tmp_path / "empty.yml"
    conf.write_text(yaml.safe_dump({"buckets": Buckets.named("nowhere").model_dump()}))
    question = "SELECT * FROM gold.shop_hours"
    answer = CliRunner().invoke(cli.app, ["--settings", str(conf), "sql", question])
    assert answer.exit_code == 1
    assert answer.stderr == (
        "lakehouse: no table called 'shop_hours'; there are none yet, `lakehouse run` makes them\n"
    )


def test_to_ask_by_the_command_line_loads_no_client_of_the_storage(conf):
    code = (
        "import sys; from lakehouse import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "finally: print([m for m in ('boto3', 'pandas', 'pyspark') if m in sys.modules])"
    )
    asked = ["--settings", str(conf), "sql", "SELECT 1 AS one FROM ops.repeats", "--csv"]
    run = [sys.executable, "-c", code, *asked]
    said = subprocess.run(run, capture_output=True, text=True, check=True)
    assert said.stdout == "one\n1\n1\n[]\n"


def test_a_rebuild_that_is_dry_says_what_it_would_do_and_writes_nothing(server, tmp_path):
    conf, buckets = tmp_path / "dry.yml", Buckets.named("dry")
    conf.write_text(yaml.safe_dump({"buckets": buckets.model_dump()}))
    lake = Lake(Settings(buckets=buckets), server)
    s3.ensure_buckets(lake.storage, buckets.model_dump().values())
    lake.append(SHOPS, pa.table({"shop_id": ["S1"]}))
    rebuild = ("--settings", str(conf), "rebuild", SHOPS.name, "--all", "--dry-run")
    answer = CliRunner().invoke(cli.app, rebuild)
    assert answer.stdout == (
        "silver.shops (1 rows at version 0) would be made anew from bronze.events: all of it\n"
        "nothing was written\n"
    )
    assert lake.version(SHOPS) == 0


def test_a_time_without_a_zone_is_utc():
    assert query.when("2026-03-01T12:00") == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert query.when("12") == 12


def test_a_table_is_had_as_any_frame(lake, conf):
    del lake
    with lakehouse.open(conf) as there:
        assert list(there) == ["ops.repeats"]
        rows = there["ops.repeats"]
        assert sorted(rows.pandas("event_id")["event_id"]) == ["e1", "e2"]
        assert isinstance(rows.polars(), polars.DataFrame)
        assert len(rows.arrow()) == 2
        assert len(rows.at(0).arrow()) == 1
        pinned = there.pinned({"ops.repeats": 0})["ops.repeats"]
        assert (pinned, there.pinned({"ops.repeats": None})["ops.repeats"]) == (rows.at(0), rows)
        means = rows.describe().set_index("column")["means"]
        assert means["event_id"] == "the sender's id of the message"
        counted = there.sql("SELECT count(*) AS n FROM ops.repeats")
        pd.testing.assert_frame_equal(counted, pd.DataFrame({"n": [2]}))
        with pytest.raises(
            UnknownName, match=r"no table called 'gold\.shop'; there are ops\.repeats"
        ):
            there["gold.shop"]


def test_to_import_the_package_loads_nothing():
    code = "import lakehouse, sys; print([m for m in ('pandas', 'duckdb', 'pyspark') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
