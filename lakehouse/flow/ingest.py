"""Ingest: landed lines become bronze.events; what has no readable envelope goes to quarantine."""

import hashlib
from collections import Counter
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from lakehouse import landing, ledger, places, s3, tables
from lakehouse.bronze import events, persons
from lakehouse.delta import Once
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch

STAGE = "ingest"
_EVENTS = tables.by_name("bronze.events")
_QUARANTINE = tables.by_name("ops.quarantine")


def stream(place: Place, *, has_end: bool = False) -> DataStreamWriter:
    """The stream of landed lines, each batch of it ingested; the caller sets the trigger.

    Takes   has_end  only what has landed by its start is read
    """
    landing.register(place.spark)
    options = landing.options(place.zone, has_end=has_end)
    lines = place.spark.readStream.format("landing").options(**options).load()
    return place.each_batch(STAGE, lines, lambda frame: step(place, frame))


def everything(place: Place) -> list[Batch]:
    """Ingest all that has landed by now."""
    before = len(place.ledger.of(STAGE))
    if pending(place):
        query = stream(place, has_end=True).start()
        try:
            query.processAllAvailable()
        finally:
            query.stop()
    return place.ledger.of(STAGE)[before:]


def new_checkpoint(place: Place) -> None:
    """Delete the stream's checkpoint: what it knows the ledger knows too."""
    storage, bucket = place.zone.storage(), place.settings.buckets.ops
    folder = places.checkpoint(place.settings, STAGE).partition(f"{bucket}/")[2]
    s3.delete(storage, bucket, [one["Key"] for one in s3.objects(storage, bucket, f"{folder}/")])


def pending(place: Place) -> int:
    """How many landed objects are still to be ingested."""
    return len(landing.pending(place.zone, place.ledger.ingested()))


def step(place: Place, lines: DataFrame) -> Batch | None:
    """Ingest one batch of landed lines, whole objects each; objects known already are left out."""
    began = ledger.started(STAGE, _EVENTS.name, "")
    read = events.read(lines, persons.Key(*place.pseudonym_key)).persist()
    try:
        counts = _counts(read)
        objects = {name for name, _, _ in counts}
        fresh = sorted(objects - place.ledger.ingested())
        if not fresh:
            return None
        # The usual case without a condition: one of thousands of names takes seconds to plan.
        is_all = len(fresh) == len(objects)
        messages = read if is_all else read.where(F.col("source_object").isin(fresh))
        return _write(place, messages, fresh, counts, began)
    finally:
        read.unpersist()


def _counts(read: DataFrame) -> Counter[tuple[str, str | None, bool]]:
    """Lines by object, feed (null where unfit), and whether they are fit for bronze."""
    is_fit = F.size("faults") == 0
    counted = read.groupBy(
        "source_object", F.when(is_fit, F.col("feed")).alias("feed"), is_fit.alias("is_fit")
    ).count()
    return Counter(
        {
            (row["source_object"], row["feed"], row["is_fit"]): row["count"]
            for row in counted.collect()
        }
    )


def _write(
    place: Place,
    messages: DataFrame,
    objects: list[str],
    counts: Counter[tuple[str, str | None, bool]],
    began: Batch,
) -> Batch:
    # Whoever took the same turn from the same table loses it at the commit: no batch counts twice.
    turn = place.lake.transaction(_EVENTS, STAGE) + 1
    digest = hashlib.sha256("\n".join(objects).encode()).hexdigest()[:12]
    batch_id = f"ingest-{turn}-{digest}"
    ours = {key: count for key, count in counts.items() if key[0] in set(objects)}
    feeds: Counter[str] = Counter()
    for (_, feed, _), count in ours.items():
        if feed is not None:
            feeds[feed] += count
    kept, quarantined = (
        sum(count for (_, _, fit), count in ours.items() if fit is wanted)
        for wanted in (True, False)
    )
    batch = replace(
        began,
        batch_id=batch_id,
        objects=objects,
        messages_in=sum(ours.values()),
        kept=kept,
        quarantined=quarantined,
        feeds=dict(feeds),
        version_before=place.lake.version(_EVENTS),
    ).check()
    if quarantined:
        place.store.append(
            _QUARANTINE,
            quarantine(messages.where("size(faults) > 0"), batch_id),
            {"part_of": batch_id},
        )
    fit = messages.where("size(faults) = 0").withColumn("batch_id", F.lit(batch_id))
    ordered = fit.sortWithinPartitions("arrived_on", "is_personal", "feed")
    batch = ledger.timed(batch)
    place.store.append(_EVENTS, ordered, batch.note(), Once(STAGE, turn))
    batch = place.ledger.taken(ledger.timed(batch))
    place.ledger.record([batch])
    return batch


def quarantine(messages: DataFrame, batch_id: str) -> DataFrame:
    """The rows of ops.quarantine for messages that are unfit for bronze."""
    return messages.select(
        F.lit(_EVENTS.name).alias("table_name"),
        F.col("faults").alias("reasons"),
        "event_id",
        "feed",
        "schema_version",
        "shop_id",
        "device_id",
        "subject",
        "emitted_at",
        "payload",
        "digest",
        "length",
        "is_releasable",
        "source_object",
        "source_line",
        "arrived_at",
        F.lit(batch_id).alias("batch_id"),
    )
