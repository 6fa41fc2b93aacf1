"""What each expectation demands of one row, as a Spark predicate that sees the rows GX sees.

Great Expectations on Spark leaves out, and so do these: the rows that the row condition does not
name; of the expectations on one column, the rows in which it is null (but for the two on nulls); of
those on several columns, the rows that `ignore_row_if` names (by default those in which all are
null). Where that differs from what a reader may expect, GX is followed:

- to SQL, NaN is a number: it is equal to itself and greater than any other, so it is above every
  max_value and breaks no min_value;
- numbers are compared as doubles with min_value and max_value, whatever the column's type;
- a regular expression is Java's and may match anywhere in the text: ^ and $ say where;
- the regexes of match_on "any" are put together with |, so a flag such as (?i) in one of them holds
  for those after it too;
- two columns of which one is null are not equal, and no pair of a set; but A is then neither above
  nor below B, so that such a row never breaks "A above B";
- a null counts as 0 in the sum of several columns;
- JSON is what Python's json reads (NaN too), and strftime formats are Python's: these two run in
  Python workers, all others in the engine.
"""

import functools
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.rules import arguments
from lakehouse.rules.arguments import Arguments


def _columns(given: Arguments) -> list[Column]:
    names = given.get("column_list") or [given["column_A"], given["column_B"]]
    return [F.col(name) for name in names]


def _every(holds: Iterable[Column]) -> Column:
    return functools.reduce(Column.__and__, holds)


def _any(holds: Iterable[Column]) -> Column:
    return functools.reduce(Column.__or__, holds)


def is_ignored(given: Arguments) -> Column:
    mode = given.get("ignore_row_if", "all_values_are_missing")
    if mode in ("neither", "never"):
        return F.lit(False)
    are_missing = [column.isNull() for column in _columns(given)]
    if mode in ("both_values_are_missing", "all_values_are_missing"):
        return _every(are_missing)
    return _any(are_missing)


def not_null(given: Arguments) -> Column:
    return F.col(given["column"]).isNotNull()


def null(given: Arguments) -> Column:
    return F.col(given["column"]).isNull()


def _in_bounds(value: Column, given: Arguments, least: Any, most: Any) -> Column:
    holds: Column = value.isNotNull() | F.lit(None)
    if least is not None:
        holds &= value > least if given.get("strict_min") else value >= least
    if most is not None:
        holds &= value < most if given.get("strict_max") else value <= most
    return holds


def between(given: Arguments) -> Column:
    least, most = (arguments.bound(given.get(name)) for name in ("min_value", "max_value"))
    return _in_bounds(F.col(given["column"]), given, least, most)


def lengths_between(given: Arguments) -> Column:
    length = F.length(given["column"])
    return _in_bounds(length, given, given.get("min_value"), given.get("max_value"))


def length_equals(given: Arguments) -> Column:
    return F.length(given["column"]) == F.lit(given["value"])


def in_set(given: Arguments) -> Column:
    return F.col(given["column"]).isin(given["value_set"])


def not_in_set(given: Arguments) -> Column:
    return ~in_set(given)


def matches(given: Arguments) -> Column:
    return F.col(given["column"]).rlike(given["regex"])


def matches_not(given: Arguments) -> Column:
    return ~matches(given)


def matches_list(given: Arguments) -> Column:
    column, regexes = F.col(given["column"]), given["regex_list"]
    if given.get("match_on", "any") == "any":
        return column.rlike("|".join(regexes))
    return _every(map(column.rlike, regexes))


def matches_none(given: Arguments) -> Column:
    column = F.col(given["column"])
    return _every(~column.rlike(one) for one in given["regex_list"])


def _is_json(text: str | None) -> bool:
    try:
        json.loads(text)  # type: ignore[arg-type]
    except Exception:  # as GX has it
        return False
    return True


def json_parseable(given: Arguments) -> Column:
    column = F.col(given["column"])
    return F.when(column.isNotNull(), F.udf(_is_json, "boolean", useArrow=True)(column))


def matches_format(given: Arguments) -> Column:
    form = given["strftime_format"]

    def is_readable(text: str | None) -> bool:
        try:
            datetime.strptime(text or "", form)
        except ValueError:
            return False
        return True

    column = F.col(given["column"])
    return F.when(column.isNotNull(), F.udf(is_readable, "boolean", useArrow=True)(column))


def pair_equal(given: Arguments) -> Column:
    a, b = _columns(given)
    return a.eqNullSafe(b)


def a_greater_than_b(given: Arguments) -> Column:
    a, b = _columns(given)
    return (a >= b) | a.eqNullSafe(b) if given.get("or_equal") else a > b


def pair_in_set(given: Arguments) -> Column:
    a, b = _columns(given)
    pairs = given["value_pairs_set"]
    return _any(a.eqNullSafe(F.lit(x)) & b.eqNullSafe(F.lit(y)) for x, y in pairs)


def sum_equals(given: Arguments) -> Column:
    """Added as the columns have it, and as decimals where whole numbers become too large for that."""
    parts = [F.coalesce(column, F.lit(0)) for column in _columns(given)]
    wanted = float(given["sum_total"])
    sums = [
        functools.reduce(F.try_add, parts, F.lit(0).cast(kind))
        for kind in ("bigint", "decimal(38,0)")
    ]
    return F.coalesce(*(one == wanted for one in sums), F.lit(False))


def all_equal(given: Arguments) -> Column:
    first, *others = _columns(given)
    return _every(map(first.eqNullSafe, others))


def all_different(given: Arguments) -> Column:
    columns = _columns(given)
    same = [a.eqNullSafe(b) for at, a in enumerate(columns) for b in columns[at + 1 :]]
    return ~_any(same)
