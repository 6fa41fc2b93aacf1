"""gold in a real PostgreSQL: each test is one sentence that must stay true."""

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from pg8000.exceptions import DatabaseError

from lakehouse import machine, settings, tables
from lakehouse.errors import BadSetting, ServerFault
from lakehouse.publishing import connect, programs, server, shape
from tests.boards.worlds import NOON, ROWS, append

HOURS, SHOPS = tables.by_name("gold.shop_hours"), tables.by_name("gold.shops")
DRIVER = Path("/usr/share/java/postgresql.jar")  # Debian's libpostgresql-jdbc-java
RULES = tables.by_name("gold.product_affinities")


def rows(connection, table, columns="*"):
    return sorted(map(tuple, connection.run(f"SELECT {columns} FROM {shape.name(table)}")), key=str)


def add_hour(lake, hour, cents):
    """One more row of the table, so one more version."""
    more = ROWS["gold.shop_hours"][0] | {"hour_at": NOON + timedelta(days=40, hours=hour)}
    append(lake, {HOURS.name: [more | {"net_revenue_cents": cents, "batch_id": "b"}]})


def test_rows_types_and_comments_are_those_of_gold(publish, owner, lake):
    done = publish(HOURS.name)
    assert (done.how, done.rows, done.written) == ("new", lake.rows(HOURS), lake.rows(HOURS))
    ours = lake.read(HOURS).select(list(HOURS.column_names)).to_pylist()
    assert rows(owner, HOURS) == sorted((tuple(row.values()) for row in ours), key=str)
    kinds = owner.run(
        "SELECT column_name, data_type, is_nullable, "
        "col_description('gold.shop_hours'::regclass, ordinal_position) "
        "FROM information_schema.columns WHERE table_name = 'shop_hours' ORDER BY ordinal_position"
    )
    assert [kind[0] for kind in kinds] == list(HOURS.column_names)
    by_name = {kind[0]: kind[1:] for kind in kinds}
    assert by_name["hour_at"][:2] == ["timestamp with time zone", "NO"]
    assert by_name["conversion"][:2] == ["double precision", "YES"]
    assert {name: kind[2] for name, kind in by_name.items()} == {
        column.name: column.means for column in HOURS.columns
    }
    [[said]] = owner.run("SELECT obj_description('gold.shop_hours'::regclass)")
    assert said == HOURS.grain


def test_the_key_is_a_key_and_statistics_are_there(publish, owner):
    publish(HOURS.name)
    with pytest.raises(DatabaseError, match="duplicate key"):
        owner.run("INSERT INTO gold.shop_hours SELECT * FROM gold.shop_hours")
    [[count]] = owner.run("SELECT reltuples FROM pg_class WHERE oid = 'gold.shop_hours'::regclass")
    assert count == len(rows(owner, HOURS))


def test_arrays_are_json_and_odd_texts_stay_as_they_are(publish, owner):
    publish(RULES.name)
    found = owner.run("SELECT antecedent, consequent FROM gold.product_affinities")
    assert [["tea", "milk"], "biscuits & <jam>"] in found


def test_a_text_that_looks_like_a_null_or_like_csv_is_neither(publish, owner, lake):
    odd = ["\\N", "", 'a "b", c\nd', "é\t✓"]
    more = [
        {"shop_id": f"odd{n}", "time_zone": said, "batch_id": "b"} for n, said in enumerate(odd)
    ]
    append(lake, {SHOPS.name: [*more, {"shop_id": "odd9", "batch_id": "b"}]})
    publish(SHOPS.name)
    found = dict(owner.run("SELECT shop_id, time_zone FROM gold.shops WHERE shop_id LIKE 'odd%'"))
    assert found == {f"odd{n}": said for n, said in enumerate(odd)} | {"odd9": None}


def test_a_version_that_is_there_is_not_written_again(publish, owner):
    publish(HOURS.name)
    before = owner.run("SELECT xmin::text, ctid::text FROM gold.shop_hours")
    assert publish(HOURS.name).how == "as it was"
    assert owner.run("SELECT xmin::text, ctid::text FROM gold.shop_hours") == before


