"""From an empty lakehouse to a scored model by assets alone, in a real Airflow."""

import time
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as met
from selenium.webdriver.support.ui import WebDriverWait

from lakehouse import keys, tables
from lakehouse.settings import load
from tests.airflow.conftest import CANARIES, rows
from tests.browser import chromium, keep

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


@pytest.fixture
def browser(tmp_path):
    """A person's browser."""
    with chromium(tmp_path) as started:
        yield started


def test_a_person_signs_in_sees_the_graph_replays_a_table_and_reads_the_log(airflow, lake, browser):
    def found(selector):
        """An element that can be used, once it can."""
        can = met.element_to_be_clickable((By.CSS_SELECTOR, selector))
        return WebDriverWait(browser, 60).until(can)

    def says(*sentences, seconds=60):
        """Wait until the page says all of it."""
        page = (By.TAG_NAME, "body")
        for one in sentences:
            WebDriverWait(browser, seconds).until(met.text_to_be_present_in_element(page, one))

    before = airflow.versions()
    address = airflow.server.address
    airflow.unpause("replay")
    browser.get(address)
    found("input[name=username]").send_keys(airflow.server.user)
    found("input[name=password]").send_keys(airflow.server.password)
    found("button[type=submit]").click()
    found("[data-testid=nav-dags-link]").click()
    says("ingest", "refine", "build", "replay", "train_affinities")
    keep(browser, "airflow-dags")

    browser.get(f"{address}/dags/build")
    found("button[value=graph]").click()
    for task in ("build", "gate"):
        found(f"[data-testid=rf__node-{task}]")
    keep(browser, "airflow-graph")

    browser.get(f"{address}/dags/replay")
    found("[data-testid=trigger-dag-button]").click()
    table = found("[role=dialog] input[role=combobox]")
    table.send_keys("gold.baskets")
    table.send_keys(Keys.ENTER)
    assert browser.find_element(By.NAME, "element_table").get_attribute("value") == "gold.baskets"
    assert browser.find_element(By.NAME, "element_dry_run").is_selected()
    keep(browser, "airflow-replay")
    found("[data-testid=trigger-dag-submit]").click()
    found("a[href*='/runs/'][href$='/tasks/rebuild']").click()
    count = rows(lake, "gold.baskets")
    says(
        f"gold.baskets ({count:,} rows at version {before['gold.baskets']}) would be made anew",
        "nothing was written",
        seconds=180,
    )
    keep(browser, "airflow-log")
    found("a[href$='/details']").click()
    says("Quality")
    pages = {one.get_attribute("href") for one in browser.find_elements(By.TAG_NAME, "a")}
    assert {"http://127.0.0.1:8050/tables", "http://127.0.0.1:8050/flow"} <= pages
    assert airflow.rest(("replay",), least=1, seconds=60) == {"replay": ["success"]}
    assert airflow.versions() == before


def test_a_secret_is_in_no_log_no_database_and_no_argument(airflow, arguments):
    needles = [*CANARIES, *keys.s3(load(airflow.conf))]
    folder = Path(airflow.server.environment["AIRFLOW_HOME"])
    for needle in needles:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert [path for path in files if needle.encode() in path.read_bytes()] == []
        assert [one for one in arguments if needle in one] == []
    assert any("lakehouse.cli" in one for one in arguments)
