"""The command line: help, one sentence for each fault, exit statuses, and looks without Spark."""

import json
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from lakehouse import cli, errors, s3, settings, tables
from lakehouse.commands import look, world
from lakehouse.lake import Lake
from lakehouse.settings import PROJECT, Buckets, Settings, Simulation

TINY = "simulation: {receipt_days: 1, receipt_share: 0.01, sensor_days: 0}\n"


@pytest.fixture
def run(home):
    """Call the command line; give its exit status and what it printed."""
    del home

    def called(*arguments):
        return CliRunner().invoke(cli.app, arguments)

    return called


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--settings", "nowhere.yml", "status"), "lakehouse: nowhere.yml: no such settings file"),
        (("tables", "gold.shop_hour"), "lakehouse: no table called 'gold.shop_hour'; there are"),
        (("stream", "--every", "soon"), "lakehouse: --every 'soon': a number with ms, s or m"),
        (("stream", "--every", "0s"), "lakehouse: --every '0s': a number with ms, s or m"),
        (("rebuild", "silver.nothing", "--all"), "lakehouse: no table called 'silver.nothing'"),
    ],
)
def test_what_a_person_can_cure_is_one_line_and_exit_1(run, arguments, sentence):
    answer = run(*arguments)
    assert answer.exit_code == 1
    assert answer.stderr.startswith(sentence)
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("sql",),
        ("simulate", "--days", "0"),
        ("simulate", "--days", "367"),
        ("rebuild", "silver.sales"),
        ("rebuild", "silver.sales", "--all", "--shop", "S1"),
        ("rebuild", "silver.sales", "--from", "1 May"),
        ("rebuild", "silver.sales", "--from", "2026-03-02", "--to", "2026-03-01"),
    ],
)
def test_wrong_usage_is_exit_2(run, arguments):
    answer = run(*arguments)
    assert answer.exit_code == 2
    assert "Traceback" not in answer.stderr


def test_debug_shows_the_fault_whole(run):
    answer = run("--debug", "tables", "gold.nothing")
    assert isinstance(answer.exception, errors.UnknownName)


def test_an_unforeseen_fault_is_one_line_too(run, monkeypatch):
    def broken():
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr("lakehouse.dictionary.facts", lambda table: broken())
    answer = run("tables", "gold.shops")
    assert answer.exit_code == 1
    assert answer.stderr == "lakehouse: ZeroDivisionError: a (`lakehouse --debug …` says more)\n"