def test_only_what_differs_is_written_and_what_stands_on_the_table_stays(publish, owner, lake):
    add_hour(lake, 1, 111)
    publish(HOURS.name)
    owner.run(
        "CREATE VIEW gold.mine AS SELECT sum(net_revenue_cents) AS cents FROM gold.shop_hours"
    )
    before = {
        row[1]: row[0] for row in owner.run("SELECT ctid::text, hour_at FROM gold.shop_hours")
    }
    lake.open(HOURS).delete("net_revenue_cents = 111")
    add_hour(lake, 1, 222)
    add_hour(lake, 2, 333)
    done = publish(HOURS.name)
    assert (done.how, done.written, done.removed) == ("changed", 2, 1)
    now = {row[1]: row[0] for row in owner.run("SELECT ctid::text, hour_at FROM gold.shop_hours")}
    assert {at for at in before if now.get(at) == before[at]} == {
        at for at in before if at != NOON + timedelta(days=40, hours=1)
    }
    [[cents]] = owner.run("SELECT cents FROM gold.mine")
    assert cents == sum(lake.read(HOURS)["net_revenue_cents"].to_pylist())


@pytest.mark.parametrize("what", ["shape", "identity"])
def test_another_shape_and_a_lakehouse_made_anew_are_written_whole(publish, owner, what):
    publish(HOURS.name)
    owner.run(f"UPDATE lakehouse.published SET {what} = 'another'")
    done = publish(HOURS.name)
    assert (done.how, done.written) == ("changed", len(rows(owner, HOURS)))
    assert publish(HOURS.name).how == "as it was"
    assert publish(HOURS.name, in_full=True).written == len(rows(owner, HOURS))


def test_a_table_of_somebody_else_is_left_alone(publish, owner):
    publish(SHOPS.name)
    owner.run("CREATE TABLE gold.shop_hours (mine int)")
    with pytest.raises(BadSetting, match=r"there is a gold\.shop_hours .* did not make; rename it"):
        publish(HOURS.name)
    assert owner.run("SELECT count(*) FROM gold.shop_hours") == [[0]]


def test_a_shop_whose_role_would_be_cut_short_is_refused(publish, lake):
    long = "S" * 60
    append(lake, {SHOPS.name: [{"shop_id": long, "batch_id": "b"}]})
    with pytest.raises(BadSetting, match="is longer than PostgreSQL's 63 bytes"):
        publish(SHOPS.name)
    lake.open(SHOPS).delete(f"shop_id = '{long}'")


def test_what_was_changed_by_hand_there_is_put_right_with_the_next_version(publish, owner, lake):
    publish(HOURS.name)
    owner.run("UPDATE gold.shop_hours SET net_revenue_cents = 0")
    add_hour(lake, 3, 444)
    publish(HOURS.name)
    [[cents]] = owner.run("SELECT sum(net_revenue_cents) FROM gold.shop_hours")
    assert cents == sum(lake.read(HOURS)["net_revenue_cents"].to_pylist())


def test_sums_that_are_not_golds_change_nothing(publish, owner, lake):
    publish(HOURS.name)
    before = rows(owner, HOURS)
    owner.run(
        "CREATE FUNCTION gold.spoil() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.baskets := NEW.baskets + 1; RETURN NEW; END $$"
    )
    owner.run(
        "CREATE TRIGGER spoil BEFORE INSERT ON gold.shop_hours "
        "FOR EACH ROW EXECUTE FUNCTION gold.spoil()"
    )
    add_hour(lake, 4, 555)
    with pytest.raises(ServerFault, match=r"would hold \d+ baskets in sum, gold has \d+; nothing"):
        publish(HOURS.name)
    assert rows(owner, HOURS) == before


def test_what_postgresql_refuses_is_a_sentence_without_the_row(publish, owner, lake):
    publish(HOURS.name)
    owner.run("ALTER TABLE gold.shop_hours ADD CHECK (net_revenue_cents <> 666)")
    add_hour(lake, 5, 666)
    with pytest.raises(
        ServerFault, match=r"gold\.shop_hours: PostgreSQL refuses it: new row"
    ) as said:
        publish(HOURS.name)
    assert "666" not in str(said.value)
    lake.open(HOURS).delete("net_revenue_cents = 666")


@pytest.fixture
def as_login(owner, postgres):
    """A connection of a person who is given some roles."""
    opened = []

    def of(*roles):
        owner.run("DROP ROLE IF EXISTS person")
        owner.run("CREATE ROLE person LOGIN PASSWORD 'a long one'")
        for role in roles:
            owner.run(f"GRANT {shape.quoted(role)} TO person")
        before = os.environ[connect.PASSWORD]
        os.environ[connect.PASSWORD] = "a long one"
        try:
            opened.append(connect.connected(postgres.replace(server.USER + "@", "person@")))
        finally:
            os.environ[connect.PASSWORD] = before
        return opened[-1]

    yield of
    for one in opened:
        one.close()
    owner.run("DROP ROLE IF EXISTS person")


