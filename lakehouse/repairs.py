"""The kinds of correction, and how each of them is said in SQL."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from lakehouse import feeds
from lakehouse.corrections import Correction
from lakehouse.errors import BadCorrection

# Fields of the envelope that can be set; all of the payload's can. Its instant is set by `clock`.
_ENVELOPE = ("device_id", "shop_id")
_EXACT = "DECIMAL(38, 12)"  # a shift of a number is exact to a billionth and beyond
_ISO = "\"yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'\""


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
    number = f"CAST(try_cast({place} AS {_EXACT}) + {by:f}BD AS STRING)"
    number = f"trim(TRAILING '.' FROM trim(TRAILING '0' FROM {number}))"  # whole ones stay whole
    return Correction("shift", feed, _all(scope.sql()), {place: f"coalesce({number}, {place})"})


def clock(feed: str, by: timedelta, scope: Scope) -> Correction:
    """A clock that is slow by `by`: the envelope's instant and those of the payload are set later.

    Raises BadCorrection for a reference set, whose instants are no clock's.
    """
    fields = _fields(feed)
    if "snapshot_id" in fields:
        raise BadCorrection(f"{feed} is a reference set: no clock stamps what it says")
    later = f"make_dt_interval(0, 0, 0, {by.total_seconds():.6f})"
    changes = {"emitted_at": f"emitted_at + {later}"}
    for name in fields:
        if name.endswith("_at"):
            place = f"said.{name}"
            moved = f"date_format(try_cast({place} AS TIMESTAMP) + {later}, {_ISO})"
            changes[place] = f"coalesce({moved}, {place})"
    return Correction("clock", feed, _all(scope.sql()), changes)


def edited(feed: str, payload: str, scope: Scope) -> Correction:
    """Another payload, JSON text, in place of that of the message at `scope.position`."""
    return Correction("edit", feed, _all(scope.sql()), {"payload": _text(payload)})


def dropped(feed: str, scope: Scope) -> Correction:
    """Messages that are not to come back: they rest in quarantine with the reason DROPPED."""
    return Correction("drop", feed, _all(scope.sql()))


def revoked(correction: Correction) -> Correction:
    """An earlier correction taken back."""
    return Correction("revoke", correction.feed, "false", revokes=correction.correction_id)


def _text(value: str) -> str:
    """A literal of Spark's SQL, in which ${x} would be a variable of the session."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\u0024")
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
