"""Lines that ingest had refused and that are fit by now: out of quarantine, into bronze.

A feed may be declared since, or a schema version; or a correction sets the clock right that said
next year. Bronze gets them as they came: refine applies the correction.
"""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import corrections, ledger, tables
from lakehouse.bronze import events
from lakehouse.delta import Once
from lakehouse.flow import declared, ingest
from lakehouse.flow.place import Place
from lakehouse.judging import POSITION
from lakehouse.ledger import Batch
from lakehouse.repairs import Scope

_EVENTS = tables.by_name("bronze.events")
_QUARANTINE = tables.by_name("ops.quarantine")
_RELEASE = f"{ingest.STAGE}-release-"


def release(place: Place, rule: str | None, scope: Scope) -> list[Batch]:
    """Move the lines that are fit by now to bronze, those that fit what is given; one batch."""
    finish(place)
    waits = place.store.read(_QUARANTINE)
    waits = waits.where(F.col("table_name") == _EVENTS.name).where("is_releasable")
    if rule is not None:
        waits = waits.where(F.array_contains("reasons", rule))
    for condition in scope.sql():
        waits = waits.where(condition)
    fit = _fit(place, waits).localCheckpoint()
    feeds = {row["feed"]: row["count"] for row in fit.groupBy("feed").count().collect()}
    if not feeds:
        return []
    turn = place.lake.transaction(_EVENTS, ingest.STAGE) + 1
    batch = ledger.started(
        ingest.STAGE,
        _EVENTS.name,
        f"{_RELEASE}{turn}",
        kept=sum(feeds.values()),
        quarantined=-sum(feeds.values()),
        feeds=feeds,
        version_before=place.lake.version(_EVENTS),
    ).check()
    messages = fit.withColumns(
        {
            "is_personal": events.is_personal(),
            "arrived_on": F.to_date("arrived_at"),
            "batch_id": F.lit(batch.batch_id),
        }
    )
    batch = ledger.timed(batch)
    place.store.append(_EVENTS, messages, batch.note(), Once(ingest.STAGE, turn))
    batch = place.ledger.taken(batch)
    place.ledger.record([batch])
    _take_out(place, batch.batch_id, fit)
    return [batch]


def _fit(place: Place, waits: DataFrame) -> DataFrame:
    """The lines without a fault, as they came, judged with what was declared of their feed."""
    version = place.lake.version(declared.TABLE)
    every = declared.every(place.lake, version)
    repaired = sorted({one.feed for one in every})
    parts = [waits.where(~F.coalesce(F.col("feed").isin(repaired), F.lit(False)))]
    for feed in repaired:
        mine = waits.where(F.col("feed") == F.lit(feed))
        in_force = corrections.in_force(every, feed)
        parts.append(_read(mine, in_force) if in_force else mine)
    fit = [
        events.judged_again(part).where(F.size("faults") == 0).select(*POSITION) for part in parts
    ]
    found = fit[0]
    for part in fit[1:]:
        found = found.union(part)
    return waits.join(found, on=list(POSITION), how="left_semi")


def _read(waits: DataFrame, repairs: Sequence[corrections.Correction]) -> DataFrame:
    read = corrections.corrected(waits, repairs)
    read = read.where(~F.array_contains("refused", corrections.DROPPED))
    return read.select(*waits.columns)


def finish(place: Place) -> None:
    """Take out of quarantine what a release that was cut off has put into bronze."""
    released = [one for one in place.ledger.of(ingest.STAGE) if one.batch_id.startswith(_RELEASE)]
    for batch in released[-1:]:  # those before it were brought to an end before it began
        began = datetime.fromisoformat(batch.started_at)
        commits = place.lake.commits_since(_QUARANTINE, began)
        if batch.batch_id not in {commit.note.get("part_of") for commit in commits}:
            kept = place.store.read(_EVENTS).where(F.col("batch_id") == F.lit(batch.batch_id))
            _take_out(place, batch.batch_id, kept)


def _take_out(place: Place, batch_id: str, messages: DataFrame) -> None:
    gone = messages.select(F.lit(_EVENTS.name).alias("table_name"), *POSITION)
    nothing = place.store.read(_QUARANTINE).limit(0)
    # Place.recover puts back what was taken out, where the batch is taken back.
    noted = {"part_of": batch_id, "judged_again": [_EVENTS.name]}
    place.store.merge(_QUARANTINE, nothing, gone, noted)