WRITES = [
    "INSERT INTO gold.shop_hours SELECT * FROM gold.shop_hours",
    "UPDATE gold.shop_hours SET baskets = 0",
    "DELETE FROM gold.shop_hours",
    "TRUNCATE gold.shop_hours",
    "DROP TABLE gold.shop_hours",
    "CREATE TABLE gold.mine (x int)",
    "ALTER TABLE gold.shop_hours DISABLE ROW LEVEL SECURITY",
    "UPDATE lakehouse.published SET version = 0",
    "COPY gold.shop_hours TO '/tmp/out'",
    "SELECT pg_read_file('/etc/passwd')",
    "CREATE ROLE other",
    "SET ROLE lakehouse",
]


@pytest.mark.parametrize("role", [shape.ANALYST, shape.SHOPS])
def test_a_reader_cannot_change_anything_nor_read_a_file(publish, as_login, role):
    publish(HOURS.name)
    reader = as_login(role)
    for statement in WRITES:
        with pytest.raises(DatabaseError, match="'C': '42501'"):  # insufficient_privilege
            reader.run(statement)


def test_an_analyst_reads_all_of_gold(publish, as_login, owner):
    publish(HOURS.name, RULES.name)
    reader = as_login(shape.ANALYST)
    assert rows(reader, HOURS) == rows(owner, HOURS)
    assert rows(reader, RULES) == rows(owner, RULES)


def test_a_shop_reads_its_own_rows_and_no_customer(publish, as_login, owner):
    publish(HOURS.name, SHOPS.name, "gold.customer_features")
    reader = as_login(shape.SHOPS, shape.SHOP + "S1")
    theirs = rows(reader, HOURS)
    assert theirs == [row for row in rows(owner, HOURS) if row[0] == "S1"]
    assert 0 < len(theirs) < len(rows(owner, HOURS))
    with pytest.raises(DatabaseError, match="permission denied"):
        reader.run("SELECT * FROM gold.customer_features")
    assert as_login(shape.SHOPS).run("SELECT count(*) FROM gold.shop_hours") == [[0]]


_KILLED = """
import json, os, signal, sys
from pg8000.native import Connection
from lakehouse import s3_server, tables
from lakehouse.lake import Lake
from lakehouse.publishing import connect, tables as publishing
from lakehouse.settings import Settings
url, endpoint, where, before = sys.argv[1:]
lake = Lake(Settings.model_validate_json(where), endpoint)
run = Connection.run
def dying(self, said, **given):
    if said.startswith(before):
        os.kill(os.getpid(), signal.SIGKILL)
    return run(self, said, **given)
Connection.run = dying
connection = connect.connected(url)
sql = lake.duckdb("httpfs", "delta")
publishing.publish(connection, lake, sql, tables.by_name("gold.shop_hours"))
"""
CUTS = {
    "before its rows are sent": "COPY ",
    "between removing and writing": "INSERT INTO gold.",
    "before the sums": "SELECT count(*)",
    "before the commit": "COMMIT",
    "after the commit": "ANALYZE gold.",
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_publish_that_is_killed_leaves_the_old_rows_or_the_new_ones(
    publish, owner, lake, postgres, cut
):
    publish(HOURS.name)
    old = rows(owner, HOURS)
    add_hour(lake, 10 + list(CUTS).index(cut), 777)
    said = [postgres, lake.endpoint, lake.settings.model_dump_json(), CUTS[cut]]
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, *said], capture_output=True, text=True, check=False
    )
    assert ended.returncode == -9, ended.stderr
    found = rows(owner, HOURS)
    [[version]] = owner.run(
        "SELECT version FROM lakehouse.published WHERE table_name = 'gold.shop_hours'"
    )
    if cut == "after the commit":
        assert (len(found), version) == (len(old) + 1, lake.version(HOURS))
    else:
        assert (found, version) == (old, lake.version(HOURS) - 1)
    publish(HOURS.name)
    assert len(rows(owner, HOURS)) == len(old) + 1


