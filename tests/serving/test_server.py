"""Two servers asked by real clients: JDBC, Python over Thrift, and Spark Connect."""

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import boto3
import impala.dbapi
import polars as pl
import pyspark
import pytest
from botocore.exceptions import ClientError
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql.connect.session import SparkSession

import lakehouse
from lakehouse import keys, places, query, readers, s3, settings, tables
from lakehouse.cli import main
from lakehouse.errors import BadQuery, ServerFault, UnknownName
from lakehouse.machine import LOOPBACK
from lakehouse.publishing import connect as postgres
from lakehouse.publishing import server as postgres_server
from lakehouse.publishing import tables as publishing
from lakehouse.serving import roles, server
from tests.boards.worlds import append
from tests.publishing.conftest import whole
from tests.serving.questions import QUESTIONS, plain

pytestmark = [pytest.mark.serving, pytest.mark.timeout(1200)]


def thrift(served, role):
    running = served[role]
    return impala.dbapi.connect(
        LOOPBACK, running.thrift, auth_mechanism="PLAIN", user="anybody", password="any"
    ).cursor()


def answer(cursor, text):
    cursor.execute(text)
    return cursor.fetchall()


@pytest.fixture(scope="module")
def analyst(served):
    """A cursor of Thrift."""
    with thrift(served, "analyst") as cursor:
        yield cursor


@pytest.fixture(scope="module")
def scientist(served):
    """A cursor of Thrift."""
    with thrift(served, "scientist") as cursor:
        yield cursor


def in_gold(lake):
    """The tables of gold that are there."""
    return [table for table in lake.existing() if table.layer == "gold"]


def remote(served, role, token=None):
    token = token or server.token_file(roles.by_name(role)).read_text().strip()
    return SparkSession.builder.remote(f"{served[role].remote};token={token}").create()


@pytest.fixture(scope="module")
def connected(served):
    """A session of Connect for each role."""
    sessions = {role.name: remote(served, role.name) for role in roles.ROLES}
    yield sessions
    for session in sessions.values():
        session.stop()


@pytest.fixture(scope="module")
def published(lake):
    """A PostgreSQL with the same gold."""
    running = postgres_server.start(settings.home())
    os.environ[postgres.PASSWORD] = postgres_server.password(settings.home())
    connection = postgres.connected(running.url)
    publishing.prepare(connection)
    sql = lake.duckdb("httpfs", "delta")
    for table in in_gold(lake):
        publishing.publish(connection, lake, sql, table)
    yield connection
    connection.close()
    postgres_server.remove(settings.home())
    del os.environ[postgres.PASSWORD]


@pytest.fixture(scope="module")
def named(spark, lake):
    """A session of Spark in this process that knows gold by its names."""
    spark.sql("CREATE SCHEMA gold")
    for table in in_gold(lake):
        where = places.uri(lake.settings, table)
        spark.sql(f"CREATE TABLE {table.name} USING delta LOCATION '{where}'")
    yield spark
    spark.sql("DROP SCHEMA gold CASCADE")


@pytest.fixture(scope="module")
def frames(lake):
    """The same gold for Polars."""
    asked = pl.SQLContext()
    for table in in_gold(lake):
        frame = pl.scan_delta(lake.uri(table), storage_options=lake.storage_options)
        asked.register(table.short_name, frame)
    return asked


def test_thirty_questions_have_one_answer_whoever_is_asked(  # noqa: PLR0917  a reader each
    lake, analyst, connected, published, frames, named
):
    assert len(QUESTIONS) == 30
    duckdb = query.Session(lake)
    for text in QUESTIONS:
        expected = plain(row.values() for row in duckdb.ask(text).to_pylist())
        assert expected
        assert plain(answer(analyst, text)) == expected, f"Thrift: {text}"
        for name, session in connected.items():
            assert plain(session.sql(text).collect()) == expected, f"Connect, {name}: {text}"
        assert plain(published.run(text)) == expected, f"PostgreSQL: {text}"
        assert plain(named.sql(text).collect()) == expected, f"Spark: {text}"
        framed = frames.execute(text.replace("gold.", ""), eager=True)
        assert plain(framed.rows()) == expected, f"Polars: {text}"


