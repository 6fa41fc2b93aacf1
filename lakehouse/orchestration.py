"""How a task of Airflow runs a command of the lakehouse: as a process of the pipeline's environment.

Imported by DAGs alone; it needs Airflow and, of this package, plain data. What the environment says:

    LAKEHOUSE_PYTHON      the pipeline's Python; .venv/bin/python of the project by default
    LAKEHOUSE_SETTINGS    its settings file; conf/local.yml by default
    LAKEHOUSE_SUBMIT      `spark-submit --master …`: the stages go to a cluster by it
    LAKEHOUSE_CONNECTION  a connection of Airflow with the keys of the storage (login, password) and,
                          as extra, `pseudonym_key` and `alert_secret`; the keys file by default
    LAKEHOUSE_DASHBOARD   where people find `lakehouse dashboard`; http://127.0.0.1:8050 by default
    LAKEHOUSE_APPROVAL    1: a model that is better is served once a person has approved of it
    LAKEHOUSE_MLFLOW      where people find `lakehouse mlflow`; http://127.0.0.1:5000 by default

Secrets reach the process by its environment alone.
"""

import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, AssetAlias, BaseOperator, BaseOperatorLink, Connection
from airflow.sdk.exceptions import AirflowException

from lakehouse import tables
from lakehouse.tables import Table

PROJECT = Path(__file__).resolve().parent.parent
STAGES = ("ingest", "refine", "build", "run")  # that jobs/ has for spark-submit
_DASHBOARD, _MLFLOW = "http://127.0.0.1:8050", "http://127.0.0.1:5000"
_PATIENCE_S = 60.0  # of a process that was asked to end, until it is made to
_ALERT_S = 120.0  # that telling of a failure may take
_SECRETS = {
    "login": "AWS_ACCESS_KEY_ID",
    "password": "AWS_SECRET_ACCESS_KEY",
    "pseudonym_key": "LAKEHOUSE_PSEUDONYM_KEY",
    "alert_secret": "LAKEHOUSE_ALERT_SECRET",
}
_log = logging.getLogger(__name__)


def asset(table: Table) -> Asset:
    """What is scheduled by: a table, under its name."""
    return Asset(name=table.name, uri=table.uri)


