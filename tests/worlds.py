"""The small world that the tests of the whole flow share, and ways to take it to gold."""

from lakehouse import s3
from lakehouse.flow import build, ingest, place, refine
from lakehouse.settings import Buckets, Faults, Simulation

SEED = 7
WORLD = Simulation(
    receipt_days=4,
    receipt_share=0.04,
    sensor_days=2,
    faults=Faults(
        repeat=0.03,
        receipt_again=0.05,
        late_object=0.1,
        broken_line=0.02,
        wrong_unit=0.03,
        unknown_product=0.05,
    ),
)


def lakehouse_in(prefix, where, server, spark, **sizes):
    """A lakehouse in buckets of its own, on the shared server and session."""
    buckets = Buckets(**{name: f"{prefix}-{name}" for name in Buckets.model_fields})
    settings = where.model_copy(update={"buckets": buckets, "simulation": WORLD, **sizes})
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
