"""From an empty lakehouse to a scored model by assets alone, in a real Airflow."""

import time
from pathlib import Path

import pytest

from lakehouse import keys, tables
from lakehouse.settings import load
from tests.airflow.conftest import CANARIES, rows

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200)]
FLOW = ("ingest", "refine", "build", "train_affinities")


@pytest.mark.usefixtures("arguments")  # from here on they are looked at
def test_one_trigger_of_ingest_takes_everything_to_a_model(airflow, lake):
    airflow.lakehouse("simulate")
    airflow.unpause(*FLOW)
    airflow.trigger("ingest")
    states = airflow.rest(FLOW, least=1, seconds=900)
    assert {one for states_of_dag in states.values() for one in states_of_dag} == {"success"}
    assert rows(lake, "gold.baskets") > 0
    assert rows(lake, "ops.promotions") > 0

    announced = airflow.events()
    for name in ("bronze.events", "silver.sales", "gold.baskets"):
        table = tables.by_name(name)
        assert announced[name][-1]["version"] == lake.version(table)
        assert announced[name][-1]["rows"] == lake.rows(table)
    assert "silver.readings" not in announced  # nothing was measured: it has not changed
    assert airflow.links("train_affinities", "score") == {
        "Table": "http://127.0.0.1:8050/tables/gold.product_affinities",
        "Quality": "http://127.0.0.1:8050/flow",
        "Model": "http://127.0.0.1:5000/#/models/affinities",
    }


def test_again_with_nothing_new_nothing_changes(airflow):
    before, runs = airflow.versions(), len(airflow.runs("refine"))
    airflow.trigger("ingest")
    time.sleep(5)
    airflow.rest(("ingest",), least=2, seconds=300)
    assert airflow.versions() == before
    assert len(airflow.runs("refine")) == runs


def test_a_secret_is_in_no_log_no_database_and_no_argument(airflow, arguments):
    needles = [*CANARIES, *keys.s3(load(airflow.conf))]
    folder = Path(airflow.server.environment["AIRFLOW_HOME"])
    for needle in needles:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert [path for path in files if needle.encode() in path.read_bytes()] == []
        assert [one for one in arguments if needle in one] == []
    assert any("lakehouse.cli" in one for one in arguments)
