"""Data Docs: the suites and verdicts as the static site of Great Expectations.

It is made of what ops.quality_results holds, which is counts and single numbers: no row of a table,
and so no pseudonym, is in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

from lakehouse.quality import judge
from lakehouse.verdicts import PASSED, Verdict

assert judge.OURS  # importing it makes our expectations known, and GX quiet


@dataclass(frozen=True)
class Documented:
    """One table in the site.

    raw   all its expectations, as its file has them
    runs  the verdicts of the gate of each of its versions that is shown, oldest first
    """

    table_name: str
    raw: Sequence[dict[str, Any]]
    runs: Sequence[Sequence[Verdict]]


def build(folder: Path, documented: Iterable[Documented]) -> Path:
    """Write the site into a folder; its first page."""
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
    context.add_data_docs_site(
        "quality",
        {
            "class_name": "SiteBuilder",
            "store_backend": backend,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    for table in documented:
        context.suites.add(_suite(table))
        for run in table.runs:
            key, result = _result(table, run)
            context.validation_results_store.set(key, result)
    context.build_data_docs()
    return folder / "index.html"


def _suite(table: Documented) -> ExpectationSuite:
    built = [_configured(rule).to_domain_obj() for rule in table.raw]
    return ExpectationSuite(name=table.table_name, expectations=built)


def _configured(rule: dict[str, Any]) -> ExpectationConfiguration:
    """The expectation, to be shown by its sentence."""
    return ExpectationConfiguration(**rule, description=rule["meta"]["sentence"])


def _result(
    table: Documented, run: Sequence[Verdict]
) -> tuple[ValidationResultIdentifier, ExpectationSuiteValidationResult]:
    rules = {rule["meta"]["id"]: rule for rule in table.raw}
    results = [_told(rules[one.expectation_id], one) for one in run if one.expectation_id in rules]
    held = sum(bool(one.success) for one in results)
    first = run[0]
    run_id = RunIdentifier(run_name=f"version-{first.version}", run_time=first.judged_at)
    result = ExpectationSuiteValidationResult(
        success=held == len(results),
        results=results,
        suite_name=table.table_name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": held,
            "unsuccessful_expectations": len(results) - held,
            "success_percent": 100 * held / len(results) if results else None,
        },
        meta=_meta(first, run_id),
    )
    suite = ExpectationSuiteIdentifier(name=table.table_name)
    batch = f"{table.table_name}-version-{first.version}"
    return ValidationResultIdentifier(suite, run_id, batch), result


def _meta(first: Verdict, run_id: RunIdentifier) -> dict[str, Any]:
    at: datetime = first.judged_at
    return {
        "great_expectations_version": gx.__version__,
        "run_id": run_id,
        "validation_time": at.isoformat(),
        "active_batch_definition": {"data_asset_name": first.table_name},
        "batch_parameters": {
            "table": first.table_name,
            "version": first.version,
            "rules": first.rules_version,
            "code": first.code_version,
        },
    }


def _told(rule: dict[str, Any], verdict: Verdict) -> ExpectationValidationResult:
    told: dict[str, Any] = {}
    if verdict.observed is not None:
        told["observed_value"] = verdict.observed
    if verdict.checked:
        broken = verdict.unexpected or 0
        told |= {
            "element_count": verdict.checked,
            "unexpected_count": broken,
            "unexpected_percent": 100 * broken / verdict.checked,
            "unexpected_percent_nonmissing": 100 * broken / verdict.checked,
        }
    return ExpectationValidationResult(
        success=verdict.verdict == PASSED,
        expectation_config=_configured(rule),
        result=told,
        exception_info={"raised_exception": False},
    )
