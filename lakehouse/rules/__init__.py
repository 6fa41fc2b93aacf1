"""Row rules: Great Expectations suites in expectations/, compiled to Spark predicates.

A rule file is a plain GX 1.x suite. Each expectation's `meta` says `id` (the name a quarantined row
carries), `severity`, the `sentence` a person reads and the `owner`. Rules of severity "quarantine"
are judged row by row as the row is written; the others are the gate's. What each expectation
demands of a row: lakehouse/rules/predicates.py.

That a text can be read as a number or an instant is said of two columns, the text as it was sent
and what it was read as: expect the second not to be null where the first is not.
"""

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark import SparkContext
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables
from lakehouse.errors import BadRule
from lakehouse.rules import fitting, kinds
from lakehouse.rules.kinds import Predicate
from lakehouse.settings import PROJECT

FOLDER = PROJECT / "expectations"
SEVERITIES = ("fail", "quarantine", "warn")
_META = ("id", "severity", "sentence", "owner")


@dataclass(frozen=True)
class Rule:
    """One row rule; `expectation` is what the file has of it."""

    id: str
    sentence: str
    expectation: dict[str, Any]
    predicate: Predicate

    @functools.cached_property
    def broken(self) -> Column:
        """True where the row breaks it, false elsewhere, never null."""
        return self.predicate.broken()


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

    def check(self, judged: DataFrame) -> None:
        """Raise BadRule where a rule does not fit the columns of the rows that it is to judge."""
        fitting.check([rule.predicate for rule in self.rules], judged)


def file_of(table: str, folder: Path = FOLDER) -> Path:
    """The rule file of `table` (layer.table), whether it is there or not: it has the short name, but
    of gold that shares that with silver the whole one.
    """
    layer, short = table.split(".")
    is_shared = layer == "gold" and any(short == one.short_name for one in tables.SILVER)
    return folder / f"{table if is_shared else short}.json"


def load(table: str, folder: Path = FOLDER) -> Suite:
    """The row rules of `table` (layer.table); no rules where it has no file.

    Needs no Spark; where there is a session, its engine reads regular expressions and row
    conditions here and now, else when they are first asked for.

    Raises BadRule when the file is no suite, lacks a meta entry, repeats an id, has a wrong
    argument, or holds a quarantine rule that cannot be judged on one row; the message lists those
    that can.
    """
    path = file_of(table, folder)
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
    judged = tuple(
        Rule(one["meta"]["id"], one["meta"]["sentence"], one, kinds.of(path.name, one))
        for one in parts[True]
    )
    if SparkContext._active_spark_context is not None:
        _ = [rule.broken for rule in judged]  # compiled here, so that it is refused here
    return Suite(table, version, judged, tuple(parts[False]))


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
