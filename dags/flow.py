"""The way of the data: ingest by the clock, refine and build by the tables they read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, AssetAny, get_current_context, task
from airflow.sdk.exceptions import AirflowException

from lakehouse import tables
from lakehouse.orchestration import LakehouseOperator, asset, failed
from lakehouse.tables import Table

SETTINGS = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {
        "owner": "data engineering",
        "on_failure_callback": failed,
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(hours=2),
    },
}
EVENTS = tables.by_name("bronze.events")
GOLD = "\n".join(f"- `{table.name}`: {table.grain}" for table in tables.BUILT)


def step(name: str, writes: Sequence[Table], doc: str) -> LakehouseOperator:
    """A stage of the flow as a task: one at a time, whoever asks."""
    return LakehouseOperator(
        task_id=name, arguments=[name], writes=writes, pool="lakehouse", doc_md=doc
    )


with DAG(
    "ingest",
    description="Landing to bronze: take in every object that has landed",
    schedule=timedelta(minutes=5),
    tags=["flow"],
    doc_md=f"Writes `{EVENTS.name}`: {EVENTS.grain}.",
    **SETTINGS,
):
    step("ingest", [EVENTS], "`lakehouse ingest`")

with DAG(
    "refine",
    description="Bronze to silver: type, place and judge every message",
    schedule=[asset(EVENTS)],
    tags=["flow"],
    doc_md="Writes " + ", ".join(f"`{table.name}`" for table in tables.SILVER),
    **SETTINGS,
):
    step("refine", tables.SILVER, "`lakehouse refine`")

with DAG(
    "build",
    description="Silver to gold: gate what changed, build what passed",
    schedule=AssetAny(*(asset(table) for table in tables.SILVER)),
    tags=["flow"],
    doc_md=f"A table whose upstream does not pass the gate stays as it is.\n\n{GOLD}",
    **SETTINGS,
):

    @task(
        retries=0, doc_md="Fails where the gate holds a table back; the others are built by then."
    )
    def gate() -> None:
        """Say what is held back, and why."""
        found = get_current_context()["ti"].xcom_pull(task_ids="build")
        if found["held"]:
            raise AirflowException("; ".join(found["held"]))

    doc = "`lakehouse build`: Great Expectations first, then what passed"
    step("build", tables.BUILT, doc) >> gate()

ASSIGNMENTS = tables.by_name("gold.assignments")

with DAG(
    "assign",
    description="Split customers among the forms of the offers that the settings try",
    schedule=AssetAny(*(asset(tables.by_name(name)) for name in ASSIGNMENTS.upstream)),
    tags=["flow"],
    doc_md=f"Writes `{ASSIGNMENTS.name}`: {ASSIGNMENTS.grain}.",
    **SETTINGS,
):
    step("assign", [ASSIGNMENTS], "`lakehouse assign`")
