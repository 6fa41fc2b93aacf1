"""Killed from outside, cleared and backfilled: the tables end as those of a run left in peace."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta

import psutil
import pyarrow.compute as pc
import pytest
import yaml

from bench.chaos.lakes import differences
from lakehouse import airflow_server, tables
from lakehouse.settings import PROJECT
from tests.airflow.conftest import started
from tests.test_alerts import listening

pytestmark = [pytest.mark.airflow_kills, pytest.mark.timeout(1800)]
FLOW = ("ingest", "refine", "build")
SALES = tables.by_name("silver.sales")

# The pipeline's Python; once `armed` is there it kills the worker that waits for `ingest`, which by
# then has committed.
PYTHON = """#!/bin/sh
"{python}" "$@"
status=$?
case " $* " in *" ingest "*)
    if rm "{armed}" 2>/dev/null; then
        kill -KILL $(ps -o ppid= -p $PPID) $PPID
    fi
esac
exit $status
"""


@pytest.fixture(scope="module")
def armed(tmp_path_factory):
    """The file that has the next `ingest` kill its worker."""
    return tmp_path_factory.mktemp("armed") / "armed"


@pytest.fixture(scope="module")
def airflow(home, server, armed, tmp_path_factory):
    """Airflow that misses a dead worker soon."""
    folder = tmp_path_factory.mktemp("kills")
    python = folder / "python"
    python.write_text(PYTHON.format(python=sys.executable, armed=armed))
    python.chmod(0o755)
    soon = {
        "LAKEHOUSE_ALERT_SECRET": "a secret of the tests",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    }
    with (
        listening() as (url, heard),
        started(home, folder, "killed", LAKEHOUSE_PYTHON=str(python), **soon) as running,
    ):
        known = yaml.safe_load(running.conf.read_text()) | {"alerts": {"url": url}}
        running.conf.write_text(yaml.safe_dump(known))
        running.heard = heard
        yield running


@pytest.fixture(scope="module")
def calm(airflow, server):
    """The lakehouse of the same messages that nobody disturbs."""
    conf = airflow.conf.with_name("calm.yml")
    conf.write_text(airflow.conf.read_text().replace("killed-", "calm-"))
    undisturbed = type(airflow)(airflow.server, conf)
    undisturbed.lakehouse("simulate")
    undisturbed.lakehouse("run")
    return undisturbed.lake(server)


@pytest.fixture
def differing(airflow, calm, server):
    """What differs from the undisturbed lakehouse, in sentences."""
    return lambda: differences(calm, airflow.lake(server))


def processes(airflow, part):
    """The processes of a part of Airflow; the first is the oldest."""
    found = []
    for one in psutil.Process(airflow.server.process.pid).children(recursive=True):
        with suppress(psutil.Error):  # it has ended since
            found += [one] * (part in one.cmdline())
    return sorted(found, key=lambda one: one.create_time())


@contextmanager
def scheduler(airflow):
    """Another scheduler in place of the one that was killed."""
    process = subprocess.Popen(
        [str(airflow_server.AIRFLOW), "scheduler"],
        env=airflow.server.environment,
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        airflow_server.end(process)


def until(holds, seconds=120):
    """Wait for what must come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)


def running(airflow, dag, task):
    """Whether a task of a DAG is under way."""
    runs = airflow.runs(dag)
    if not runs:
        return False
    path = f"dags/{dag}/dagRuns/{runs[-1]['dag_run_id']}/taskInstances/{task}"
    return airflow.ask(path)["state"] == "running"


BY_HAND = """
import sys
from lakehouse import places, settings, tables
from lakehouse.flow import place
where = settings.load(sys.argv[1])
with place.opened(where, "by hand") as at:
    uri = places.uri(where, tables.by_name(sys.argv[2]))
    at.spark.sql(f"DELETE FROM delta.`{uri}` WHERE {sys.argv[3]}")
"""


