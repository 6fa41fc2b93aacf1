"""Corrections: what is declared of messages that came wrong, and what refine reads in their place.

A correction meets messages of one feed by a condition and sets fields of theirs. Bronze stays as it
came; corrections are applied in the order in which they were declared, each to what the ones before
it have made of a message.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import feeds
from lakehouse.errors import BadCorrection
from lakehouse.judging import POSITION

KINDS = ("map", "swap", "shift", "clock", "edit", "drop", "revoke")
DROPPED = "dropped"  # the reason with which a dropped message rests in quarantine

# Fields of the envelope that can be set; all of the payload's can.
_ENVELOPE = ("device_id", "shop_id", "emitted_at")
_EXACT = "DECIMAL(38, 12)"  # a shift of a number is exact to a billionth and beyond


@dataclass(frozen=True)
class Correction:
    """One row of bronze.corrections; the columns are explained there.

    condition  Spark SQL over the columns of bronze.events and, as text, the payload's in `said`
    changes    field of the envelope, or `said.` and one of the payload: SQL expression over the same
    """

    kind: str
    feed: str
    condition: str
    changes: dict[str, str] = field(default_factory=dict)
    revokes: str | None = None
    correction_id: str = ""


@dataclass(frozen=True)
class Scope:
    """Which messages of a feed are meant; those that fit everything that is given.

    since, until  emitted_at in [since, until), UTC
    position      landing object and line of one message
    """

    device_id: str | None = None
    shop_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    position: tuple[str, int] | None = None

    def sql(self) -> list[str]:
        """Conditions that must all hold."""
        found = [
            f"{name} = {_text(value)}"
            for name in ("device_id", "shop_id")
            if (value := getattr(self, name)) is not None
        ]
        for value, sign in ((self.since, ">="), (self.until, "<")):
            if value is not None:
                found.append(f"emitted_at {sign} TIMESTAMP '{value:%Y-%m-%d %H:%M:%S.%f}Z'")
        if self.position is not None:
            source_object, line = self.position
            found.append(f"source_object = {_text(source_object)} AND source_line = {line:d}")
        return found


def mapped(feed: str, name: str, pairs: dict[str, str], scope: Scope) -> Correction:
    """A field's values by others: a wrong unit label, device ids that were changed.

    Takes   name   of the payload or envelope; `lines.product_id` for a field of an array's elements
            pairs  value as sent -> right value
    Raises BadCorrection where the feed has no such field.
    """
    place, inner = _field(feed, name)
    among = ", ".join(map(_text, pairs))
    cases = " ".join(f"WHEN {_text(old)} THEN {_text(new)}" for old, new in pairs.items())
    if inner is None:
        meets, change = f"{place} IN ({among})", f"CASE {place} {cases} ELSE {place} END"
    else:
        meets = f"exists({place}, one -> one.{inner} IN ({among}))"
        fields = ", ".join(
            f"CASE one.{other} {cases} ELSE one.{other} END AS {other}"
            if other == inner
            else f"one.{other} AS {other}"
            for other in _elements(feed, place)
        )
        change = f"transform({place}, one -> struct({fields}))"
    return Correction("map", feed, _all([*scope.sql(), meets]), {place: change})


def swapped(feed: str, one: str, other: str, scope: Scope) -> Correction:
    """Two fields that stand in each other's place, such as latitude and longitude.

    Raises BadCorrection where the feed has no such fields.
    """
    first, second = (_plain(feed, name) for name in (one, other))
    return Correction("swap", feed, _all(scope.sql()), {first: second, second: first})


def shifted(feed: str, name: str, by: Decimal, scope: Scope) -> Correction:
    """A number that is too low by `by`, in its own unit; what is no number stays as it is.

    Raises BadCorrection where the feed has no such field.
    """
    place = _plain(feed, name)
    number = f"CAST(try_cast({place} AS {_EXACT}) + {by}BD AS STRING)"
    return Correction("shift", feed, _all(scope.sql()), {place: f"coalesce({number}, {place})"})


def clock(feed: str, by: timedelta, scope: Scope) -> Correction:
    """A clock that is slow by `by`: the envelope's instant is set later."""
    later = f"emitted_at + make_dt_interval(0, 0, 0, {by.total_seconds():.6f})"
    return Correction("clock", feed, _all(scope.sql()), {"emitted_at": later})


def edited(feed: str, payload: str, scope: Scope) -> Correction:
    """Another payload, JSON text, in place of that of the message at `scope.position`."""
    return Correction("edit", feed, _all(scope.sql()), {"payload": _text(payload)})


def dropped(feed: str, scope: Scope) -> Correction:
    """Messages that are not to come back: they rest in quarantine with the reason DROPPED."""
    return Correction("drop", feed, _all(scope.sql()))


