"""A real Airflow beside a lakehouse of its own, and what a person would ask them."""

import contextlib
import json
import subprocess
import sys
import threading
import time

import psutil
import pytest
import requests
import yaml

from lakehouse import airflow_server, tables
from lakehouse.lake import Lake
from lakehouse.settings import PROJECT, Buckets, load

WORLD = {
    "spark": {"master": "local[2]", "driver_memory": "2g", "shuffle_partitions": 2},
    "simulation": {"receipt_days": 60, "receipt_share": 0.1, "sensor_days": 0},
}
CANARIES = ("canary-0123456789abcdef-of-the-environment", "canary-0123456789abcdef-of-a-connection")


class Airflow:
    """A running Airflow by its REST API, and the lakehouse that its tasks work on."""

    def __init__(self, server, conf):
        self.server, self.conf = server, conf
        self.headers = {"Authorization": f"Bearer {server.token()}"}

    def ask(self, path, **said):
        """GET, or POST and PATCH with `json` and `method`."""
        method = said.pop("method", "GET")
        url = f"{self.server.address}/api/v2/{path}"
        answer = requests.request(method, url, headers=self.headers, timeout=60, **said)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.text else {}

    def unpause(self, *dags):
        """Let DAGs run."""
        for dag in dags:
            self.ask(f"dags/{dag}", method="PATCH", json={"is_paused": False})

    def trigger(self, dag, conf=None):
        """Start a run by hand; give its id."""
        said = {"logical_date": None, "conf": conf or {}}
        return self.ask(f"dags/{dag}/dagRuns", method="POST", json=said)["dag_run_id"]

    def runs(self, dag):
        """Every run of a DAG, oldest first."""
        found = self.ask(f"dags/{dag}/dagRuns", params={"limit": 100})["dag_runs"]
        return sorted(found, key=lambda run: run["queued_at"] or "")

    def rest(self, dags, least, seconds):
        """Wait until each DAG has so many runs and none is under way; give the states by DAG."""
        end = time.monotonic() + seconds
        while True:
            states = {dag: [run["state"] for run in self.runs(dag)] for dag in dags}
            done = {"success", "failed"}
            if all(len(one) >= least and set(one) <= done for one in states.values()):
                return states
            assert time.monotonic() < end, f"not at rest after {seconds} s: {states}\n{self.logs()}"
            time.sleep(2)

    def links(self, dag, task):
        """Where a task of the newest run of a DAG leads: name -> address."""
        run = self.runs(dag)[-1]["dag_run_id"]
        return self.ask(f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/links")["extra_links"]

    def logs(self):
        """The end of what the tasks said."""
        folder = airflow_server.home() / "airflow" / "logs"
        files = sorted(folder.rglob("*.log"), key=lambda one: one.stat().st_mtime)
        return "\n".join(f"{one}\n{one.read_text(errors='replace')[-1500:]}" for one in files[-3:])

    def events(self):
        """What was announced: table -> its events' extra, oldest first."""
        found = {}
        for event in self.ask("assets/events", params={"limit": 500, "order_by": "timestamp"})[
            "asset_events"
        ]:
            found.setdefault(event["name"], []).append(event["extra"])
        return found

    def lakehouse(self, *arguments):
        """A command of the lakehouse, as a person calls it."""
        command = [sys.executable, "-m", "lakehouse.cli", "--settings", str(self.conf), *arguments]
        return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)

    def lake(self, endpoint):
        """Its tables without Spark."""
        return Lake(load(self.conf), endpoint)

    def versions(self):
        """The version of every table."""
        said = json.loads(self.lakehouse("status", "--json").stdout)
        return {one["name"]: one["version"] for one in said["tables"]}


@contextlib.contextmanager
def started(home, conf, name, **more):
    """An Airflow of its own, its DAGs paused, for the lakehouse of the buckets `name`."""
    path = conf / f"{name}.yml"
    path.write_text(yaml.safe_dump(WORLD | {"buckets": Buckets.named(name).model_dump()}))
    said = {"LAKEHOUSE_SETTINGS": str(path), "LAKEHOUSE_PYTHON": sys.executable} | more
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in said.items():
            patch.setenv(variable, value)
        with airflow_server.running(home / f"airflow {name}") as running:
            yield Airflow(running, path)


@pytest.fixture(scope="module")
def airflow(home, server, tmp_path_factory):
    """Airflow with a secret in its environment and one in a connection, which goes before it."""
    conf = tmp_path_factory.mktemp("conf")
    secrets = {"LAKEHOUSE_ALERT_SECRET": CANARIES[0], "LAKEHOUSE_CONNECTION": "lakehouse"}
    extra = json.dumps({"alert_secret": CANARIES[1]})
    connection = {"connection_id": "lakehouse", "conn_type": "generic", "extra": extra}
    with started(home, conf, "airflow", **secrets) as running:
        running.ask("connections", method="POST", json=connection)
        yield running


@pytest.fixture(scope="module")
def arguments(airflow):
    """Every process argument seen since Airflow started."""
    seen, is_over = set(), threading.Event()

    def look():
        while not is_over.wait(0.2):
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    seen.update(process.cmdline())

    watch = threading.Thread(target=look)
    watch.start()
    yield seen
    is_over.set()
    watch.join()


@pytest.fixture
def lake(airflow, server):
    """The tables without Spark."""
    return airflow.lake(server)


def rows(lake, name):
    """How many rows a table has."""
    return lake.rows(tables.by_name(name))