def test_a_version_of_before_is_the_same_for_whoever_can_go_back(lake, analyst, connected, named):
    table = tables.by_name("gold.shops")
    before = lake.version(table)
    rows = plain(
        row.values()
        for row in query.Session(lake).ask("SELECT shop_id FROM gold.shops").to_pylist()
    )
    append(lake, {table.name: [whole(table.name, {"shop_id": "S3"})]})
    text = f"SELECT shop_id FROM gold.shops VERSION AS OF {before}"
    try:
        pinned = query.Session(lake, before).ask("SELECT shop_id FROM gold.shops")
        assert plain(row.values() for row in pinned.to_pylist()) == rows
        assert plain(answer(analyst, text)) == rows
        assert plain(connected["analyst"].sql(text).collect()) == rows
        assert plain(named.sql(text).collect()) == rows
        frame = pl.scan_delta(lake.uri(table), version=before, storage_options=lake.storage_options)
        assert plain(frame.select("shop_id").collect().rows()) == rows
        # New rows are seen at once by who is connected already.
        now = "SELECT count(*) FROM gold.shops"
        assert answer(analyst, now) == [(len(rows) + 1,)]
        assert connected["analyst"].sql(now).collect()[0][0] == len(rows) + 1
    finally:
        lake.open(table).delete("shop_id = 'S3'")


# Through Thrift and through Connect: who may not, what, and a word of the answer.
DENIED = [
    ("analyst", "SELECT * FROM silver.readings", "cannot be found"),
    ("analyst", "SELECT subject FROM silver.positions", "cannot be found"),
    ("analyst", "SELECT * FROM delta.`s3a://gold/gold/shops`", "cannot be found|not for analysts"),
    ("analyst", "SELECT * FROM delta.`s3a://lake/silver/readings`", "cannot be found|not for"),
    ("analyst", "SELECT * FROM csv.`/etc/passwd`", "cannot be found|not for"),
    ("analyst", "SELECT * FROM text.`s3a://ops/x`", "cannot be found|not for"),
    ("analyst", "INSERT INTO gold.shops SELECT * FROM gold.shops", "append data"),
    ("analyst", "DELETE FROM gold.shops", "s: delete"),
    ("analyst", "UPDATE gold.shops SET currency = 'x'", "s: update"),
    ("analyst", "DROP TABLE gold.shops", "drop table"),
    ("analyst", "RESTORE TABLE gold.shops TO VERSION AS OF 0", "restore"),
    ("analyst", "EXECUTE IMMEDIATE 'DELETE FROM gold.shops'", "s: delete"),
    ("analyst", "BEGIN DELETE FROM gold.shops; END", "s: delete"),
    ("analyst", "CREATE TABLE gold.mine AS SELECT 1 AS x", "s: create"),
    ("analyst", "INSERT OVERWRITE DIRECTORY '/tmp/out' USING csv SELECT 1", "not for"),
    ("analyst", "ADD JAR '/tmp/x.jar'", "add jars"),
    ("analyst", "SET spark.sql.runSQLOnFiles = true", "s: set"),
    ("analyst", "SET spark.hadoop.fs.s3a.secret.key", "s: set"),
    ("analyst", "SELECT reflect('java.lang.System', 'getenv', 'PATH')", "reflect"),
    ("analyst", "SELECT java_method('java.lang.System', 'getenv', 'PATH')", "java_method"),
    ("analyst", "SELECT try_reflect('java.lang.System', 'getenv', 'PATH')", "try_reflect"),
    ("analyst", "SELECT from_xml('<a>1</a>', 'a INT')", "from_xml"),
    ("analyst", "SELECT TRANSFORM(shop_id) USING 'id' AS x FROM gold.shops", "script"),
    ("analyst", "CREATE TEMPORARY FUNCTION f AS 'java.lang.Runtime'", "create function"),
    ("analyst", "SELECT 1; SELECT 2", "PARSE_SYNTAX_ERROR|syntax"),
    ("scientist", "SELECT * FROM bronze.events", "cannot be found"),
    ("scientist", "SELECT * FROM ops.quarantine", "cannot be found"),
    ("scientist", "SELECT * FROM delta.`s3a://lake/bronze/events`", "cannot be found|not for"),
    ("scientist", "DELETE FROM silver.readings", "s: delete"),
    ("scientist", "INSERT INTO gold.shops SELECT * FROM gold.shops", "append data"),
    ("scientist", "CREATE TABLE gold.mine AS SELECT 1 AS x", "s: create"),
    ("scientist", "CREATE TABLE sandbox.t (x INT) USING delta LOCATION 'file:/tmp/t'", "s: create"),
    ("scientist", "CREATE TABLE sandbox.t USING csv OPTIONS (path '/etc/passwd')", "s: create"),
    ("scientist", "DROP SCHEMA sandbox CASCADE", "s: drop"),
]


