"""Simulated worlds, landed and taken to the gold tables that a part asks for."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse import consent, keys, s3, s3_server, settings, simulator, tables
from lakehouse.bronze import persons
from lakehouse.flow import build, ingest, place, refine
from lakehouse.flow.place import Place
from lakehouse.settings import PROJECT, Buckets
from lakehouse.tables import Table

Lines = Callable[[str, bytes], bool]


@dataclass(frozen=True)
class Lived:
    """A world in the lakehouse, and what really happened in it."""

    seed: int
    at: Place
    truth: dict[str, pd.DataFrame]

    def read(self, name: str, *columns: str) -> pd.DataFrame:
        """Columns of a table; instants are UTC, without a zone."""
        wanted = ", ".join(columns) or "*"
        found = self.at.lake.sql().sql(f"SELECT {wanted} FROM {name}").df()
        for column in found.select_dtypes("datetimetz"):
            found[column] = found[column].dt.tz_convert("UTC").dt.tz_localize(None)
        instants = found.select_dtypes("datetime")
        return found.assign(**{one: instants[one].astype("datetime64[us]") for one in instants})


def lived(
    spark: SparkSession,
    seed: int,
    *,
    days: int,
    rates: dict[str, float],
    feeds: Lines,
    built: Sequence[Table],
) -> Lived:
    """A world of some days with the usual faults but `rates`; of it land the lines wanted.

    Takes   feeds  whether a line of a feed is landed
            built  the tables that are built, each after what it stands on
    """
    server = s3_server.status(settings.home())
    assert server is not None
    where = settings.load(PROJECT / "conf" / "local.yml")
    faults = where.simulation.faults.model_copy(update=rates)
    size = {"receipt_days": days, "sensor_days": days, "faults": faults}
    where = where.model_copy(
        update={
            "buckets": Buckets.named(f"world-{seed}"),
            "simulation": where.simulation.model_copy(update=size),
        }
    )
    world = simulator.world(where.simulation, seed)
    at = place.at(where, server.endpoint, spark)
    _land(at, world, feeds)
    ingest.everything(at)
    refine.everything(at)
    for table in built:
        build.table(at, table)
    return Lived(seed, at, world.truth)


def agreed(world: Lived) -> pd.DataFrame:
    """visit, subject (pseudonym), shop_id of the visits of those who agreed to be analysed."""
    visits = world.truth["visits"].dropna(subset=["subject"])
    number, key = keys.pseudonym()
    columns = "visit bigint, person string, shop_id string, entered_at timestamp"
    named = world.at.spark.createDataFrame(
        [
            (one.visit, str(one.subject), one.shop_id, _utc(one.entered_at))
            for one in visits.itertuples()
        ],
        columns,
    ).withColumn("subject", persons.pseudonym("person", persons.Key(number, key)))
    found: pd.DataFrame = (
        consent.in_force(
            named,
            world.at.store.read(tables.by_name("silver.customers")),
            world.at.store.read(tables.by_name("silver.app_events")),
            at="entered_at",
        )
        .where(F.array_contains("consents", "analytics"))
        .select("visit", "subject", "shop_id")
        .toPandas()
    )
    return found


def _utc(at: pd.Timestamp) -> datetime:
    return at.tz_localize("UTC").to_pydatetime(warn=False)


def _land(at: Place, world: simulator.World, feeds: Lines) -> None:
    said = world.landing.messages
    objects: defaultdict[str, list[bytes]] = defaultdict(list)
    for key, feed, line in zip(
        said["object"], said["feed"], world.landing.lines.to_pylist(), strict=True
    ):
        if feeds(feed, line):
            objects[key].append(line)
    storage = s3.client(at.settings, at.endpoint)
    s3.ensure_buckets(storage, at.settings.buckets.model_dump().values())
    with s3.uploading(storage) as upload:
        for key, lines in objects.items():
            upload(at.settings.buckets.landing, key.removesuffix(".gz"), b"".join(lines))
