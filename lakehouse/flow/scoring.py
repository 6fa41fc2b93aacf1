"""Score: what the champion of a model says of everybody, into its gold table."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import consent, ledger, tables, verdicts
from lakehouse.errors import BatchFailed, GateFailed
from lakehouse.flow import alarms, build, gate
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch
from lakehouse.models import affinities, recommendations, segments
from lakehouse.models.catalog import Model, Tables
from lakehouse.tables import Table
from lakehouse.tracking import CHAMPION, Tracker

STAGE = "score"
_MODEL = "model version"  # among what a batch was made from


MODULES: dict[str, ModuleType] = {
    "affinities": affinities,
    "segments": segments,
    "recommendations": recommendations,
}


@dataclass(frozen=True)
class Asked:
    """A model, and the versions of tables that it is asked about."""

    place: Place
    model: Model
    read: dict[str, int]

    @property
    def module(self) -> ModuleType:
        """The model's functions."""
        return MODULES[self.model.name]

    @property
    def output(self) -> Table:
        """The table that it writes."""
        return tables.by_name(self.model.output)

    def rows(self, made_of: Tables) -> pd.DataFrame:
        """The rows of the output; only of subjects that agree to its purpose."""
        frames = [
            self.place.store.read(tables.by_name(name), self.read[name])
            for name in self.model.learns_from
        ]
        asked = self.module.asked(*frames)
        if self.output.consent and asked is not None:
            asked = agreed(self.place, asked, self.output.consent)
        found: pd.DataFrame = self.module.scored(
            made_of, None if asked is None else asked.toPandas()
        )
        return found[[name for name in self.output.column_names if name in found]]


def score(place: Place, model: Model) -> Batch | None:
    """Write what the champion says; None where there is none, or nothing has changed since it did."""
    tracker = Tracker(place.settings, place.endpoint)
    champion = tracker.find(model.name, CHAMPION)
    if champion is None:
        return None
    output = tables.by_name(model.output)
    read = {name: place.lake.version(tables.by_name(name)) for name in _read(model)}

    def rows() -> DataFrame:
        found = Asked(place, model, read).rows(tracker.load(champion))
        version = F.lit(champion.version).cast("bigint")
        return _frame(place, output, found).withColumn("model_version", version)

    return written(place, output, read | {_MODEL: champion.version}, rows)


def written(
    place: Place, output: Table, made_of: dict[str, int], rows: Callable[[], DataFrame]
) -> Batch | None:
    """Write rows, without batch_id, in place of those of a table, and have the gate judge them; None
    where it was last made of the same: versions of tables, and of what else it follows from.

    Raises GateFailed where they do not pass.
    """
    done = place.ledger.of(STAGE, output.name)
    if done and done[-1].upstream == made_of:
        _pass_gate(place, output, made_of)  # as long as it does not pass, each call says so
        return None
    before = place.lake.version(output)
    named = "-".join(map(str, made_of.values()))
    batch = ledger.started(
        STAGE,
        output.name,
        f"{STAGE}-{output.short_name}-{named}-{before}",
        upstream=made_of,
        version_before=before,
    )
    build.write(place, output, rows().withColumn("batch_id", F.lit(batch.batch_id)), None, batch)
    committed = place.ledger.committed(ledger.timed(batch))
    place.ledger.record([committed])
    _pass_gate(place, output, made_of)
    return committed


def _pass_gate(place: Place, output: Table, made_of: dict[str, int]) -> None:
    """Have the newest version judged, beside those it was made of; what is made of verdicts follows."""
    stands = gate.judge(place, [output], {output.name: made_of})
    alarms.ring(place, stands)
    # Another process that builds now, or the next one, does it as well.
    with contextlib.suppress(BatchFailed), place.alone(build.STAGE):
        for one in build.OF_VERDICTS:
            build.table(place, one)
    if said := verdicts.sentences(stands):
        raise GateFailed(*said)


def of_version(place: Place, output: Table, version: int) -> list[Batch]:
    """The batches that a version of a model wrote, oldest first."""
    every = place.ledger.of(STAGE, output.name)
    return [batch for batch in every if batch.upstream[_MODEL] == version]


def twice(output: Table, found: pd.DataFrame) -> int:
    """Keys that stand in the rows more than once."""
    keys = found[list(output.key)].map(lambda cell: tuple(cell) if isinstance(cell, list) else cell)
    return int(keys.duplicated().sum())


def _read(model: Model) -> tuple[str, ...]:
    output = tables.by_name(model.output)
    return (
        *model.learns_from,
        *(("silver.customers", "silver.app_events") if output.consent else ()),
    )


def agreed(place: Place, asked: DataFrame, purpose: str) -> DataFrame:
    """Those that agree to a purpose now: at the newest instant that the lake knows of, be it of a
    basket, of the app or of the CRM.
    """
    customers = place.store.read(tables.by_name("silver.customers"))
    app_events = place.store.read(tables.by_name("silver.app_events"))
    bought = place.store.read(tables.by_name("gold.baskets")).select(F.col("paid_at").alias("at"))
    told = customers.select(F.least("valid_from", "arrived_at"))  # some is of a day to come
    happened = bought.union(app_events.select("happened_at")).union(told)
    [row] = happened.agg(F.max("at").alias("now")).collect()
    known = asked.withColumn("_now", F.lit(row["now"]))
    agreed = consent.in_force(known, customers, app_events, "_now")
    return agreed.where(F.array_contains("consents", purpose)).select(*asked.columns)


def _frame(place: Place, output: Table, found: pd.DataFrame) -> DataFrame:
    columns = [one for one in output.columns if one.name in found]
    ddl = ", ".join(f"{one.name} {one.type}" for one in columns)
    cells = found[[one.name for one in columns]].astype(object)
    rows = cells.mask(cells.isna(), other=None).to_numpy().tolist()
    return place.spark.createDataFrame(rows, ddl)
