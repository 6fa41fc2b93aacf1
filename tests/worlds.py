"""The small world that the tests of the whole flow share, and ways to take it to gold."""

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from lakehouse import s3, session, tables
from lakehouse.flow import build, ingest, place, refine
from lakehouse.settings import Buckets, Faults, Simulation

SEED = 7
WORLD = Simulation(
    receipt_days=4,
    receipt_share=0.04,
    sensor_days=1,
    watched_goods=4,
    faults=Faults(
        repeat=0.03,
        receipt_again=0.05,
        late_object=0.3,
        broken_line=0.02,
        wrong_unit=0.03,
        unknown_product=0.05,
        return_receipt=0.2,
        empty_receipt=0.1,
        burst=0.01,
        spike=0.01,
        negative_count=0.2,
        lost_acknowledgement=0.1,
        old_price=0.2,
        position_jump=0.02,
        swapped_coordinates=0.02,
        tunnel=0.05,
        offline_phone=0.02,
        drift=0.05,
        wrong_clock=0.05,
    ),
)

# Nothing compiled for long: what tests ask of Spark is small. `.ci/run` also takes a demo through
# the compiled way.
QUICK = {
    # (The first compiler alone has 48 MB for its code by default; once they are full, none is run.)
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
    **session.INTERPRETED,
}


def rows_of(spark, table, rows):
    """A frame of rows (column -> value) of a declared table; columns they do not have are null.

    By Arrow, as rows of Python are pickled by a worker, anew for each use of the frame.
    """
    ddl = tables.by_name(table).ddl
    columns = to_arrow_schema(StructType.fromDDL(ddl))
    return spark.createDataFrame(pa.Table.from_pylist(rows, columns), ddl)


def lakehouse_in(prefix, where, server, spark, **sizes):
    """A lakehouse in buckets of its own, on the shared server and session."""
    update = {"buckets": Buckets.named(prefix), "simulation": WORLD, **sizes}
    settings = where.model_copy(update=update)
    return place.at(settings, server, spark)


def land(at, objects):
    """Put objects (key -> bytes) into the landing zone."""
    storage = s3.client(at.settings, at.endpoint)
    for key, body in objects.items():
        s3.put(storage, at.settings.buckets.landing, key, body)


def run(at):
    """Everything once, as `lakehouse run` does it."""
    ingest.everything(at)
    refine.everything(at)
    build.everything(at)


def copied(at, prefix):
    """The same lakehouse once more: Delta's paths are relative, so that a copy is whole."""
    storage = s3.client(at.settings, at.endpoint)
    theirs = Buckets.named(prefix).model_dump()
    s3.ensure_buckets(storage, theirs.values())
    for name, bucket in at.settings.buckets.model_dump().items():
        for one in list(s3.objects(storage, bucket)):
            s3.put(storage, theirs[name], one["Key"], s3.get(storage, bucket, one["Key"]))
    return lakehouse_in(prefix, at.settings, at.endpoint, at.spark)
