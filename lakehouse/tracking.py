"""The door to MLflow: runs with what they were made of, versions of models, and their aliases.

Runs and versions are noted in a database (`mlflow.store`, a file in the home folder by default);
what belongs to them lies in the bucket `models`. The aliases are `champion`, which is served, and
`challenger`, the newest version that is not.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lakehouse import keys
from lakehouse.errors import UnknownName
from lakehouse.settings import Settings, home

# MLflow asks git, and reports its use, unless told otherwise before it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.pyfunc.model import PythonModel, PythonModelContext

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
# What MLflow says of a model, and of an alias, that there is not.
_NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_PINNED = ("mlflow", "numpy", "pandas", "pyarrow", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Run:
    """What is noted of a training.

    tables   what the model is made of
    tags     versions of tables, code and lock, the split
    figures  what it was worth, beside the baselines
    card     the model card, as Markdown
    plots    name -> figure of matplotlib
    sample   a few rows to score, and what comes out: the signature
    """

    model: str
    tables: dict[str, pd.DataFrame]
    parameters: dict[str, float]
    tags: dict[str, str]
    figures: dict[str, float]
    card: str
    sample: tuple[pd.DataFrame, pd.DataFrame]
    plots: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """One version of a model, as it is registered."""

    model: str
    version: int
    run_id: str
    created_at_ms: int
    aliases: tuple[str, ...]
    tags: dict[str, str]


class Tables(PythonModel):
    """A model of ours as MLflow keeps it: its tables, and the function of its module that reads them."""

    def __init__(self, model: str) -> None:
        """Take the name of the module in lakehouse/models."""
        self.model = model

    def load_context(self, context: PythonModelContext) -> None:
        """Read the tables."""
        folder = Path(context.artifacts["tables"])
        self.tables = {one.stem: pd.read_parquet(one) for one in sorted(folder.glob("*.parquet"))}

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """What the module's `predict` says of the rows."""
        del context, params
        from importlib import import_module  # noqa: PLC0415  the caller may know one model alone

        module = import_module(f"lakehouse.models.{self.model}")
        found: pd.DataFrame = module.predict(self.tables, model_input)
        return found


class Tracker:
    """MLflow for one lakehouse."""

    def __init__(self, settings: Settings, endpoint: str | None) -> None:
        """Take the settings and the S3 endpoint in force."""
        self.settings = settings
        self.endpoint = endpoint
        self.store = store(settings)
        self.artifacts = f"s3://{settings.buckets.models}/mlflow"

    @contextmanager
    def _there(self) -> Iterator["MlflowClient"]:
        """MLflow pointed at this lakehouse; its S3 client reads the environment alone."""
        said = environment(self.settings, self.endpoint)
        before = {name: os.environ.get(name) for name in said}
        os.environ.update(said)
        try:
            mlflow.set_tracking_uri(self.store)
            mlflow.set_registry_uri(self.store)
            yield mlflow.MlflowClient()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def record(self, run: Run) -> Version:
        """Note a training, keep its model, and register it as a new version."""
        with self._there() as client, tempfile.TemporaryDirectory() as scratch:
            if client.get_experiment_by_name(run.model) is None:
                client.create_experiment(run.model, f"{self.artifacts}/{run.model}")
            mlflow.set_experiment(run.model)
            folder = Path(scratch) / "tables"
            folder.mkdir()
            for name, frame in run.tables.items():
                frame.to_parquet(folder / f"{name}.parquet", index=False)
            with mlflow.start_run(tags=run.tags) as active:
                mlflow.log_params(run.parameters)
                mlflow.log_metrics({_metric(name): value for name, value in run.figures.items()})
                mlflow.log_text(run.card, "card.md")
                mlflow.log_text(json.dumps(run.tags, indent=1, sort_keys=True), "made_of.json")
                for name, figure in run.plots.items():
                    mlflow.log_figure(figure, f"plots/{name}.png")
                mlflow.pyfunc.log_model(
                    name="model",
                    python_model=Tables(run.model),
                    artifacts={"tables": str(folder)},
                    signature=infer_signature(*run.sample),
                    pip_requirements=_requirements(),
                )
                uri = f"runs:/{active.info.run_id}/model"
                made = mlflow.register_model(uri, run.model, tags=run.tags)
            return _version(client, run.model, int(made.version))

    def load(self, version: Version) -> dict[str, pd.DataFrame]:
        """The tables of a version."""
        with self._there():
            loaded = mlflow.pyfunc.load_model(f"models:/{version.model}/{version.version}")
            tables: dict[str, pd.DataFrame] = loaded.unwrap_python_model().tables
            return tables

    def find(self, model: str, alias: str) -> Version | None:
        """The version that has an alias; None where none has."""
        with self._there() as client:
            try:
                found = client.get_model_version_by_alias(model, alias)
            except MlflowException as fault:
                if fault.error_code not in _NOT_THERE:
                    raise
                return None
            return _version(client, model, int(found.version))

    def version(self, model: str, number: int) -> Version:
        """One version; UnknownName lists those there are."""
        every = {one.version: one for one in self.versions(model)}
        if number not in every:
            raise UnknownName(f"version of {model}", str(number), map(str, sorted(every)))
        return every[number]

    def versions(self, model: str) -> list[Version]:
        """Every version, oldest first."""
        with self._there() as client:
            found = client.search_model_versions(f"name='{model}'")
            numbers = sorted(int(one.version) for one in found)
            return [_version(client, model, number) for number in numbers]

    def figures(self, version: Version) -> dict[str, float]:
        """What a version was worth when it was trained."""
        with self._there() as client:
            return dict(client.get_run(version.run_id).data.metrics)

    def move(self, version: Version, alias: str) -> None:
        """Give an alias to a version; who had it has it no longer."""
        with self._there() as client:
            client.set_registered_model_alias(version.model, alias, str(version.version))

    def drop(self, model: str, alias: str) -> None:
        """Take an alias away from whoever has it."""
        with self._there() as client, suppress(MlflowException):  # that nobody has it
            client.delete_registered_model_alias(model, alias)


def store(settings: Settings) -> str:
    """The database's URL."""
    return settings.mlflow.store or f"sqlite:///{home() / 'mlflow.db'}"


def environment(settings: Settings, endpoint: str | None) -> dict[str, str]:
    """What MLflow's S3 client, and a server of MLflow, must find in the environment."""
    access, secret = keys.s3(settings)
    said = {
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": settings.s3.region,
    }
    return said | ({"MLFLOW_S3_ENDPOINT_URL": endpoint} if endpoint else {})


def _version(client: "MlflowClient", model: str, number: int) -> Version:
    found = client.get_model_version(model, str(number))
    return Version(
        model,
        number,
        str(found.run_id),
        found.creation_timestamp,
        tuple(found.aliases),
        dict(found.tags),
    )


def _metric(name: str) -> str:
    """A name that MLflow takes."""
    return "".join(one if one.isalnum() or one in "_-. /" else " " for one in name)


def _requirements() -> list[str]:
    """What reading the model needs, pinned as it is here."""
    return [f"{name}=={metadata.version(name)}" for name in _PINNED]
