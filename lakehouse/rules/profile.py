"""A first rule file for a table, out of its rows: JSON to edit, each rule with its reason.

What is suggested holds for the rows that it comes from. Whether it must hold of the next ones is
for a person to decide: the reason says what was seen, and what looks odd.
"""

import functools
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from lakehouse.tables import Table

FEW = 20  # so many different texts, or fewer, are a set,
OFTEN = 5  # if each stands so often on average
SHAPES = 3  # so many ways of writing, or fewer, are a regular expression
MARGIN = 0.1  # by which a range is wider than seen: a share of what nearly all rows cover
FAR = 3  # times what nearly all rows cover; a value so far from the others looks odd
TAIL = 0.001  # "nearly all" leaves this share out at both ends

_NAMED = {
    "UUIDs": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "hexadecimal numbers": "^[0-9a-f]{8,}$",
    "pseudonyms": "^p[0-9]+_[0-9a-f]+$",
}
# How a text is written: each run of digits, capitals or small letters by one sign.
_RUNS = {"0": "[0-9]+", "A": "[A-Z]+", "a": "[a-z]+"}
Rule = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What was counted of one column; `rows` are all, `there` those in which it is not null."""

    name: str
    type: T.DataType
    rows: int
    there: int
    of: dict[str, Any]


def suggest(rows: DataFrame, table: Table, owner: str = "data-engineering") -> dict[str, Any]:
    """A rule file for `table` that holds for `rows`, as Great Expectations has it.

    Reads the rows twice: to count, and for the values of columns that have few. Columns that say
    where a row came from are left out; of those that hold a pseudonym no value is named.
    """
    fields = [field for field in rows.schema if field.name in table.content]
    pairs = list(itertools.permutations(
        [one.name for one in rows.schema if isinstance(one.dataType, T.TimestampType)], 2
    ))  # fmt: skip
    wanted = {("", "rows"): F.count("*"), ("", "keys"): F.count_distinct(F.struct(*table.key))}
    wanted |= {(a, b): F.count_if(F.col(a) < F.col(b)) for a, b in pairs}
    for field in fields:
        wanted |= {(field.name, what): column for what, column in _counts(field).items()}
    counted = _asked(rows, wanted)
    every = counted["", "rows"]
    seen = [
        Seen(field.name, field.dataType, every, counted[field.name, "there"], {
            what: value for (name, what), value in counted.items() if name == field.name
        })
        for field in fields
    ]  # fmt: skip
    named = _asked(rows, _values([one for one in seen if one.name not in table.subjects]))
    for one in seen:
        one.of.update(
            {what: sorted(got) for (name, what), got in named.items() if name == one.name}
        )
    rules = [rule for one in seen for rule in _of_column(one)]
    rules += [_order(a, b, counted[b, a]) for a, b in pairs if counted[a, b] == 0 < counted[b, a]]
    rules += _key(table, counted)
    for rule in rules:
        rule["meta"]["owner"] = owner
    return {"name": table.name, "expectations": rules, "meta": {"profiled_rows": every}}


def _asked(rows: DataFrame, wanted: dict[tuple[str, str], Column]) -> dict[tuple[str, str], Any]:
    if not wanted:
        return {}
    [row] = rows.agg(
        *(column.alias(f"{at}") for at, column in enumerate(wanted.values()))
    ).collect()
    assert isinstance(row, Row)
    return dict(zip(wanted, row, strict=True))


def _counts(field: T.StructField) -> dict[str, Column]:
    value = F.col(field.name)
    counts = {"there": F.count(value)}
    if isinstance(field.dataType, T.DateType | T.TimestampType):
        counts |= {"least": F.min(value), "most": F.max(value)}
    if isinstance(field.dataType, T.NumericType):
        is_nan = F.isnan(value.cast("double"))
        number = F.when(~is_nan, value)
        tails = F.percentile_approx(number, [TAIL, 1 - TAIL])
        counts |= {"least": F.min(number), "most": F.max(number), "tails": tails}
        counts |= {"nans": F.count_if(is_nan)}
    if isinstance(field.dataType, T.StringType):
        length = F.length(value)
        counts |= {"shortest": F.min(length), "longest": F.max(length)}
        counts |= {"different": F.approx_count_distinct(value)}
        counts |= {"shapes": F.approx_count_distinct(_shape(value))}
        counts |= {said: F.count_if(value.rlike(regex)) for said, regex in _NAMED.items()}
    return counts


def _shape(text: Column) -> Column:
    return functools.reduce(
        lambda shape, of: F.regexp_replace(shape, of[1], of[0]), _RUNS.items(), text
    )


def _values(seen: list[Seen]) -> dict[tuple[str, str], Column]:
    """The values of text columns that have few, and the ways in which others are written."""
    wanted: dict[tuple[str, str], Column] = {}
    for one in seen:
        different = one.of.get("different", 0)
        if 0 < different <= FEW and one.there >= OFTEN * different:
            wanted[one.name, "values"] = F.collect_set(one.name)
        elif 0 < one.of.get("shapes", 0) <= SHAPES:
            wanted[one.name, "written"] = F.collect_set(_shape(F.col(one.name)))
    return wanted


def _of_column(one: Seen) -> Iterator[Rule]:
    if not one.there:
        return
    yield _of_nulls(one)
    if isinstance(one.type, T.NumericType) and one.of["least"] is not None:
        yield _of_number(one)
    if isinstance(one.type, T.DateType | T.TimestampType):
        least = one.of["least"].strftime("%Y-%m-%d")
        yield _rule(
            f"{one.name}_is_not_before_the_first",
            "column_values_to_be_between",
            f"{one.name} is not before {least}.",
            f"the first is {one.of['least']}, the last {one.of['most']}",
            {"column": one.name, "min_value": least},
        )
    if isinstance(one.type, T.StringType):
        yield _of_text(one)


def _of_nulls(one: Seen) -> Rule:
    nulls, kind = one.rows - one.there, "column_values_to_not_be_null"
    if not nulls:
        reason = f"none of {one.rows:,} rows is without"
        sentence = f"There is a {one.name}."
        return _rule(f"{one.name}_is_there", kind, sentence, reason, {"column": one.name})
    mostly = math.floor((1 - MARGIN) * one.there / one.rows * 100) / 100
    return _rule(
        f"{one.name}_is_there_as_often",
        kind,
        f"There is a {one.name} in {mostly:.0%} of the rows, or more.",
        f"{nulls:,} of {one.rows:,} rows are without",
        {"column": one.name, "mostly": mostly},
        severity="warn",
    )


def _of_number(one: Seen) -> Rule:
    least, most = float(one.of["least"]), float(one.of["most"])
    low, high = map(float, one.of["tails"])
    width = high - low or abs(high) or 1.0
    bounds = [least - MARGIN * width, most + MARGIN * width]
    if least >= 0:
        bounds[0] = max(bounds[0], 0.0)
    step = (
        1.0 if isinstance(one.type, T.IntegralType) else 10.0 ** (math.floor(math.log10(width)) - 2)
    )
    bounds = [math.floor(bounds[0] / step) * step, math.ceil(bounds[1] / step) * step]
    given = {"column": one.name, "min_value": bounds[0], "max_value": bounds[1]}
    reason = f"seen from {least:g} to {most:g}, all but a few from {low:g} to {high:g}"
    for value in (least, most):
        if not low - FAR * width <= value <= high + FAR * width:
            reason += f"; {value:g} lies far from the others: is it a measurement?"
    if one.of["nans"]:  # NaN is above every bound
        del given["max_value"]
        reason += f"; {one.of['nans']:,} rows are NaN, which would break an upper bound"
    sentence = f"{one.name} is in the range in which it was seen, and a little around it."
    return _rule(f"{one.name}_is_in_range", "column_values_to_be_between", sentence, reason, given)


def _of_text(one: Seen) -> Rule:
    column = {"column": one.name}
    if "values" in one.of:
        return _rule(
            f"{one.name}_is_known",
            "column_values_to_be_in_set",
            f"{one.name} is one of those that we know.",
            f"{len(one.of['values'])} different values in {one.there:,} rows",
            {**column, "value_set": one.of["values"]},
        )
    regexes = {said: regex for said, regex in _NAMED.items() if one.of[said] == one.there}
    if "written" in one.of and not regexes:
        shapes = [
            "".join(_RUNS.get(sign, re.escape(sign)) for sign in of) for of in one.of["written"]
        ]
        regexes = {"written as " + " or ".join(one.of["written"]): f"^(?:{'|'.join(shapes)})$"}
    for said, regex in regexes.items():
        return _rule(
            f"{one.name}_is_written_so",
            "column_values_to_match_regex",
            f"{one.name} is written as it always was.",
            f"all of {one.there:,} are {said}",
            {**column, "regex": regex},
        )
    shortest, longest = one.of["shortest"], one.of["longest"]
    bounds = {"min_value": min(shortest, 1), "max_value": math.ceil(longest * (1 + MARGIN))}
    return _rule(
        f"{one.name}_is_of_usual_length",
        "column_value_lengths_to_be_between",
        f"{one.name} is about as long as it always was.",
        f"seen from {shortest} to {longest} characters, in many ways of writing",
        column | bounds,
    )


def _order(a: str, b: str, later: int) -> Rule:
    return _rule(
        f"{a}_is_not_before_{b}",
        "column_pair_values_a_to_be_greater_than_b",
        f"{a} is not before {b}.",
        f"it never is, and after it in {later:,} rows",
        {"column_A": a, "column_B": b, "or_equal": True},
    )


def _key(table: Table, counted: dict[tuple[str, str], Any]) -> list[Rule]:
    if not counted["", "rows"] or counted["", "keys"] != counted["", "rows"]:
        return []
    one = {"column": table.key[0]}
    kind, given = ("column_values_to_be_unique", one) if len(table.key) == 1 else (
        "compound_columns_to_be_unique", {"column_list": list(table.key)}
    )  # fmt: skip
    reason = f"{counted['', 'keys']:,} rows and as many keys"
    return [_rule("key_is_unique", kind, "No key stands twice.", reason, given, severity="fail")]


def _rule(
    name: str,
    kind: str,
    sentence: str,
    reason: str,
    given: dict[str, Any],
    *,
    severity: str = "quarantine",
) -> Rule:
    meta = {"id": name, "severity": severity, "sentence": sentence, "reason": reason}
    return {"type": f"expect_{kind}", "kwargs": given, "meta": meta}
