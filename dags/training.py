"""One DAG a model: train it again once the tables it learns from have changed, where it is old enough
or what it meets has drifted."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from lakehouse import tables
from lakehouse.models.catalog import MODELS
from lakehouse.orchestration import LakehouseOperator, asset, failed

for model in MODELS:
    with DAG(
        f"train_{model.name}",
        description=model.purpose,
        schedule=[asset(tables.by_name(name)) for name in model.learns_from],
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args={
            "owner": "data science",
            "on_failure_callback": failed,
            "retries": 1,
            "retry_delay": timedelta(minutes=5),
            "execution_timeout": timedelta(hours=2),
        },
        tags=["models"],
        doc_md=f"Learns from {', '.join(model.learns_from)}; judged by "
        + "; ".join(f"{metric.name}: {metric.means}" for metric in model.metrics),
    ):
        LakehouseOperator(
            task_id="train",
            arguments=["train", model.name, "--if-older-than", "7", "--or-drifted"],
            model=model.name,
            pool="lakehouse",
            doc_md="Trained, judged, and promoted where it is better than what is served.",
        ) >> LakehouseOperator(
            task_id="score",
            arguments=["score", model.name],
            model=model.name,
            writes=[tables.by_name(model.output)],
            pool="lakehouse",
            doc_md=f"Writes `{model.output}`: {tables.by_name(model.output).grain}.",
        )