def failed(context: Any) -> None:
    """Tell whoever hears of alerts that a task has failed for good; a DAG's `on_failure_callback`."""
    task = context["task_instance"]
    name = f"{task.dag_id}.{task.task_id}"
    sentence = (
        f"The task {name} of Airflow has failed: {context.get('exception') or 'it was killed'}"
    )
    arguments = ["alert", "task_failed", sentence, "--of", name, "--see", task.log_url]
    done = subprocess.run(
        _command(arguments),
        cwd=PROJECT,
        env=os.environ | _secrets(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_ALERT_S,
        check=False,
    )
    _log.info("%s", (done.stdout or done.stderr).strip())


class Page(BaseOperatorLink):
    """Where a task leads to: the page of a table, of quality or of a model."""

    name = ""

    def __init__(self, name: str, address: str) -> None:
        """Take its name, the text of the link, and its address."""
        self.name = name
        self.address = address

    @property
    def xcom_key(self) -> str:
        """What Airflow keeps the address under: its own would be one for all pages of a task."""
        return f"_link_{self.name.lower()}"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """The address."""
        del operator, ti_key
        return self.address


def _pages(writes: Sequence[str], model: str | None) -> tuple[Page, ...]:
    dashboard = os.environ.get("LAKEHOUSE_DASHBOARD", _DASHBOARD)
    mlflow = os.environ.get("LAKEHOUSE_MLFLOW", _MLFLOW)
    found = []
    if writes:
        one = f"/{writes[0]}" if len(writes) == 1 else ""
        found += [Page("Table", f"{dashboard}/tables{one}"), Page("Quality", f"{dashboard}/flow")]
    if model:
        found += [Page("Model", f"{mlflow}/#/models/{model}")]
    return tuple(found)


class LakehouseOperator(BaseOperator):
    """Run one command of the lakehouse; announce the tables that have changed since they last were.

    An asset event carries version and rows of its table. A task that was killed after its commits
    has announced nothing: whichever runs next finds nothing to do, and announces them. Output goes
    to the task's log line by line; a failure says the command's own reason. Who is killed takes the
    whole process tree with it.
    """

    template_fields: Sequence[str] = ("arguments",)
    ui_color = "#dbe9f4"

    def __init__(
        self,
        *,
        arguments: list[str],
        writes: Sequence[Table] = (),
        model: str | None = None,
        reports: bool = False,
        **more: Any,
    ) -> None:
        """Take the command with its arguments, the tables that it writes and announces, the model
        that it is about, and whether it reports though it writes no table.
        """
        self.reports = reports or bool(writes)
        self.arguments = arguments
        self.writes = [table.name for table in writes]
        self.operator_extra_links = _pages(self.writes, model)
        if writes:
            more["outlets"] = [AssetAlias(f"lakehouse {more['task_id']}")]
            more["inlets"] = [asset(table) for table in writes]  # to be asked what was announced
        super().__init__(**more)

    def execute(self, context: Any) -> dict[str, Any]:
        """Run it; give what it reports: the tables as they are, what the gate holds back, and which
        versions of models wait for a word.
        """
        with tempfile.TemporaryDirectory(prefix="lakehouse-") as folder:
            report = Path(folder) / "report.json"
            more = ["--report", str(report)] if self.reports else []
            status, last = self._run([*self.arguments, *more])
            found = json.loads(report.read_text()) if report.exists() else {}
        if status and not found.get("held"):
            raise AirflowException(f"exit status {status}: {last}")
        for written in found.get("tables", ()):  # of the stage: others may write some of them
            if written["table"] in self.writes:
                self._announce(context, written)
        return found

    def _announce(self, context: Any, written: dict[str, Any]) -> None:
        known = asset(tables.by_name(written["table"]))
        last = context["inlet_events"][known].ascending(False).limit(1)
        if len(last) and last[0].extra.get("version") == written["version"]:
            return
        extra = {"version": written["version"], "rows": written["rows"]}
        context["outlet_events"][self.outlets[0]].add(known, extra=extra)

    def _run(self, arguments: list[str]) -> tuple[int, str]:
        """Exit status and last line."""
        self._process = subprocess.Popen(
            [*_dies_with_worker(), *_command(arguments)],
            cwd=PROJECT,
            env=os.environ | _secrets(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        last = ""
        try:
            for line in self._process.stdout:
                last = line.rstrip() or last
                self.log.info("%s", line.rstrip())
            return self._process.wait(), last
        finally:
            self.on_kill()

    def on_kill(self) -> None:
        """End the whole process tree: asked first, then made to."""
        process = getattr(self, "_process", None)
        if process is None or process.poll() is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_S)
                return


def _command(arguments: list[str]) -> list[str]:
    settings = os.environ.get("LAKEHOUSE_SETTINGS")
    first = ["--settings", settings] if settings else []
    submit = os.environ.get("LAKEHOUSE_SUBMIT")
    stage, *more = arguments
    if submit and stage in STAGES:
        return [*shlex.split(submit), str(PROJECT / "jobs" / f"{stage}.py"), *first, *more]
    python = os.environ.get("LAKEHOUSE_PYTHON", str(PROJECT / ".venv" / "bin" / "python"))
    return [python, "-m", "lakehouse.cli", *first, *arguments]


def _dies_with_worker() -> list[str]:
    """What a command begins with so that the kernel ends it where its worker is killed outright."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "TERM", "--"] if found else []


def _secrets() -> dict[str, str]:
    name = os.environ.get("LAKEHOUSE_CONNECTION")
    if not name:
        return {}
    known = Connection.get(name)
    said = {"login": known.login, "password": known.password, **known.extra_dejson}
    return {variable: str(said[key]) for key, variable in _SECRETS.items() if said.get(key)}
