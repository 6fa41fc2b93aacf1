"""Whether a rule fits the rows that it is to judge: its columns are there, and of a type to compare.

Spark would compare a text with a number by reading the text as one, and stop at the first cell that
is none: in the middle of a batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame
from pyspark.sql import types as T

from lakehouse.errors import BadRule
from lakehouse.rules import arguments
from lakehouse.rules.kinds import Predicate


def check(predicates: Sequence[Predicate], rows: DataFrame) -> None:
    """Raise BadRule, one sentence, where a rule does not fit the columns of `rows`."""
    try:
        rows.select(*(one.broken() for one in predicates))
    except AnalysisException:
        for one in predicates:
            _refuse_unresolved(one, rows)
        raise
    names = sorted({name for one in predicates for name in _columns(one.arguments)})
    found = rows.select(*names).schema if names else ()
    types = {name: field.dataType for name, field in zip(names, found, strict=True)}
    for one in predicates:
        _refuse_other_types(one, types)


def _refuse_unresolved(predicate: Predicate, rows: DataFrame) -> None:
    try:
        rows.select(predicate.broken())
    except AnalysisException as fault:
        reason = str(fault.getMessage()).strip().splitlines()[0]
        raise BadRule(f"{predicate.who} does not fit the rows: {reason}") from None


def _refuse_other_types(predicate: Predicate, types: Mapping[str, T.DataType]) -> None:
    def said(name: str) -> str:
        return f"{name}, which is {types[name].simpleString()}"

    for name, value in _asked(predicate).items():
        if not _compares(value, types[name]):
            raise BadRule(
                f"{predicate.who} compares {said(name)}, with {value!r}; allowed are numbers for a "
                "number, texts for a text, true and false for a boolean, dates and instants for a "
                "date or an instant"
            )
    given = predicate.arguments
    pair = [given[name] for name in ("column_A", "column_B") if name in given]
    are_texts = [isinstance(types[name], T.StringType) for name in pair]
    if any(are_texts) and not all(are_texts) and "value_pairs_set" not in given:
        raise BadRule(
            f"{predicate.who} compares {' and '.join(map(said, pair))}; "
            "allowed are two texts, or none"
        )


def _columns(given: arguments.Arguments) -> list[str]:
    names = [given.get(name) for name in ("column", "column_A", "column_B")]
    return [name for name in (*names, *given.get("column_list", ())) if name]


def _asked(predicate: Predicate) -> dict[str, Any]:
    """Column -> a value that it is compared with."""
    given = predicate.arguments
    if predicate.type == "expect_column_values_to_be_between":
        return {given["column"]: given.get("min_value", given.get("max_value"))}
    if "value_set" in given:
        return {given["column"]: given["value_set"][0]}
    if "value_pairs_set" in given:
        told = [
            (given[f"column_{at}"], [pair[i] for pair in given["value_pairs_set"]])
            for i, at in enumerate("AB")
        ]
        return {name: next((v for v in values if v is not None), None) for name, values in told}
    return dict.fromkeys(given["column_list"], given["sum_total"]) if "sum_total" in given else {}


def _compares(what: Any, column: T.DataType) -> bool:
    if what is None:
        return True
    if isinstance(column, T.DateType | T.TimestampType | T.TimestampNTZType):
        return isinstance(what, str) and arguments.bound(what) is not None
    if isinstance(what, bool) or isinstance(column, T.BooleanType):
        return isinstance(what, bool) and isinstance(column, T.BooleanType)
    if isinstance(column, T.NumericType):
        return not isinstance(what, str)
    return isinstance(what, str)
