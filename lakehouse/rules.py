"""Row rules: Great Expectations suites in expectations/, compiled to Spark predicates.

A rule file is a plain GX 1.x suite. Each expectation's `meta` says `id` (the name a quarantined row
carries), `severity`, the `sentence` a person reads and the `owner`. Rules of severity "quarantine"
are judged row by row as the row is written; the others are the gate's.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse import rows
from lakehouse.errors import BadRule
from lakehouse.settings import PROJECT

FOLDER = PROJECT / "expectations"
SEVERITIES = ("fail", "quarantine", "warn")
_META = ("id", "severity", "sentence", "owner")


@dataclass(frozen=True)
class Rule:
    """One row rule; `broken` is true where the row breaks it, never null."""

    id: str
    sentence: str
    broken: Column


@dataclass(frozen=True)
class Suite:
    """What must hold of one table, and the digest of the file that says so.

    rules  judged row by row as the row is written: those of severity "quarantine"
    gate   judged by Great Expectations on a version of the table: the others, as the file has them
    """

    table: str
    version: str
    rules: tuple[Rule, ...]
    gate: tuple[dict[str, Any], ...] = ()

    def broken(self) -> Column:
        """Array of the ids of the rules that a row breaks; empty where it is fine."""
        ids = [F.when(rule.broken, F.lit(rule.id)) for rule in self.rules]
        return rows.without_nulls(F.array(*ids, F.lit(None).cast("string")))


def load(table: str, folder: Path = FOLDER) -> Suite:
    """The row rules of `table` (layer.table); no rules where it has no file.

    Raises BadRule when the file is no suite, lacks a meta entry, repeats an id, or holds a
    quarantine rule that cannot be judged on one row; the message lists those that can.
    """
    path = folder / f"{table.split('.')[1]}.json"
    if not path.exists():
        return Suite(table, "none", ())
    content = path.read_bytes()
    try:
        expectations = json.loads(content)["expectations"]
    except (ValueError, KeyError, TypeError) as fault:
        raise BadRule(f"{path.name}: not a Great Expectations suite ({fault!r})") from None
    version = hashlib.sha256(content).hexdigest()[:12]
    metas = [_meta(path.name, expectation) for expectation in expectations]
    ids = [meta["id"] for meta in metas]
    if doubled := {name for name in ids if ids.count(name) > 1}:
        raise BadRule(f"{path.name}: the id {min(doubled)} stands twice; ids are unique in a file")
    parts: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for meta, expectation in zip(metas, expectations, strict=True):
        parts[meta["severity"] == "quarantine"].append(expectation)
    compiled = tuple(_compile(path.name, expectation) for expectation in parts[True])
    return Suite(table, version, compiled, tuple(parts[False]))


def sentences(table: str, folder: Path = FOLDER) -> dict[str, str]:
    """What each rule of a table says to a person, by its id; none where it has no file."""
    path = folder / f"{table.split('.')[1]}.json"
    if not path.exists():
        return {}
    metas = [one["meta"] for one in json.loads(path.read_bytes())["expectations"]]
    return {meta["id"]: meta["sentence"] for meta in metas}


def _meta(file: str, expectation: dict[str, Any]) -> dict[str, str]:
    meta: dict[str, str] = expectation.get("meta") or {}
    if missing := [name for name in _META if not meta.get(name)]:
        kind = expectation.get("type")
        raise BadRule(f"{file}: {kind} lacks {', '.join(missing)} in its meta")
    if meta["severity"] not in SEVERITIES:
        raise BadRule(
            f"{file}: {meta['id']} has severity '{meta['severity']}'; "
            f"there are {', '.join(SEVERITIES)}"
        )
    return meta


def _compile(file: str, expectation: dict[str, Any]) -> Rule:
    meta, kind = expectation["meta"], expectation.get("type", "")
    kwargs = dict(expectation.get("kwargs", {}))
    if kind not in _HOLDS or kwargs.get("mostly", 1) != 1:
        raise BadRule(
            f"{file}: {meta['id']} ({kind}) cannot be judged on one row; "
            f"without `mostly`, those that can are {', '.join(sorted(_HOLDS))}"
        )
    only_where = kwargs.pop("row_condition", None)
    try:
        holds = F.coalesce(_HOLDS[kind](kwargs), F.lit(True))
    except KeyError as fault:
        raise BadRule(f"{file}: {meta['id']} ({kind}) lacks the argument {fault}") from None
    applies = F.expr(only_where) if only_where else F.lit(True)
    return Rule(meta["id"], meta["sentence"], F.coalesce(applies, F.lit(False)) & ~holds)


# What each expectation demands of a row. A null result means that it does not apply: as in GX, a
# null cell breaks no rule but the one that forbids nulls.
def _not_null(kwargs: dict[str, Any]) -> Column:
    return F.col(kwargs["column"]).isNotNull()


def _null(kwargs: dict[str, Any]) -> Column:
    return F.col(kwargs["column"]).isNull()


def _in_bounds(value: Column, kwargs: dict[str, Any]) -> Column:
    holds = value.isNotNull() | F.lit(None)
    if (least := kwargs.get("min_value")) is not None:
        holds &= value > least if kwargs.get("strict_min") else value >= least
    if (most := kwargs.get("max_value")) is not None:
        holds &= value < most if kwargs.get("strict_max") else value <= most
    return holds


def _between(kwargs: dict[str, Any]) -> Column:
    return _in_bounds(F.col(kwargs["column"]), kwargs)


def _lengths_between(kwargs: dict[str, Any]) -> Column:
    return _in_bounds(F.length(kwargs["column"]), kwargs)


def _in_set(kwargs: dict[str, Any]) -> Column:
    return F.col(kwargs["column"]).isin(list(kwargs["value_set"]))


def _not_in_set(kwargs: dict[str, Any]) -> Column:
    return ~F.col(kwargs["column"]).isin(list(kwargs["value_set"]))


def _matches(kwargs: dict[str, Any]) -> Column:
    return F.col(kwargs["column"]).rlike(kwargs["regex"])


def _a_greater_than_b(kwargs: dict[str, Any]) -> Column:
    a, b = F.col(kwargs["column_A"]), F.col(kwargs["column_B"])
    return a >= b if kwargs.get("or_equal") else a > b


_HOLDS: dict[str, Callable[[dict[str, Any]], Column]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_between": _between,
    "expect_column_value_lengths_to_be_between": _lengths_between,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_match_regex": _matches,
    "expect_column_pair_values_a_to_be_greater_than_b": _a_greater_than_b,
}