def test_a_psql_of_debian_lists_describes_and_joins(publish, owner, postgres):
    publish(HOURS.name, SHOPS.name)
    program = programs.found("psql", server.unpacked(settings.home()))

    def asked(said):
        env = {"PGPASSWORD": os.environ[connect.PASSWORD], "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [program, postgres, "-At", "-c", said],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert "shop_hours" in asked(r"\dt gold.*")
    assert HOURS.columns[0].means in asked(r"\d+ gold.shop_hours")
    joined = asked(
        "SELECT json_agg(one) FROM (SELECT currency, sum(baskets) AS baskets FROM gold.shop_hours "
        "JOIN gold.shops USING (shop_id) GROUP BY currency) AS one"
    )
    [[baskets]] = owner.run("SELECT sum(baskets) FROM gold.shop_hours")
    assert json.loads(joined) == [{"currency": "USD", "baskets": int(baskets)}]


def test_the_driver_of_bi_tools_lists_describes_and_joins(publish, owner, postgres):
    if not DRIVER.exists():
        pytest.skip("Debian's libpostgresql-jdbc-java is not installed")
    publish(HOURS.name, SHOPS.name)
    address = postgres.replace(f"{server.USER}@", "")
    done = subprocess.run(
        [machine.java(), "-cp", DRIVER, Path(__file__).with_name("Asks.java"), f"jdbc:{address}"],
        env=os.environ | {"PGUSER": server.USER, "PGPASSWORD": os.environ[connect.PASSWORD]},
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    assert f"table shop_hours: {HOURS.grain}" in said
    assert "key shop_hours: " + ", ".join(HOURS.key) in said
    columns = {one.name: one.means for one in HOURS.columns}
    assert [one for one in said if one.startswith("column")] == [
        f"column {name}: {means}" for name, means in columns.items()
    ]
    [[baskets]] = owner.run("SELECT sum(baskets) FROM gold.shop_hours")
    assert said[-1] == f"joined USD: {int(baskets)}"


def test_a_client_of_sqlalchemy_finds_tables_keys_and_comments(publish, postgres):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    publish(HOURS.name)
    address = postgres.replace("postgresql://", "postgresql+pg8000://")
    address = address.replace("@", f":{os.environ[connect.PASSWORD]}@")
    engine = sqlalchemy.create_engine(address)
    found = sqlalchemy.inspect(engine)
    assert found.get_table_names(schema="gold") == ["shop_hours"]
    assert found.get_pk_constraint("shop_hours", schema="gold")["constrained_columns"] == list(
        HOURS.key
    )
    assert found.get_table_comment("shop_hours", schema="gold")["text"] == HOURS.grain
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "postgresql://me:secret@host/db",
            "holds a password; put it into LAKEHOUSE_POSTGRES_PASSWORD",
        ),
        ("mysql://me@host/db", "is not postgresql://user@host"),
        ("postgresql://host/db", "is not postgresql://user@host"),
        (
            "postgresql://me@host/db?sslmode=verify-ca",
            "sslmode=verify-ca of postgres.url: one of disable",
        ),
    ],
)
def test_an_address_that_cannot_be_used_is_a_sentence_that_repeats_no_password(url, said):
    with pytest.raises(BadSetting, match=said) as fault:
        connect.connected(url)
    assert "secret" not in str(fault.value)


def test_a_wrong_password_is_a_sentence_without_it(postgres, monkeypatch):
    monkeypatch.setenv(connect.PASSWORD, "wrong-one")
    with pytest.raises(ServerFault, match="password authentication failed") as fault:
        connect.connected(postgres)
    assert "wrong-one" not in str(fault.value)


def test_two_who_publish_at_once_wait_for_one_another(publish, owner, lake, postgres):
    publish(HOURS.name)
    add_hour(lake, 20, 888)
    other = connect.connected(postgres)
    other.run("BEGIN")
    other.run(
        "SELECT pg_advisory_xact_lock(hashtext('lakehouse.publish'), hashtext('gold.shop_hours'))"
    )
    waits = threading.Thread(target=publish, args=[HOURS.name])
    waits.start()
    waits.join(1.0)
    assert waits.is_alive()
    other.run("COMMIT")
    waits.join(30.0)
    assert not waits.is_alive()
    assert publish(HOURS.name).how == "as it was"
    other.close()


def test_rows_outlast_a_stop_of_the_server(publish, owner, postgres, home):
    publish(HOURS.name)
    count = len(rows(owner, HOURS))
    assert server.stop(home)
    assert server.status(home) is None
    assert not server.stop(home)
    assert server.start(home).url == postgres  # tools keep the address
    again = connect.connected(postgres)
    assert len(rows(again, HOURS)) == count
    again.close()
