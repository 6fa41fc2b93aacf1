"""lake.duckdb: what another program finds in it, and what it cannot do with its key."""

import json
import os
import subprocess
import sys

import boto3
import duckdb
import pytest
from botocore.exceptions import ClientError

from lakehouse import keys, lake_file, s3, tables
from lakehouse.errors import MissingKey
from lakehouse.lake import Lake
from lakehouse.settings import S3, Buckets, Settings
from tests.boards.worlds import ROWS, append

SHOP_HOURS = tables.by_name("gold.shop_hours")


@pytest.fixture(scope="module")
def lake(server):
    """Two tables of gold and one of ops, in the buckets that the server's reader may read."""
    settings = Settings()
    s3.ensure_buckets(s3.client(settings, server), settings.buckets.model_dump().values())
    lake = Lake(settings, server)
    append(lake, {name: ROWS[name] for name in ("gold.shops", "gold.shop_hours", "ops.batches")})
    lake_file.write(lake)
    return lake


def opened():
    """As any tool opens it."""
    return duckdb.connect(str(lake_file.path()), read_only=True, config=lake_file.config())


def test_another_program_reads_gold_by_its_names(lake):
    script = (
        "import duckdb, json, sys; config = json.loads(sys.argv[2])\n"
        "lake = duckdb.connect(sys.argv[1], read_only=True, config=config)\n"
        "print(lake.sql('SELECT sum(net_revenue_cents) FROM gold.shop_hours').fetchone()[0])"
    )
    arguments = [str(lake_file.path()), json.dumps(lake_file.config())]
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    said = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    expected = sum(row["net_revenue_cents"] for row in ROWS["gold.shop_hours"])
    assert said.stdout.strip() == str(expected), said.stderr


def test_it_says_what_a_column_means_and_holds_gold_alone(lake):
    with opened() as connection:
        views = connection.sql(
            "SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'gold'"
        ).fetchall()
        assert dict(views) == {
            name: tables.by_name(f"gold.{name}").grain for name in ("shops", "shop_hours")
        }
        means = dict(
            connection.sql(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'shop_hours'"
            ).fetchall()
        )
        assert means == {column.name: column.means for column in SHOP_HOURS.columns}


def test_new_rows_are_seen_by_who_has_it_open_and_a_new_table_by_who_opens_it_again(lake):
    with opened() as connection:
        count = "SELECT count(*) FROM gold.shop_hours"
        before = connection.sql(count).fetchone()[0]
        append(lake, {"gold.shop_hours": ROWS["gold.shop_hours"][:1]})
        assert connection.sql(count).fetchone()[0] == before + 1
        inode = lake_file.path().stat().st_ino
        assert lake_file.write(lake).stat().st_ino == inode  # nothing of it has changed
        append(lake, {"gold.fridge_hours": ROWS["gold.fridge_hours"]})
        assert lake_file.write(lake).stat().st_ino != inode
        assert connection.sql(count).fetchone()[0] == before + 1
    with opened() as connection:
        assert connection.sql("SELECT count(*) FROM gold.fridge_hours").fetchone()[0] == 3


def test_its_key_reads_gold_and_nothing_else(lake):
    access, secret = keys.limited(lake.settings, "reader")
    assert secret not in lake_file.path().read_bytes().decode("latin-1")
    [stored] = lake_file.secrets().iterdir()
    assert stored.stat().st_mode & 0o077 == 0
    reader = boto3.client(
        "s3",
        endpoint_url=lake.endpoint,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        region_name=lake.settings.s3.region,
    )
    buckets = lake.settings.buckets
    listed = reader.list_objects_v2(Bucket=buckets.gold)["Contents"]
    key = listed[0]["Key"]
    reader.get_object(Bucket=buckets.gold, Key=key)
    others = [one for name, one in buckets.model_dump().items() if name != "gold"]
    denied = [
        *((reader.list_objects_v2, {"Bucket": one}) for one in others),
        (reader.get_object, {"Bucket": buckets.ops, "Key": "ops/batches/_delta_log/0.json"}),
        (reader.put_object, {"Bucket": buckets.gold, "Key": key, "Body": b""}),
        (reader.delete_object, {"Bucket": buckets.gold, "Key": key}),
        (reader.create_multipart_upload, {"Bucket": buckets.gold, "Key": "more"}),
        (reader.delete_bucket, {"Bucket": buckets.gold}),
        (reader.create_bucket, {"Bucket": "another"}),
    ]
    for call, given in denied:
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**given)


def test_a_storage_of_ones_own_needs_a_reader_of_its_own(monkeypatch):
    elsewhere = Settings(s3=S3(endpoint="http://storage.example"))
    monkeypatch.setenv("LAKEHOUSE_READER_KEY", "only-one-part")
    with pytest.raises(MissingKey, match="LAKEHOUSE_READER_KEY is not `<access>:<secret>`"):
        keys.limited(elsewhere, "reader")
    monkeypatch.setenv("LAKEHOUSE_READER_KEY", "somebody:secret")
    assert keys.limited(elsewhere, "reader") == ("somebody", "secret")


def test_a_bucket_that_its_key_does_not_open_is_a_sentence_and_the_file_stays(lake, server):
    before = lake_file.path().read_bytes()
    other = Settings(buckets=Buckets.named("other"))
    s3.ensure_buckets(s3.client(other, server), other.buckets.model_dump().values())
    elsewhere = Lake(other, server)
    append(elsewhere, {"gold.shops": ROWS["gold.shops"]})
    assert "the key of readers does not open the bucket 'other-gold'" in lake_file.keep(elsewhere)
    assert lake_file.path().read_bytes() == before
    assert lake_file.keep(lake) is None
