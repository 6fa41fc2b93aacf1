"""Drift: whether what a champion meets, says and is worth is still what it was when it was trained."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import tables
from lakehouse.flow import scoring
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch
from lakehouse.models import drift, promotion, splits
from lakehouse.models.catalog import MODEL, Model
from lakehouse.models.drift import Shift
from lakehouse.tracking import CHAMPION, Tracker, Version

_DRIFT = tables.by_name("ops.model_drift")
# A champion that is worth a tenth less than at its training, and surely so, is to be trained again.
_LOST = 0.1


def look(place: Place, model: Model) -> list[dict[str, Any]]:
    """Look at a champion, and append what was seen to ops.model_drift; nothing without a champion.

    Gives   the rows: input (what it reads), output (what it serves) and worth (its metrics, on what
            came after it was judged)
    """
    tracker = Tracker(place.settings, place.endpoint)
    champion = tracker.find(model.name, CHAMPION)
    if champion is None:
        return []
    read = {name: place.lake.version(tables.by_name(name)) for name in model.learns_from}
    seen = {
        "input": _inputs(place, model, read, _split(champion)),
        "output": _outputs(place, model, champion),
        "worth": _worth(place, model, read, tracker, champion),
    }
    now = datetime.now(UTC)
    rows = [
        {
            "looked_at": now,
            "model": model.name,
            "model_version": champion.version,
            "what": what,
            "name": one.name,
            "value": one.value,
            "limit": one.limit,
            "is_over": one.is_over,
            "read_versions": list(read.items()),
        }
        for what, shifts in seen.items()
        for one in shifts
    ]
    if rows:
        place.lake.add(_DRIFT, rows)
    return rows


def _inputs(place: Place, model: Model, read: Mapping[str, int], split_on: date) -> list[Shift]:
    """The newest rows of each table beside the newest that the model was learnt from."""
    found = []
    for name, features in model.watched.items():
        at = model.dated[name]
        rows = place.store.read(tables.by_name(name), read[name])
        learnt, now = (
            _newest(some, at, model.holdout_days)
            for some in (splits.before(rows, at, split_on), rows)
        )
        wanted = [F.expr(says).alias(called) for called, says in features.items()]
        frames = (some.select(*wanted).toPandas() for some in (learnt, now))
        found += drift.shifts(*frames)
    return found


def _split(champion: Version) -> date:
    """The first day that it was judged on."""
    return date.fromisoformat(champion.tags["split_on"])


def _newest(rows: DataFrame, at: str, days: int) -> DataFrame:
    """The rows of the last days."""
    [last] = rows.agg(F.max(at).cast("timestamp").alias("at")).collect()
    if last["at"] is None:
        return rows
    return rows.where(F.col(at) > F.lit(last["at"] - timedelta(days=days)))


def _outputs(place: Place, model: Model, champion: Version) -> list[Shift]:
    """What is served beside what the same version served first, as far back as can be read."""
    output = tables.by_name(model.output)
    batches = _readable(place, scoring.of_version(place, output, champion.version))
    if len(batches) < 2 or not model.shown:
        return []
    first, last = (_served(place, model, one.version_after) for one in (batches[0], batches[-1]))
    return drift.shifts(first, last)


def _readable(place: Place, batches: list[Batch]) -> list[Batch]:
    """Those, oldest first, of which a version was the newest one within the time travel."""
    travel = timedelta(hours=place.settings.maintain.time_travel_hours)
    since = (datetime.now(UTC) - travel).isoformat()
    before = sum(one.started_at < since for one in batches)
    return batches[max(before - 1, 0) :]


def _served(place: Place, model: Model, version: int | None) -> pd.DataFrame:
    rows = place.store.read(tables.by_name(model.output), version)
    return rows.select(*model.shown).toPandas()


def _worth(
    place: Place, model: Model, read: Mapping[str, int], tracker: Tracker, champion: Version
) -> list[Shift]:
    """How much less it is worth on the newest days than on those it was judged on, as a share; none
    where it was judged on these. What may be chance is no loss.
    """
    frames = {name: place.store.read(tables.by_name(name), read[name]) for name in read}
    for name, at in model.dated.items():
        instants = frames[name].select(F.col(at).cast("timestamp").alias(splits.PAID))
        newest_on = splits.of(instants, model.holdout_days)
        if newest_on <= _split(champion):
            return []
        frames[name] = splits.after(frames[name], at, newest_on)
    judged = scoring.MODULES[model.name].judge(tracker.load(champion), *frames.values())
    then = tracker.figures(champion)
    found = []
    for metric, scores in judged.scores.items():
        _, high = promotion.interval(scores[MODEL].to_numpy(dtype=float), seed=1)
        was = then[f"{metric}.{MODEL}"]
        found.append(Shift(metric, (was - high) / abs(was) if was else 0.0, _LOST))
    return found