def take_out(airflow, table, condition):
    """Rows of a table deleted by somebody's hand."""
    arguments = [str(airflow.conf), table.name, condition]
    subprocess.run([sys.executable, "-c", BY_HAND, *arguments], cwd=PROJECT, check=True)


def again(airflow, dag):
    """Clear the newest run of a DAG and let it run again."""
    run = airflow.runs(dag)[-1]["dag_run_id"]
    airflow.ask(f"dags/{dag}/dagRuns/{run}/clear", method="POST", json={"dry_run": False})


def test_killed_after_its_commit_and_with_the_scheduler_in_mid_run(
    airflow, armed, differing, server
):
    airflow.lakehouse("simulate")
    airflow.unpause(*FLOW)
    armed.touch()
    airflow.trigger("ingest")
    until(lambda: not armed.exists())  # the worker is dead, its table is committed
    until(lambda: running(airflow, "refine", "refine"), 300)  # the next attempt announced it
    path = "dags/ingest/dagRuns/~/taskInstances"
    tries = airflow.ask(path)["task_instances"]
    assert ("success", 2) in [(one["state"], one["try_number"]) for one in tries]

    time.sleep(10)  # it is in the middle of its work
    processes(airflow, "scheduler")[0].kill()
    with scheduler(airflow):
        airflow.rest(FLOW, least=1, seconds=600)
        assert {run["state"] for dag in FLOW for run in airflow.runs(dag)} == {"success"}
        assert differing() == []

        before = airflow.versions()
        for dag in ("ingest", "refine", "build"):
            again(airflow, dag)
        time.sleep(5)
        airflow.rest(FLOW, least=1, seconds=300)
        assert airflow.versions() == before

        newest = pc.max(airflow.lake(server).read(SALES, "paid_at")["paid_at"]).as_py().date()
        days = newest - timedelta(days=2), newest
        airflow.unpause("backfill")
        wanted = {"table": SALES.name, "first": str(days[0]), "last": str(days[-1])}
        airflow.trigger("backfill", wanted)
        time.sleep(5)
        states = airflow.rest(("backfill", *FLOW), least=1, seconds=600)
        assert states["backfill"] == ["success"]
        assert airflow.versions()[SALES.name] > before[SALES.name]
        assert differing() == []


def test_a_gate_that_fails_stops_what_is_behind_it_until_a_replay(airflow, differing, server):
    lake = airflow.lake(server)
    if not lake.exists(SALES):  # the test before this one was not asked for
        airflow.lakehouse("simulate")
        airflow.lakehouse("run")
        airflow.unpause(*FLOW)
    with nullcontext() if processes(airflow, "scheduler") else scheduler(airflow):
        lost = lake.read(SALES, "basket_id")["basket_id"][0].as_py()
        take_out(airflow, SALES, f"basket_id = '{lost}'")
        before = airflow.versions()
        for dag in ("build", "ingest"):
            runs = len(airflow.runs(dag))
            airflow.trigger(dag)
            airflow.rest((dag,), least=runs + 1, seconds=300)
        assert airflow.runs("ingest")[-1]["state"] == "success"
        assert airflow.runs("build")[-1]["state"] == "failed"
        behind = [table.name for table in tables.BUILT if SALES.name in table.upstream]
        after = airflow.versions()
        assert behind
        assert {name: after[name] for name in behind} == {name: before[name] for name in behind}

        told = [json.loads(body) for _, body in airflow.heard]
        assert {one["kind"] for one in told} >= {"gate_failed", "task_failed"}
        [failed] = [one for one in told if one["kind"] == "task_failed"]
        assert failed["of"] == "build.gate"
        assert SALES.name in failed["sentence"]

        builds = len(airflow.runs("build"))
        airflow.unpause("replay")
        airflow.trigger("replay", {"table": SALES.name, "dry_run": False})
        time.sleep(5)
        airflow.rest(("replay",), least=1, seconds=300)
        airflow.rest(("build",), least=builds + 1, seconds=300)  # by what replay announced
        assert airflow.runs("build")[-1]["state"] == "success"
        assert differing() == []
