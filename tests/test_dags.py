"""The DAGs: they import in Airflow's own environment, quickly, without an engine or a warning."""

import json
import subprocess

import pytest

from lakehouse import tables
from lakehouse.airflow_server import AIRFLOW, environment
from lakehouse.models.catalog import MODELS
from lakehouse.settings import PROJECT

_LOOK = """
import json, sys, time, warnings
warnings.simplefilter("error")
from airflow.dag_processing.dagbag import DagBag
began = time.monotonic()
bag = DagBag(sys.argv[1])
engines = [name for name in ("pyspark", "mlflow", "great_expectations", "delta") if name in sys.modules]
found = {
    "errors": bag.import_errors,
    "engines": engines,
    "seconds": max(stat.duration.total_seconds() for stat in bag.dagbag_stats),
    "dags": {
        dag.dag_id: {
            "docs": bool(dag.doc_md),
            "owners": dag.owner,
            "tags": sorted(dag.tags),
            "retries": [task.retries for task in dag.tasks],
            "timeouts": [bool(task.execution_timeout) for task in dag.tasks],
            "undocumented": [task.task_id for task in dag.tasks if not task.doc_md],
            "follows": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
        }
        for dag in bag.dags.values()
    },
}
print("FOUND" + json.dumps(found))
"""


def look(home, **more):
    """What Airflow makes of the DAGs."""
    if not AIRFLOW.exists():
        pytest.fail("no .venv-airflow: `make setup-airflow` makes it")
    said = environment(home, 1) | more
    command = [str(AIRFLOW.parent / "python"), "-c", _LOOK, str(PROJECT / "dags")]
    done = subprocess.run(
        command, env=said, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert "FOUND" in done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout.partition("FOUND")[2])


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """The DAGs as they are by default."""
    return look(tmp_path_factory.mktemp("airflow"))


def test_every_dag_imports_without_a_fault(bag):
    assert bag["errors"] == {}
    names = {"ingest", "refine", "build", "maintain", "verify", "replay", "backfill", "repair"}
    assert set(bag["dags"]) == names | {"assign", "watch"} | {
        f"train_{model.name}" for model in MODELS
    }


def test_they_load_no_engine_and_parse_within_two_seconds(bag):
    assert bag["engines"] == []
    assert bag["seconds"] < 2


def test_each_has_an_owner_docs_and_a_timeout(bag):
    for name, dag in bag["dags"].items():
        assert dag["docs"], name
        assert dag["undocumented"] == [], name
        assert dag["tags"], name
        assert dag["owners"] != "airflow", name
        assert all(dag["timeouts"]), name


def test_where_a_person_is_to_approve_that_stands_before_what_is_served(bag, tmp_path):
    asked = look(tmp_path, LAKEHOUSE_APPROVAL="1")
    assert asked["errors"] == {}
    for model in MODELS:
        assert bag["dags"][f"train_{model.name}"]["follows"] == {"train": ["score"], "score": []}
        assert asked["dags"][f"train_{model.name}"]["follows"] == {
            "train": ["score", "waits"],
            "waits": ["approve"],
            "approve": ["promote"],
            "promote": ["score"],
            "score": [],
        }


def test_an_asset_is_called_as_its_table():
    assert tables.by_name("gold.baskets").uri == "lakehouse://gold/baskets"