@pytest.mark.parametrize(("role", "text", "said"), DENIED, ids=[text for _, text, _ in DENIED])
def test_what_is_denied_is_denied_at_both_doors(served, connected, role, text, said):
    with thrift(served, role) as cursor, pytest.raises(impala.dbapi.OperationalError) as refused:
        answer(cursor, text)
    assert any(part in str(refused.value) for part in said.split("|"))
    with pytest.raises(PySparkException) as refused:
        connected[role].sql(text).collect()
    assert any(part in str(refused.value) for part in said.split("|"))


@pytest.mark.parametrize("role", ["analyst", "scientist"])
def test_connect_runs_no_code_and_reads_no_files_of_who_asks(connected, role, tmp_path):
    session = connected[role]
    (tmp_path / "code.py").write_text("x = 1")
    frame = session.sql("SELECT shop_id FROM gold.shops")
    doubled = pyspark.sql.connect.functions.udf(lambda text: text * 2)

    def refused(call):
        with pytest.raises(
            (PySparkException, SparkConnectGrpcException), match="refused at this door"
        ):
            call()

    refused(lambda: session.read.csv("/etc/passwd").collect())
    refused(lambda: session.read.format("jdbc").option("url", "jdbc:derby:x").load().collect())
    refused(lambda: frame.select(doubled("shop_id")).collect())
    refused(lambda: frame.mapInPandas(lambda frames: frames, "shop_id string").collect())
    refused(lambda: session.addArtifacts(str(tmp_path / "code.py"), pyfile=True))
    refused(lambda: session.conf.set("spark.sql.runSQLOnFiles", "true"))
    refused(lambda: session.conf.get("spark.hadoop.fs.s3a.secret.key"))
    refused(lambda: session.udf.registerJavaFunction("f", "java.lang.Runtime"))
    with pytest.raises(PySparkException, match="not for"):
        frame.write.format("csv").save("/tmp/out-of-a-client")
    assert not Path("/tmp/out-of-a-client").exists()


@pytest.mark.parametrize(
    "setting",
    [
        "spark.sql.runSQLOnFiles=true",
        "spark.sql.catalog.evil=org.apache.spark.sql.execution.datasources.v2.jdbc.JDBCTableCatalog",
        "spark.sql.catalog.spark_catalog=org.apache.iceberg.spark.SparkSessionCatalog",
        "fs.s3a.endpoint=http://127.0.0.1:9",
        "spark.sql.analyzer.singlePassResolver.enabled=true",
        "hive.variable.substitute=true",
        "spark.sql.shuffle.partitions=${system:java.version}",
    ],
)
def test_a_setting_of_the_address_opens_nothing(served, setting):
    """JDBC gives settings with the address of a session."""
    home = Path(pyspark.__file__).parent
    done = beeline(home, f"{served['analyst'].jdbc}default?{setting}", "SELECT 40 + 2 AS x")
    assert "42" not in done.stdout
    assert done.returncode != 0
    assert "17." not in done.stderr  # the version of Java
    zone = f"{served['analyst'].jdbc}default?spark.sql.session.timeZone=Asia/Tokyo"
    assert "Asia/Tokyo" in beeline(home, zone, "SELECT current_timezone()").stdout


