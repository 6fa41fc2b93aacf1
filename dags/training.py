"""One DAG a model: train it again once the tables it learns from have changed, where it is old enough
or what it meets has drifted; where a person is to approve, what is better waits for that."""

import os
from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, get_current_context, task

from lakehouse import tables
from lakehouse.models.catalog import MODELS, Model
from lakehouse.orchestration import LakehouseOperator, asset, failed

NEEDS_APPROVAL = os.environ.get("LAKEHOUSE_APPROVAL") == "1"
PATIENCE = timedelta(days=7)  # for a person's word
WAITS = "ti.xcom_pull(task_ids='train')['waits'][0]"
WHO = "ti.xcom_pull(task_ids='approve')['responded_by_user']['name']"


@task.short_circuit(
    ignore_downstream_trigger_rules=False, doc_md="Goes on where a version is better, and waits."
)
def waits() -> bool:
    """Whether there is anything to approve of."""
    return bool(get_current_context()["ti"].xcom_pull(task_ids="train")["waits"])


def approved(model: Model, train: LakehouseOperator, score: LakehouseOperator) -> None:
    """Put the tasks that ask a person, and then promote, between two others."""
    approve = ApprovalOperator(
        task_id="approve",
        subject=f"Serve version {{{{ {WAITS}.version }}}} of {model.name}?",
        body=f"{{% for name, value in {WAITS}.items() %}}\n- {{{{ name }}}}: {{{{ value }}}}\n{{% endfor %}}",
        defaults=ApprovalOperator.REJECT,
        response_timeout=PATIENCE,
        execution_timeout=None,
        doc_md="Under Required Actions: yes or no. No answer within a week is a no.",
    )
    why = f"approved in Airflow by {{{{ {WHO} }}}}"
    version = f"{{{{ {WAITS}.version }}}}"
    promote = LakehouseOperator(
        task_id="promote",
        arguments=["promote", model.name, "--version", version, "--why", why],
        model=model.name,
        pool="lakehouse",
        doc_md="`lakehouse promote`",
    )
    train >> waits() >> approve >> promote >> score


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
        train = LakehouseOperator(
            task_id="train",
            arguments=["train", model.name, "--if-older-than", "7", "--or-drifted"]
            + ["--hold"] * NEEDS_APPROVAL,
            model=model.name,
            reports=True,
            pool="lakehouse",
            doc_md="Trained, judged, and promoted where it is better than what is served.",
        )
        score = LakehouseOperator(
            task_id="score",
            arguments=["score", model.name],
            model=model.name,
            writes=[tables.by_name(model.output)],
            pool="lakehouse",
            trigger_rule="none_failed",
            doc_md=f"Writes `{model.output}`: {tables.by_name(model.output).grain}.",
        )
        train >> score
        if NEEDS_APPROVAL:
            approved(model, train, score)
