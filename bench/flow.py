"""How fast messages go from landing to bronze and on to silver, beside the bare job.

    make bench

The bare job does what nothing can do without: Spark reads the same objects with the full nested
schema and writes one Parquet table to the same storage; for refine, it reads bronze, parses the
payloads with the full schema and writes one Parquet table. No rules, no repeats, no ledger.
Each is run once for warming up, on a small world, and once for the figure.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import functions as F

from bench.results import Row, publish
from lakehouse import s3, simulator, tables
from lakehouse.feeds import FEEDS
from lakehouse.flow import ingest, place, refine
from lakehouse.flow.place import Place
from lakehouse.settings import PROJECT, Buckets, Settings, Simulation, load

SEED = 1
_EVENTS = tables.by_name("bronze.events")
_WARM_UP = Simulation(receipt_days=5, receipt_share=0.1, sensor_days=2)


def main() -> None:
    """Measure, print and write the results."""
    settings = load(PROJECT / "conf" / "local.yml")
    run = f"bench-{time.time():.0f}"
    with place.opened(_in(f"{run}-0", settings, _WARM_UP), "bench") as small:
        _measure(small)
        large = place.at(_in(run, settings, settings.simulation), small.endpoint, small.spark)
        publish("bench", _measure(large))


def _in(prefix: str, settings: Settings, world: Simulation) -> Settings:
    return settings.model_copy(update={"buckets": Buckets.named(prefix), "simulation": world})


def _measure(at: Place) -> list[Row]:
    _land(at)
    bare_ingest = _seconds(lambda: _bare_ingest(at))
    ours_ingest = _seconds(lambda: ingest.everything(at))
    bare_refine = _seconds(lambda: _bare_refine(at))
    ours_refine = _seconds(lambda: refine.everything(at))
    landed = sum(batch.messages_in for batch in at.ledger.of("ingest"))
    kept = sum(batch.kept for batch in at.ledger.of("ingest"))
    return [
        _rate("landing to bronze", landed, ours_ingest, bare_ingest),
        _rate("bronze to silver", kept, ours_refine, bare_refine),
        _share("landing to bronze, of the bare job", ours_ingest, bare_ingest),
        _share("bronze to silver, of the bare job", ours_refine, bare_refine),
    ]


def _rate(name: str, messages: int, ours: float, bare: float) -> Row:
    return Row(name, messages / ours, "messages/s", None, messages / bare, "bare job")


def _share(name: str, ours: float, bare: float) -> Row:
    return Row(name, bare / ours, "share", 0.6, 1.0, "bare job")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _land(at: Place) -> None:
    storage = s3.client(at.settings, at.endpoint)
    with ThreadPoolExecutor(8) as senders:
        sent = []

        def put(bucket: str, key: str, body: bytes) -> None:
            sent.append(senders.submit(s3.put, storage, bucket, key, body))

        for _ in simulator.write(at.settings, SEED, put):
            pass
        for one in sent:
            one.result()


def _full_payload() -> str:
    declared = {
        field.split()[0]: field for feed in FEEDS for field in _fields(feed.payload)
    }  # the same name has the same type in every feed
    return ", ".join(declared.values())


def _fields(ddl: str) -> list[str]:
    """The fields of a DDL text, split at the commas that are not inside a type."""
    found, depth, field = [], 0, ""
    for sign in ddl:
        depth += {"<": 1, ">": -1}.get(sign, 0)
        if sign == "," and not depth:
            found.append(field.strip())
            field = ""
        else:
            field += sign
    return [*found, field.strip()]


def _bare_ingest(at: Place) -> None:
    payload = ", ".join(part.replace(" ", ": ", 1) for part in _fields(_full_payload()))
    schema = (
        "event_id string, feed string, schema_version int, device_id string, shop_id string, "
        f"subject string, emitted_at timestamp, payload struct<{payload}>"
    )
    landed = at.spark.read.schema(schema).json(f"s3a://{at.settings.buckets.landing}/*/*")
    landed.write.mode("overwrite").parquet(f"s3a://{at.settings.buckets.ops}/bare/ingest")


def _bare_refine(at: Place) -> None:
    events = at.store.read(_EVENTS)
    parsed = events.withColumn("payload", F.from_json("payload", _full_payload()))
    parsed.write.mode("overwrite").parquet(f"s3a://{at.settings.buckets.ops}/bare/refine")


if __name__ == "__main__":
    main()