def revoked(correction: Correction) -> Correction:
    """An earlier correction taken back."""
    return Correction("revoke", correction.feed, "false", revokes=correction.correction_id)


def in_force(declared: Iterable[Correction], feed: str | None) -> tuple[Correction, ...]:
    """Those of a feed that count: not the ones that a later one takes back."""
    mine = [one for one in declared if one.feed == feed]
    gone = {one.revokes for one in mine}
    return tuple(one for one in mine if one.kind != "revoke" and one.correction_id not in gone)


def corrected(events: DataFrame, corrections: Sequence[Correction]) -> DataFrame:
    """The messages as refine is to read them.

    Takes   events       bronze.events of one feed
            corrections  of that feed, in the order in which they are to be applied; at least one
    Gives   the columns of `events`, and
              corrected_by  array<string>  the ids of those that met it, in order
              is_dropped    boolean
    """
    payload = feeds.by_name(corrections[0].feed).payload
    begun = events.withColumns(
        {
            "said": F.from_json("payload", payload),
            "corrected_by": F.array().cast("array<string>"),
            "is_dropped": F.lit(False),
        }
    )
    met = functools.reduce(lambda frame, one: _applied(frame, one, payload), corrections, begun)
    is_met = F.size("corrected_by") > 0
    return met.withColumn(
        "payload", F.when(is_met, F.to_json("said")).otherwise(F.col("payload"))
    ).drop("said")


def _applied(frame: DataFrame, correction: Correction, payload: str) -> DataFrame:
    said = F.col("said")
    changed: dict[str, Column] = {}
    for name, expression in correction.changes.items():
        if name == "payload":
            said = F.from_json(F.expr(expression), payload)
        elif name.startswith("said."):
            said = said.withField(name.removeprefix("said."), F.expr(expression))
        else:
            changed[name] = F.expr(expression)
    changed |= {
        "said": said,
        "corrected_by": F.concat("corrected_by", F.array(F.lit(correction.correction_id))),
        "is_dropped": F.lit(True) if correction.kind == "drop" else F.col("is_dropped"),
    }
    meets = F.coalesce(F.expr(correction.condition), F.lit(False))
    return (
        frame.withColumn("_meets", meets)
        .withColumns(
            {
                name: F.when(F.col("_meets"), column).otherwise(F.col(name))
                for name, column in changed.items()
            }
        )
        .drop("_meets")
    )


def marked(judged: DataFrame, corrected: DataFrame | None) -> DataFrame:
    """Rows with the corrections that met their message; of dropped ones DROPPED is a reason.

    Takes   judged     POSITION and `broken` of rules.Suite.broken
            corrected  as `corrected` gives it; None where no correction is in force
    Gives   the columns of `judged`, and corrected_by, null where none met the message
    """
    if corrected is None:
        return judged.withColumn("corrected_by", F.lit(None).cast("array<string>"))
    met = corrected.where(F.size("corrected_by") > 0)
    few = F.broadcast(met.select(*POSITION, "corrected_by", "is_dropped"))
    reasons = F.array_union("broken", F.array(F.lit(DROPPED)))
    return (
        judged.join(few, on=list(POSITION), how="left")
        .withColumn("broken", F.when(F.col("is_dropped"), reasons).otherwise(F.col("broken")))
        .drop("is_dropped")
    )


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _all(conditions: list[str]) -> str:
    return " AND ".join(f"({one})" for one in conditions) or "true"


def _field(feed: str, name: str) -> tuple[str, str | None]:
    """A field as `changes` names it, and the field of its elements where it is an array's."""
    outer, _, inner = name.partition(".")
    there = _fields(feed)
    if outer in there and (not inner or inner in _elements(feed, f"said.{outer}")):
        return f"said.{outer}", inner or None
    if name in _ENVELOPE:
        return name, None
    nested = [f"{one}.{part}" for one in there for part in _elements(feed, f"said.{one}")]
    raise BadCorrection(
        f"no field '{name}' in {feed} that can be set; there are "
        f"{', '.join(sorted({*there, *nested, *_ENVELOPE}))}"
    )


def _plain(feed: str, name: str) -> str:
    place, inner = _field(feed, name)
    if inner is not None:
        raise BadCorrection(f"'{name}' is a field of an array: only values can be mapped in it")
    return place


def _fields(feed: str) -> dict[str, str]:
    """The payload's fields and their types, out of its DDL."""
    parts = re.findall(
        r"(\w+) (array<struct<.*?>>|array<array<\w+>>|array<\w+>|\w+)", feeds.by_name(feed).payload
    )
    return dict(parts)


def _elements(feed: str, place: str) -> list[str]:
    """The fields of an array's elements; none where it is no array of structs."""
    kind = _fields(feed).get(place.removeprefix("said."), "")
    found = re.fullmatch(r"array<struct<(.*)>>", kind)
    return re.findall(r"(\w+): ", found[1]) if found else []
