"""Judging a frame by Great Expectations: its own expectations and ours, in as few passes as it can.

BOOLEAN_ONLY where more would have GX look at rows, BASIC where it costs nothing: rows themselves
are never asked for.
"""

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when it is imported

import great_expectations as gx
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.exceptions.exceptions import GreatExpectationsError
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    Expectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.errors import BadRule
from lakehouse.quality import expectations as ours

# What is wrong is said in a sentence of ours.
logging.getLogger("great_expectations").setLevel(logging.CRITICAL)

OURS = (ours.ExpectQueryValueToBeBetween, ours.ExpectDistributionToMatchReference)

_OF_ROWS = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
_COUNTED = {"result_format": "BASIC", "partial_unexpected_count": 0}
# GX reads parameters by one parser for the whole process, and that is no thing for two threads.
_PARAMETERS = threading.Lock()


@dataclass(frozen=True)
class Judgement:
    """What one expectation came to.

    observed    the number it compared, where it compares one
    checked     rows or values that it looked at, where GX says so
    unexpected  those of them that break it; 0 where it holds without exception
    """

    id: str
    holds: bool
    observed: float | None = None
    checked: int | None = None
    unexpected: int | None = None


def judge(
    table_name: str,
    frame: DataFrame,
    rules: Sequence[dict[str, Any]],
    figures: Mapping[str, float | None],
    subjects: Sequence[str] = (),
) -> tuple[list[Judgement], float]:
    """Judge the rows of `frame` by expectations as a suite has them; and the seconds it took.

    Takes   rules     raw expectations: type, kwargs, meta with an `id`
            figures   what the suite asks for as {"$PARAMETER": name}
            subjects  columns with pseudonyms: GX sees a number in their place
            Other tables that a query names are temporary views of the frame's session.
    Raises  BadRule where an expectation cannot be read or its query cannot be run
    """
    began = time.monotonic()
    batch = _batch(frame.withColumns(_numbers(frame, subjects)))
    asked = [built(table_name, rule, figures) for rule in rules]
    of_rows = [one for one in asked if isinstance(one, _OF_ROWS)]
    others = [one for one in asked if not isinstance(one, _OF_ROWS)]
    results = _validated(table_name, batch, of_rows, {"result_format": "BOOLEAN_ONLY"})
    broken = [one for one in of_rows if not results[_id(one)].success]
    results |= _validated(table_name, batch, broken, _COUNTED)
    results |= _validated(table_name, batch, others, _COUNTED)
    judged = [_judgement(_id(one), results[_id(one)]) for one in asked]
    return judged, time.monotonic() - began


def _numbers(frame: DataFrame, subjects: Sequence[str]) -> dict[str, Column]:
    """A number for each pseudonym: equal where those are equal, null where there is none."""
    return {
        name: F.when(F.col(name).isNotNull(), F.xxhash64(name))
        for name in subjects
        if name in frame.columns
    }


def _batch(frame: DataFrame) -> Batch:
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_spark("spark", persist=False)
    # GX takes the session it finds active; the views are in the frame's.
    source._spark = frame.sparkSession
    asset = source.add_dataframe_asset("table")
    whole = asset.add_batch_definition_whole_dataframe("version")
    return whole.get_batch(batch_parameters={"dataframe": frame})


def built(
    table_name: str, rule: dict[str, Any], figures: Mapping[str, float | None]
) -> Expectation:
    """The expectation with the figures that it asks for."""
    try:
        asked = ExpectationConfiguration(**rule)
        with _PARAMETERS:
            asked.process_suite_parameters(dict(figures))
        return asked.to_domain_obj()
    except (GreatExpectationsError, KeyError, ValueError, TypeError) as fault:
        raise BadRule(_sentence(table_name, rule["meta"]["id"], str(fault))) from None


def _id(expectation: Expectation) -> str:
    assert expectation.meta is not None
    return str(expectation.meta["id"])


def _validated(
    table_name: str,
    batch: Batch,
    wanted: Sequence[Expectation],
    result_format: dict[str, Any],
) -> dict[str, ExpectationValidationResult]:
    if not wanted:
        return {}
    suite = ExpectationSuite(name=table_name, expectations=list(wanted))
    found = batch.validate(suite, result_format=result_format).results
    faults = [_fault(one) for one in found]
    if any(faults):
        # One query that cannot be run takes those with it that were asked along.
        if len(wanted) > 1:
            for one in wanted:
                _validated(table_name, batch, [one], result_format)
        raise BadRule(_sentence(table_name, _id(wanted[0]), next(filter(None, faults))))
    return {_of(one): one for one in found}


def _of(result: ExpectationValidationResult) -> str:
    assert result.expectation_config is not None  # GX puts it there; those that broke come first
    assert result.expectation_config.meta is not None
    return str(result.expectation_config.meta["id"])


def _fault(result: ExpectationValidationResult) -> str:
    """What stopped GX, in a line; empty where nothing did."""
    told = result.exception_info or {}
    for one in (told, *(part for part in told.values() if isinstance(part, dict))):
        if one.get("raised_exception"):
            return str(one.get("exception_message") or "it cannot be run")
    return ""


def _sentence(table_name: str, rule_id: str, fault: str) -> str:
    short = table_name.rsplit(".", maxsplit=1)[-1]
    said = " ".join(fault.split())[:300]
    return f"{short}.json: {rule_id} cannot be judged: {said}"


def _judgement(rule_id: str, result: ExpectationValidationResult) -> Judgement:
    told, holds = result.result or {}, bool(result.success)
    observed = told.get("observed_value")
    unexpected = told.get("unexpected_count")
    if unexpected is None and not told and holds:  # BOOLEAN_ONLY, and every row is fine
        unexpected = 0
    return Judgement(
        rule_id,
        holds,
        float(observed) if isinstance(observed, int | float) else None,
        told.get("element_count"),
        unexpected,
    )