def beeline(home, url, text):
    """Hive's own client of JDBC, a program of its own."""
    command = ["java", "-cp", f"{home}/jars/*", "org.apache.hive.beeline.BeeLine"]
    said = ["-u", url, "-n", "anybody", "--outputformat=csv2", "--silent=true", "-e", text]
    return subprocess.run(
        [*command, *said], capture_output=True, text=True, check=False, timeout=120
    )


def test_a_client_of_jdbc_lists_describes_and_joins(served, lake):
    home, url = Path(pyspark.__file__).parent, served["analyst"].jdbc
    assert "shop_hours" in beeline(home, url, "SHOW TABLES IN gold").stdout
    assert "net_revenue_cents" in beeline(home, url, "DESCRIBE gold.shop_hours").stdout
    joined = "SELECT currency, sum(baskets) AS n FROM gold.shop_hours JOIN gold.shops USING (shop_id) GROUP BY 1"
    [said] = query.Session(lake).ask(joined).to_pylist()
    assert beeline(home, url, joined).stdout.split()[-1] == f"{said['currency']},{said['n']}"


def test_a_scientist_keeps_tables_in_the_sandbox_that_outlast_a_session(scientist, connected, lake):
    scientist.execute("CREATE TABLE sandbox.mine AS SELECT device_id, value FROM silver.readings")
    session = connected["scientist"]
    assert session.sql("SELECT value FROM sandbox.mine").collect()[0][0] == 4.5
    session.createDataFrame([("d2", 1.5)], "device_id string, value double").write.insertInto(
        "sandbox.mine"
    )
    session.sql("DELETE FROM sandbox.mine WHERE value > 4").collect()
    assert answer(scientist, "SELECT device_id FROM sandbox.mine") == [("d2",)]
    session.table("sandbox.mine").write.saveAsTable("sandbox.another")
    scientist.execute("DROP TABLE sandbox.another")
    scientist.execute("DROP TABLE sandbox.mine")
    assert answer(scientist, "SHOW TABLES IN sandbox") == []


def test_a_wrong_token_is_refused_and_a_server_says_how_it_is(served, capsys):
    with pytest.raises(PySparkException, match="another token"):
        remote(served, "analyst", "wrong").sql("SELECT 1").collect()
    with pytest.raises(SystemExit) as ended:
        main(["serve", "status"])
    assert ended.value.code in (0, None)
    said = capsys.readouterr().out
    assert said.count("answer") == 2