def test_help_and_the_dictionary_start_without_spark():
    code = (
        "import sys; from typer.testing import CliRunner; from lakehouse import cli; "
        "CliRunner().invoke(cli.app, ['--help']); CliRunner().invoke(cli.app, ['tables']); "
        "print([name for name in ('pyspark', 'delta') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout == "[]\n"


def test_ctrl_c_is_exit_130(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    code = (
        "import time; from lakehouse.commands import look; from lakehouse import cli\n"
        "look.dictionary.markdown = lambda tables: (print('now', flush=True), time.sleep(60))\n"
        "cli.main(['tables', '--markdown'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"now\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, b"")


def test_tables_shows_the_columns_of_one(run):
    answer = run("tables", "gold.calendar")
    assert answer.exit_code == 0
    for column in tables.by_name("gold.calendar").columns:
        assert column.name in answer.output
        assert column.means in answer.output


def test_the_jobs_take_the_settings_first(tmp_path):
    for job in sorted((PROJECT / "jobs").glob("*.py")):
        said = subprocess.run(
            [sys.executable, job, "--settings", str(tmp_path / "none.yml")],
            check=False,
            capture_output=True,
            text=True,
            cwd=PROJECT,
            env={"PYTHONPATH": str(PROJECT), "PATH": ""},
        )
        assert said.returncode == 1
        assert said.stderr.startswith(f"lakehouse: {tmp_path}/none.yml: no such settings file")


@pytest.fixture
def small(server, where, tmp_path):
    """Settings of a lake of its own, in buckets of its own; and the file they are in."""
    del server
    buckets = Buckets.named("cli").model_dump()
    file = tmp_path / "small.yml"
    file.write_text(TINY + f"buckets: {json.dumps(buckets)}\n")
    return Settings(buckets=buckets), file


def test_a_world_lands_as_its_time_passes_and_goes_on_where_it_was_stopped(small, server):
    settings, file = small
    storage = s3.client(settings, server)
    text = file.read_text().replace("sensor_days: 0", "sensor_days: 1")
    file.write_text(text.replace("cli-", "pace-"))
    command = [sys.executable, "-m", "lakehouse.cli", "--settings", str(file), "simulate"]

    def landed():
        return {one["Key"]: one["LastModified"] for one in s3.objects(storage, "pace-landing")}

    # Four hours a second: the day would take six seconds and more, the year before it none.
    process = subprocess.Popen([*command, "--speed", "14400"], cwd=PROJECT)
    deadline = time.monotonic() + 60
    while len(landed() if "pace-landing" in buckets(storage) else {}) < 30:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    before = landed()
    assert len(before) < 60
    again = subprocess.run([*command, "--speed", "1000000"], cwd=PROJECT, check=False, timeout=120)
    assert again.returncode == 0
    after = landed()
    assert len(after) > 100
    assert before.items() <= after.items()


def buckets(storage):
    return {bucket["Name"] for bucket in storage.list_buckets()["Buckets"]}


def test_a_world_lands_once_and_no_second_one_over_it(small, server, run):
    settings, file = small
    storage = s3.client(settings, server)
    assert run("--settings", str(file), "simulate").exit_code == 0
    landed = {one["Key"]: one["ETag"] for one in s3.objects(storage, "cli-landing")}
    assert landed
    assert "has landed already" in run("--settings", str(file), "simulate").stdout
    assert landed == {one["Key"]: one["ETag"] for one in s3.objects(storage, "cli-landing")}
    answer = run("--settings", str(file), "simulate", "--seed", "2")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("lakehouse: another world has landed (seed 1, 1 days)")


def test_fewer_days_shorten_receipts_and_sensors():
    where = Settings(simulation=Simulation(receipt_days=90, sensor_days=28))
    assert world.sized(where, None) is where
    assert world.sized(where, 40).simulation == Simulation(receipt_days=40, sensor_days=28)
    assert world.sized(where, 7).simulation == Simulation(receipt_days=7, sensor_days=7)


@pytest.fixture
def shops(small, server):
    """A lake with one table of ops in it, written without Spark."""
    settings, file = small
    s3.ensure_buckets(s3.client(settings, server), settings.buckets.model_dump().values())
    lake = Lake(settings, server)
    repeats = tables.by_name("ops.repeats")
    if not lake.exists(repeats):
        rows = {"table_name": ["silver.sales", "silver.sales"], "event_id": ["e1", None]}
        lake.append(repeats, pa.table(rows))
    return file


def test_sql_answers_as_table_csv_and_json(shops, run):
    query = "SELECT table_name, event_id FROM ops.repeats ORDER BY 2"
    answers = [
        run("--settings", str(shops), "sql", query, *how) for how in ((), ("--csv",), ("--json",))
    ]
    table, as_csv, as_json = (answer.stdout for answer in answers)
    assert "silver.sales" in table and "event_id" in table
    assert as_csv.split() == ["table_name,event_id", "silver.sales,e1", "silver.sales,"]
    assert json.loads(as_json) == [
        {"table_name": "silver.sales", "event_id": "e1"},
        {"table_name": "silver.sales", "event_id": None},
    ]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("SELECT 1 FROM ops.repeat", "no table called 'repeat'; there is ops.repeats"),
        ("SELECT nothing FROM ops.repeats", 'Referenced column "nothing" not found'),
        ("DROP VIEW ops.repeats", "one SELECT at a time; `lakehouse sql` changes nothing"),
        ("SELECT 1; SELECT 2", "one SELECT at a time; `lakehouse sql` changes nothing"),
        ("COPY ops.repeats TO 'x.csv'", "one SELECT at a time; `lakehouse sql` changes nothing"),
        ("SELEC 1", "Parser Error"),
    ],
)
def test_a_query_that_cannot_be_answered_is_one_line(shops, run, query, sentence):
    answer = run("--settings", str(shops), "sql", query)
    assert answer.exit_code == 1
    assert sentence in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_status_says_what_is_there_and_what_is_not(shops, run):
    began = time.monotonic()
    answer = run("--settings", str(shops), "status", "--json")
    assert time.monotonic() - began < 10  # 3 s where nothing else runs
    there = {one["name"]: one for one in json.loads(answer.stdout)["tables"]}
    assert list(there) == [table.name for table in tables.TABLES]
    assert (there["ops.repeats"]["rows"], there["ops.repeats"]["version"]) == (2, 0)
    assert there["silver.sales"]["version"] is None
    assert there["silver.sales"]["repeated"] == 2
    assert "not created" in run("--settings", str(shops), "status").stdout


def test_status_says_with_its_exit_status_what_has_waited_for_too_long(shops, run, server):
    where = settings.load(shops)
    storage, bucket = s3.client(where, server), where.buckets.landing
    s3.put(storage, bucket, "a_20260301T093100.000Z.jsonl", b"{}\n")
    asked = ("--settings", str(shops), "status", "--json", "--behind")
    late, early = run(*asked, "0"), run(*asked, "60")
    s3.delete(storage, bucket, ["a_20260301T093100.000Z.jsonl"])
    assert (late.exit_code, early.exit_code) == (1, 0)
    assert re.fullmatch(
        r"lakehouse: bronze.events is behind by \d+ objects, since 0 min\n", late.stderr
    )
    [bronze] = [one for one in json.loads(late.stdout)["tables"] if one["name"] == "bronze.events"]
    assert bronze["behind_since"]
    assert not bronze["is_late"]  # it has only just landed


def test_a_table_is_late_when_it_waits_for_longer_than_promised(shops, run, server, monkeypatch):
    where = settings.load(shops)
    storage, bucket = s3.client(where, server), where.buckets.landing
    s3.put(storage, bucket, "a_20260301T093100.000Z.jsonl", b"{}\n")
    asked = ("--settings", str(shops), "status", "--json", "--late")
    early = run(*asked)
    monkeypatch.setitem(tables._FRESH, "bronze", timedelta(0))
    late = run(*asked)
    s3.delete(storage, bucket, ["a_20260301T093100.000Z.jsonl"])
    assert (late.exit_code, early.exit_code) == (1, 0)
    assert "bronze.events is behind by" in late.stderr


def test_a_promise_that_is_broken_is_exit_1(capsys, monkeypatch):
    class Finding:
        number, sentence, details, seconds, is_kept = (
            1,
            "No message disappears",
            ("two did",),
            0.5,
            False,
        )

    verify = pytest.importorskip("lakehouse.flow.verify")
    monkeypatch.setattr(verify, "promises", lambda place, says: [Finding])
    with pytest.raises(errors.BrokenPromise, match="promise 1"):
        look.check(None)
    assert "1. two did" in capsys.readouterr().out
