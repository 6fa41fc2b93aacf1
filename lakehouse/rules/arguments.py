"""What an argument of a row rule may be. A wrong one is told apart before any row is read."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from lakehouse.errors import BadRule

Arguments = dict[str, Any]

# A date, or an instant that says its offset: without one it would be another instant elsewhere.
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.(\d{3}|\d{6}))?)?(Z|[+-]\d\d(:?\d\d)?)"
)


@dataclass(frozen=True)
class Allowed:
    """What an argument may be: in words, and as a test."""

    words: str
    fits: Callable[[Any], bool]


def bound(value: Any) -> float | date | datetime | None:
    """A bound as Great Expectations has it: every number is a double, a text is a date or an
    instant; None where it is neither.
    """
    if _is_number(value):
        return float(value)
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:  # a day or an hour that there is not
        return None
    return None


def one_of(*values: str) -> Allowed:
    """One of these texts."""
    return Allowed(" or ".join(f"'{value}'" for value in values), lambda value: value in values)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_list(value: Any, of: Callable[[Any], bool], least: int = 1) -> bool:
    return isinstance(value, list) and len(value) >= least and all(map(of, value))


def is_set(value: Any) -> bool:
    """Whether it is a list of values of one kind: a null among them would excuse every row."""
    kinds: tuple[Callable[[Any], bool], ...] = (
        _is_number,
        lambda one: isinstance(one, str),
        lambda one: isinstance(one, bool),
    )
    return any(_is_list(value, kind) for kind in kinds)


def _is_pair(value: Any) -> bool:
    return _is_list(value, lambda one: one is None or is_set([one])) and len(value) == 2


def _is_format(value: Any) -> bool:
    """Whether what is written by the format can be read by it."""
    try:
        datetime.strptime(datetime(2026, 3, 1, 9, 30, tzinfo=UTC).strftime(value), value)
    except (TypeError, ValueError, re.error):
        return False
    return _is_text(value)


COLUMN = Allowed("the name of a column", _is_text)
COLUMNS = Allowed(
    "a list of two or more different names of columns",
    lambda value: _is_list(value, _is_text, 2) and len(set(value)) == len(value),
)
FLAG = Allowed("true or false", lambda value: isinstance(value, bool))
NUMBER = Allowed("a number", _is_number)
LENGTH = Allowed("a whole number, 0 or above", _is_whole)
BOUND = Allowed(
    "a number, a date such as 2026-03-01, or an instant with its offset such as "
    "2026-03-01T09:30:00Z",
    lambda value: bound(value) is not None,
)
SET = Allowed("a list of numbers, of texts or of true and false, not empty, without null", is_set)
PAIRS = Allowed("a list of pairs of values, not empty", lambda value: _is_list(value, _is_pair))
REGEX = Allowed("a regular expression as Java reads it", _is_text)
REGEXES = Allowed(
    "a list of regular expressions as Java reads them, not empty",
    lambda value: _is_list(value, _is_text),
)
FORMAT = Allowed(
    "a format that Python's strftime can write and strptime can read, such as %Y-%m-%d", _is_format
)


def checked(
    who: str, given: Mapping[str, Any], needs: Mapping[str, Allowed], may: Mapping[str, Allowed]
) -> Arguments:
    """The arguments that are given, without those that are null.

    Raises BadRule, one sentence that begins with `who`, where one is unknown, missing or wrong.
    """
    known = {**needs, **may}
    arguments = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in known:
            raise BadRule(f"{who} has no argument '{name}'; it takes {', '.join(known)}")
    for name, allowed in needs.items():
        if name not in arguments:
            raise BadRule(f"{who} lacks the argument '{name}': {allowed.words}")
    for name, value in arguments.items():
        if not known[name].fits(value):
            raise BadRule(f"{who} has {name} = {value!r}; allowed is {known[name].words}")
    return arguments


def check_bounds(who: str, arguments: Arguments) -> None:
    """Raise BadRule where there is no bound, or where the least is above the most."""
    given = {name: arguments[name] for name in ("min_value", "max_value") if name in arguments}
    if not given:
        raise BadRule(f"{who} has neither min_value nor max_value; it needs one of them or both")
    least, most = bound(given.get("min_value")), bound(given.get("max_value"))
    if least is None or most is None:
        return
    said = f"{who} has min_value = {given['min_value']!r} and max_value = {given['max_value']!r}"
    if type(least) is not type(most):
        raise BadRule(f"{said}; allowed are two numbers, two dates or two instants")
    if least > most:  # type: ignore[operator]
        raise BadRule(f"{said}; min_value may not be above max_value")