@pytest.mark.parametrize("role", ["analyst", "scientist"])
def test_the_process_that_is_asked_holds_no_key_of_the_owner(served, lake, role):
    """Whatever got round the guard would find the role's own keys, and no more."""
    owner = keys.s3(lake.settings)
    mark = f"lakehouse.pid={served[role].pid}".encode()
    java = [one for one in Path("/proc").iterdir() if mark in _read(one / "cmdline")]
    assert len(java) == 1
    assert b"connect.authenticate" not in _read(java[0] / "cmdline")
    environment = _read(java[0] / "environ") + _read(java[0] / "cmdline")
    for secret in (*owner, "a canary of the owner"):
        assert secret.encode() not in environment
    assert keys.limited(lake.settings, roles.by_name(role).key)[0].encode() in environment


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_the_key_of_a_scientist_writes_the_sandbox_and_reads_no_bronze(lake):
    access, secret = keys.limited(lake.settings, "scientist")
    theirs = boto3.client(
        "s3",
        endpoint_url=lake.endpoint,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        region_name=lake.settings.s3.region,
    )
    mine = {"Bucket": "sandbox", "Key": "tables/x"}
    theirs.put_object(**mine, Body=b"x")
    theirs.delete_object(**mine)
    silver = theirs.list_objects_v2(Bucket="lake", Prefix="silver/readings/")["Contents"]
    theirs.get_object(Bucket="lake", Key=silver[0]["Key"])
    bronze = s3.objects(lake.storage, "lake", "bronze/")
    for call, given in (
        (theirs.get_object, {"Bucket": "lake", "Key": next(iter(bronze))["Key"]}),
        (theirs.put_object, {"Bucket": "lake", "Key": silver[0]["Key"], "Body": b""}),
        (theirs.put_object, {"Bucket": "gold", "Key": "x", "Body": b""}),
        (theirs.delete_object, {"Bucket": "lake", "Key": silver[0]["Key"]}),
        (theirs.list_objects_v2, {"Bucket": "ops"}),
        (theirs.list_objects_v2, {"Bucket": "landing"}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**given)


def test_nobody_listens_beyond_loopback(served):
    for running in served.values():
        for port in (running.thrift, running.connect):
            listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
            bound = [
                line.split()[1]
                for line in listening.splitlines()[1:]
                if len(line.split()) > 3
                and line.split()[3] == "0A"
                and line.split()[1].endswith(f":{port:04X}")
            ]
            assert bound
            assert all(
                one.startswith(("0100007F", "0000000000000000FFFF00000100007F")) for one in bound
            )


def by_text(rows):
    """Rows in an order of their own."""
    return sorted(map(repr, rows.to_pylist()))


def test_a_notebook_reads_through_a_server_what_it_reads_itself(lake, served, named, monkeypatch):
    itself = lakehouse.open()
    with lakehouse.open(connect="scientist") as there:
        assert list(there) == [
            table.name for table in lake.existing() if table.layer in {"silver", "gold"}
        ]
        for name, rows in there.items():
            assert rows.version == itself[name].version
            assert rows.arrow().schema.types == itself[name].arrow().schema.types
            assert rows.arrow().column_names == itself[name].arrow().column_names
            assert by_text(rows.arrow()) == by_text(itself[name].arrow())
        hours = there["gold.shop_hours"]
        assert hours.pandas("shop_id").columns.tolist() == ["shop_id"]
        created_at = lake.committed_at(hours.table, 0)
        assert hours.at(created_at) == hours.at(0)
        assert hours.at(created_at + timedelta(days=1)) == hours
        assert hours.at(0).arrow().num_rows == itself["gold.shop_hours"].at(0).arrow().num_rows
        said = there.sql("SELECT count(*) AS n FROM gold.shop_hours")
        assert said["n"].tolist() == [hours.arrow().num_rows]
        with pytest.raises(BadQuery, match="VERSION AS OF 3"):
            there.sql("SELECT 1", as_of=0)
        with pytest.raises(BadQuery, match="nothing"):
            there.sql("SELECT * FROM gold.nothing")
        with pytest.raises(UnknownName, match=r"no table called 'ops\.quarantine'"):
            there["ops.quarantine"]
        assert hours.spark(named).count() == hours.arrow().num_rows
    itself.close()
    monkeypatch.setenv(readers.CONNECT, readers.address("analyst"))
    with lakehouse.open() as there:
        assert {name.split(".")[0] for name in there} == {"gold"}


def test_a_server_that_is_not_there_or_wants_another_token_is_said_so(served):
    with pytest.raises(ServerFault, match=r"no Spark Connect at localhost:1 .*lakehouse serve sql"):
        lakehouse.open(connect="sc://localhost:1/;token=x")
    with pytest.raises(ServerFault, match=r"Spark Connect at localhost:.*token") as fault:
        lakehouse.open(connect=f"{served['analyst'].remote};token=a-wrong-one")
    assert "a-wrong-one" not in str(fault.value)
    with pytest.raises(UnknownName, match="role"):
        lakehouse.open(connect="owner")
