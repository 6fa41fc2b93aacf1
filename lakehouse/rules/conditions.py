"""Row conditions: which rows a rule is about, in every form that Great Expectations takes on Spark.

Each becomes one SQL expression, in the same words as GX's own, so that both see the same rows. A
row for which it is null is left out, as by any filter.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from lakehouse.errors import BadRule
from lakehouse.rules.arguments import is_set

ALLOWED = (
    "a condition object of type comparison, nullity, and, or, pass_through, or a text with "
    "condition_parser 'spark' (SQL) or 'great_expectations' (col(\"name\") and one comparison)"
)
_PARSERS = (None, "spark", "great_expectations", "great_expectations__experimental__")
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
_SETS = {"IN": "IN", "NOT_IN": "NOT IN"}
_NUMBER = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_OLD_FORM = re.compile(
    r'col\("(?P<column>[^"]+)"\)\s*(?:(?P<is_there>\.notnull\(\))'
    rf"|(?P<operator>[<>]=?|[!=]=)\s*(?:(?P<number>{_NUMBER})"
    r"|(?P<date>date\()?(?P<quote>[\"'])(?P<text>[^\"']+)(?P=quote)(?(date)\))))"
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`")
# What would make the same row good today and bad in a replay, or what looks at other rows.
_UNSTEADY = re.compile(
    r"\b(now|cur(rent_)?(date|time|timestamp)|localtimestamp|rand|randn|random|uuid|shuffle|over"
    r"|select|monotonically_increasing_id|input_file_name|spark_partition_id)\b",
    re.IGNORECASE,
)


def as_sql(who: str, condition: Any, parser: Any) -> str:
    """A row condition as SQL.

    Raises BadRule, one sentence that begins with `who`, where it has no form that is known here.
    """
    if parser not in _PARSERS:
        names = ", ".join(f"'{name}'" for name in _PARSERS if name)
        raise BadRule(f"{who} has condition_parser = {parser!r}; allowed is {names} or none")
    if isinstance(condition, Mapping):
        return _steady(who, _object(who, condition))
    if not isinstance(condition, str) or not condition.strip():
        raise _refused(who, condition)
    if parser in (None, "spark"):
        return _steady(who, condition)
    return _old(who, condition)


def _object(who: str, condition: Any) -> str:
    kind = condition.get("type") if isinstance(condition, Mapping) else None
    if kind in ("and", "or"):
        parts = condition.get("conditions")
        if not isinstance(parts, list) or not parts:
            raise _refused(who, condition)
        for part in parts:
            _refuse_nested(who, kind, part)
        return "(" + f" {kind.upper()} ".join(_object(who, part) for part in parts) + ")"
    if kind == "pass_through":
        passed = condition.get("pass_through_filter")
        if isinstance(passed, str) and passed.strip():
            return f"({passed})"
    name = _name(condition) if kind in ("nullity", "comparison") else None
    if name and kind == "nullity" and isinstance(condition.get("is_null"), bool):
        return f"{name} IS NULL" if condition["is_null"] else f"{name} IS NOT NULL"
    if name and kind == "comparison":
        return _comparison(who, name, condition)
    raise _refused(who, condition)


def _refuse_nested(who: str, outer: str, part: Any) -> None:
    """GX takes neither OR nor SQL within an AND or an OR."""
    inner = part.get("type") if isinstance(part, Mapping) else None
    if inner in ("or", "pass_through"):
        raise BadRule(f"{who} has '{inner}' within '{outer}'; allowed is '{inner}' on top only")


def _comparison(who: str, name: str, condition: Mapping[str, Any]) -> str:
    operator, value = condition.get("operator"), condition.get("parameter")
    if operator in _SETS and is_set(value):
        return f"{name} {_SETS[operator]} ({', '.join(map(repr, value or ()))})"
    if operator in _OPERATORS and is_set([value]):
        return f"{name} {operator} {value!r}"
    raise _refused(who, condition)


def _old(who: str, text: str) -> str:
    """The one comparison of GX's older language. GX drops in silence what follows it."""
    found = _OLD_FORM.fullmatch(text.strip())
    if found is None:
        raise _refused(who, text)
    name = _quoted(found["column"])
    if found["is_there"]:
        return f"{name} IS NOT NULL"
    value: Any = found["text"]
    if found["number"]:
        value = float(found["number"])
        value = int(value) if re.fullmatch(r"[+-]?\d+", found["number"]) else value
    return f"{name} {found['operator']} {value!r}"


def _name(condition: Mapping[str, Any]) -> str | None:
    column = condition.get("column")
    name = column.get("name") if isinstance(column, Mapping) else None
    return _quoted(name) if isinstance(name, str) and name else None


def _quoted(name: str) -> str:
    """A column's name, or the path into a struct, in SQL."""
    return name if "`" in name else ".".join(f"`{part}`" for part in name.split("."))


def _steady(who: str, sql: str) -> str:
    if found := _UNSTEADY.search(_QUOTED.sub("''", sql)):
        raise BadRule(
            f"{who} has a row_condition with '{found[0]}'; allowed is what the row alone decides, "
            "without clock, chance or other rows"
        )
    return sql


def _refused(who: str, condition: Any) -> BadRule:
    shown = json.dumps(condition, ensure_ascii=False, default=str)
    return BadRule(f"{who} has row_condition = {shown}; allowed is {ALLOWED}")
