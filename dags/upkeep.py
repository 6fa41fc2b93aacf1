"""What keeps the lakehouse well: maintenance and the promises by night, repairs by hand."""

from datetime import UTC, date, datetime, timedelta

from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowException

from lakehouse import tables
from lakehouse.orchestration import LakehouseOperator, failed

SETTINGS = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {
        "owner": "data engineering",
        "on_failure_callback": failed,
        "retries": 1,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=3),
    },
    "tags": ["upkeep"],
}
REBUILT = (*tables.SILVER, *tables.BUILT)
TABLES = [table.name for table in REBUILT]
BEHIND = "30"  # minutes; a stream builds from whole days every ten


def run(name: str) -> LakehouseOperator:
    """A command that announces nothing."""
    doc = f"`lakehouse {name}`"
    return LakehouseOperator(task_id=name, arguments=[name], pool="lakehouse", doc_md=doc)


def build() -> LakehouseOperator:
    """What stands on a table that was made anew."""
    return LakehouseOperator(
        task_id="build",
        arguments=["build"],
        writes=tables.BUILT,
        pool="lakehouse",
        doc_md="`lakehouse build`: Great Expectations first, then what passed",
    )


with DAG(
    "maintain",
    description="Larger files, clustered rows, nothing kept for too long",
    schedule="30 2 * * *",
    doc_md="`lakehouse maintain`, beside running stages.",
    **SETTINGS,
):
    run("maintain")

with DAG(
    "verify",
    description="The promises, on the data at hand",
    schedule="30 4 * * *",
    doc_md="`lakehouse verify`: fails where a promise is broken, and says which.",
    **SETTINGS,
):
    run("verify")

with DAG(
    "watch",
    description="Whether what landed has reached every table",
    schedule=timedelta(minutes=10),
    doc_md=f"`lakehouse status --behind {BEHIND}`: fails, and so alerts, where a table has waited for "
    "longer, whoever was to write it: these DAGs or a stream that runs for ever.",
    **SETTINGS,
):
    LakehouseOperator(
        task_id="status",
        arguments=["status", "--behind", BEHIND],
        doc_md=f"`lakehouse status --behind {BEHIND}`",
    )

with DAG(
    "replay",
    description="A table once more from the layer below",
    schedule=None,
    params={
        "table": Param(TABLES[0], enum=TABLES, description="Which table."),
        "from": Param(
            None, type=["null", "string"], format="date", description="Silver: from this UTC day."
        ),
        "to": Param(
            None, type=["null", "string"], format="date", description="Silver: to this UTC day."
        ),
        "shop": Param(None, type=["null", "string"], description="Silver: only this shop."),
        "dry_run": Param(True, type="boolean", description="Only say what would be done."),
    },
    doc_md="`lakehouse rebuild`; the content before and after is in the log.",
    **SETTINGS,
):

    @task
    def wanted(params: dict[str, object]) -> list[str]:
        """The command that the parameters mean."""
        chosen = [f"--{name}={params[name]}" for name in ("from", "to", "shop") if params[name]]
        dry = ["--dry-run"] if params["dry_run"] else []
        return ["rebuild", str(params["table"]), *(chosen or ["--all"]), *dry]

    LakehouseOperator(
        task_id="rebuild",
        arguments=wanted(),
        writes=REBUILT,
        pool="lakehouse",
        doc_md="`lakehouse rebuild` with what was chosen",
    )

with DAG(
    "backfill",
    description="Some days of a silver table once more from bronze, then gold",
    schedule=None,
    params={
        "table": Param(tables.SILVER[0].name, enum=[table.name for table in tables.SILVER]),
        "first": Param("2026-01-01", type="string", format="date", description="First UTC day."),
        "last": Param("2026-01-01", type="string", format="date", description="Last UTC day."),
    },
    doc_md="`lakehouse rebuild`, a task a day; then `lakehouse build`.",
    **SETTINGS,
):

    @task
    def days(params: dict[str, str]) -> list[list[str]]:
        """A command a day."""
        first, last = (date.fromisoformat(params[name]) for name in ("first", "last"))
        if last < first:
            raise AirflowException(f"the last day, {last}, is before the first one, {first}")
        every = (first + timedelta(days=by) for by in range((last - first).days + 1))
        return [["rebuild", params["table"], f"--from={day}", f"--to={day}"] for day in every]

    (
        LakehouseOperator.partial(
            task_id="rebuild", pool="lakehouse", doc_md="`lakehouse rebuild` of one day"
        ).expand(arguments=days())
        >> build()
    )

with DAG(
    "repair",
    description="Judge again what waits in quarantine",
    schedule=None,
    params={
        "table": Param(None, type=["null", "string"], enum=[None, *TABLES]),
        "why": Param("", type="string", description="The reason, in a sentence; it is kept."),
    },
    doc_md="`lakehouse quarantine release`, then gold follows.",
    **SETTINGS,
):

    @task
    def chosen(params: dict[str, object]) -> list[str]:
        """The command that the parameters mean."""
        table = ["--table", str(params["table"])] if params["table"] else []
        return ["quarantine", "release", *table, "--why", str(params["why"])]

    (
        LakehouseOperator(
            task_id="release",
            arguments=chosen(),
            pool="lakehouse",
            doc_md="`lakehouse quarantine release` with what was chosen",
        )
        >> build()
    )
