"""The expectations that can be judged on one row, and what each takes.

All that Great Expectations 1.24 counts row by row on Spark, but for those that look at other rows
(unique, increasing, outliers, z-scores) and for match_json_schema, at which GX itself stops where a
cell is no JSON.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark import SparkContext
from pyspark.errors import IllegalArgumentException, ParseException
from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.errors import BadRule
from lakehouse.rules import arguments, conditions, predicates
from lakehouse.rules.arguments import Allowed, Arguments


@dataclass(frozen=True)
class Kind:
    """An expectation that can be judged on one row.

    holds  what it demands of a row; null where it does not apply
    needs  the arguments that it must have
    may    those that it may have
    check  refuses arguments that do not go together
    """

    holds: Callable[[Arguments], Column]
    needs: Mapping[str, Allowed]
    may: Mapping[str, Allowed] = field(default_factory=dict)
    check: Callable[[str, Arguments], None] | None = None


@dataclass(frozen=True)
class Predicate:
    """An expectation whose arguments were checked; `who` names it in a sentence."""

    who: str
    type: str
    kind: Kind
    arguments: Arguments
    only_where: str | None

    def broken(self) -> Column:
        """True where a row breaks it, false elsewhere, never null.

        Raises BadRule where Java cannot read a regular expression or Spark the row condition.
        """
        for regex in (self.arguments.get("regex"), *self.arguments.get("regex_list", ())):
            _refuse_unreadable_regex(self.who, regex)
        broken = ~F.coalesce(self.kind.holds(self.arguments), F.lit(True))
        if "ignore_row_if" in self.kind.may:
            broken = ~predicates.is_ignored(self.arguments) & broken
        if self.only_where is None:
            return broken
        _refuse_unreadable_sql(self.who, self.only_where)
        return F.coalesce(F.expr(self.only_where), F.lit(False)) & broken


def of(file: str, expectation: Mapping[str, Any]) -> Predicate:
    """An expectation of a rule file as a predicate.

    Raises BadRule where it cannot be judged on one row, or has a wrong argument.
    """
    kind_name = str(expectation.get("type"))
    who = f"{file}: {expectation['meta']['id']} ({kind_name})"
    given = dict(expectation.get("kwargs") or {})
    kind = KINDS.get(kind_name)
    if kind is None or given.pop("mostly", None) not in (None, 1):
        raise BadRule(
            f"{who} cannot be judged on one row; "
            f"without `mostly`, those that can are {', '.join(sorted(KINDS))}"
        )
    condition, parser = given.pop("row_condition", None), given.pop("condition_parser", None)
    checked = arguments.checked(who, given, kind.needs, kind.may)
    if kind.check:
        kind.check(who, checked)
    only_where = None if condition is None else conditions.as_sql(who, condition, parser)
    return Predicate(who, kind_name, kind, checked, only_where)


def _refuse_unreadable_regex(who: str, regex: str | None) -> None:
    if regex is None:
        return
    try:
        _engine().java.util.regex.Pattern.compile(regex)
    except IllegalArgumentException as fault:
        raise BadRule(
            f"{who} has the regex {regex!r}, which Java cannot read ({_first_line(fault)}); "
            f"allowed is {arguments.REGEX.words}"
        ) from None


def _refuse_unreadable_sql(who: str, sql: str) -> None:
    """Spark itself reads the SQL of a column only when rows are asked for."""
    try:
        parser = getattr(_engine().org.apache.spark.sql.catalyst.parser, "CatalystSqlParser$")
        getattr(parser, "MODULE$").parseExpression(sql)
    except ParseException as fault:
        raise BadRule(
            f"{who} has row_condition = {sql!r}, which Spark cannot read ({_first_line(fault)}); "
            "allowed is a SQL expression"
        ) from None


def _engine() -> Any:
    context = SparkContext._active_spark_context
    assert context is not None, "a predicate is compiled where there is a session"
    return context._jvm


def _first_line(fault: Exception) -> str:
    return str(fault).strip().splitlines()[0]


_ONE = {"column": arguments.COLUMN}
_TWO = {"column_A": arguments.COLUMN, "column_B": arguments.COLUMN}
_SEVERAL = {"column_list": arguments.COLUMNS}
_STRICT = {"strict_min": arguments.FLAG, "strict_max": arguments.FLAG}
_BOUNDS = {"min_value": arguments.BOUND, "max_value": arguments.BOUND, **_STRICT}
_LENGTHS = {"min_value": arguments.LENGTH, "max_value": arguments.LENGTH, **_STRICT}
_SET = {**_ONE, "value_set": arguments.SET}
_REGEX = {**_ONE, "regex": arguments.REGEX}
_REGEXES = {**_ONE, "regex_list": arguments.REGEXES}
_OF_TWO = {
    "ignore_row_if": arguments.one_of(
        "both_values_are_missing", "either_value_is_missing", "neither"
    )
}
_OF_SEVERAL = {
    "ignore_row_if": arguments.one_of("all_values_are_missing", "any_value_is_missing", "never")
}

KINDS: dict[str, Kind] = {
    "expect_column_values_to_not_be_null": Kind(predicates.not_null, _ONE),
    "expect_column_values_to_be_null": Kind(predicates.null, _ONE),
    "expect_column_values_to_be_between": Kind(
        predicates.between, _ONE, _BOUNDS, arguments.check_bounds
    ),
    "expect_column_values_to_be_in_set": Kind(predicates.in_set, _SET),
    "expect_column_values_to_not_be_in_set": Kind(predicates.not_in_set, _SET),
    "expect_column_value_lengths_to_be_between": Kind(
        predicates.lengths_between, _ONE, _LENGTHS, arguments.check_bounds
    ),
    "expect_column_value_lengths_to_equal": Kind(
        predicates.length_equals, {**_ONE, "value": arguments.LENGTH}
    ),
    "expect_column_values_to_match_regex": Kind(predicates.matches, _REGEX),
    "expect_column_values_to_not_match_regex": Kind(predicates.matches_not, _REGEX),
    "expect_column_values_to_match_regex_list": Kind(
        predicates.matches_list, _REGEXES, {"match_on": arguments.one_of("any", "all")}
    ),
    "expect_column_values_to_not_match_regex_list": Kind(predicates.matches_none, _REGEXES),
    "expect_column_values_to_be_json_parseable": Kind(predicates.json_parseable, _ONE),
    "expect_column_values_to_match_strftime_format": Kind(
        predicates.matches_format, {**_ONE, "strftime_format": arguments.FORMAT}
    ),
    "expect_column_pair_values_to_be_equal": Kind(predicates.pair_equal, _TWO, _OF_TWO),
    "expect_column_pair_values_a_to_be_greater_than_b": Kind(
        predicates.a_greater_than_b, _TWO, {"or_equal": arguments.FLAG, **_OF_TWO}
    ),
    "expect_column_pair_values_to_be_in_set": Kind(
        predicates.pair_in_set, {**_TWO, "value_pairs_set": arguments.PAIRS}, _OF_TWO
    ),
    "expect_multicolumn_sum_to_equal": Kind(
        predicates.sum_equals, {**_SEVERAL, "sum_total": arguments.NUMBER}, _OF_SEVERAL
    ),
    "expect_multicolumn_values_to_be_equal": Kind(predicates.all_equal, _SEVERAL, _OF_SEVERAL),
    "expect_select_column_values_to_be_unique_within_record": Kind(
        predicates.all_different, _SEVERAL, _OF_SEVERAL
    ),
}
