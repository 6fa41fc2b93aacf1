"""Two expectations that Great Expectations has not: a query's value within bounds, and a
distribution that is as it was.

All queries of a suite are answered together: GX gathers what is an aggregate of one table into one
query, and here a whole query is such an aggregate, as a scalar subquery
(docs/decisions/gate.md).
"""

from typing import Any, ClassVar

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.core.suite_parameters import SuiteParameterDict
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from pyspark.sql import Column
from pyspark.sql import functions as F

_VIEW = "tmp_view"  # as GX calls the table under judgement in its own queries

# Of a bucket that one side does not know at least this share is taken, or its logarithm has no end.
_LEAST_SHARE = 0.0001


class _QueryValue(QueryMetricProvider):
    """The one value of a query with one row and one column; {batch} is the table judged."""

    metric_name = "query.value"
    value_keys = ("query",)

    @metric_partial(
        engine=SparkDFExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _spark(
        cls,
        execution_engine: SparkDFExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> tuple[Column, dict[str, Any], dict[str, Any]]:
        del metrics, runtime_configuration
        frame, _, _ = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        frame.createOrReplaceTempView(_VIEW)
        query = cls._format_query(metric_value_kwargs["query"], batch=_VIEW)
        return F.expr(f"({query})"), metric_domain_kwargs, {}


Bound = float | SuiteParameterDict[str, Any] | None


class ExpectQueryValueToBeBetween(BatchExpectation):
    """Expect the one value of a query to be within bounds, both included.

    A null value is within any bounds: there is nothing to compare yet.

    Args:
        query: SQL with one row and one column; {batch} is the table judged.
        min_value: the least it may be.
        max_value: the most it may be.
    """

    query: str
    min_value: Bound = None
    max_value: Bound = None

    metric_dependencies: ClassVar[tuple[str, ...]] = ("query.value",)
    success_keys: ClassVar[tuple[str, ...]] = ("query", "min_value", "max_value")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: object = None,
    ) -> dict[str, Any]:
        del runtime_configuration, execution_engine
        value, least, most = metrics["query.value"], self.min_value, self.max_value
        holds = value is None or (
            (least is None or value >= least) and (most is None or value <= most)
        )
        return {"success": holds, "result": {"observed_value": value}}


class ExpectDistributionToMatchReference(ExpectQueryValueToBeBetween):
    """Expect the rows that came since a reference version to be distributed as those before.

    Their distance is the population stability index, the sum over all buckets of
    (new share - old share) * ln(new share / old share); by convention below 0.1 nothing has
    changed, above 0.25 something has (Siddiqi, Credit Risk Scorecards, 2006). Null, which holds,
    where there is no reference version or there are too few rows on one of the sides.

    Args:
        bucket: SQL over a row that gives its bucket, as text.
        where: SQL over a row: which rows count; all by default.
        least_rows: as many rows each of the sides must have.
        max_value: the most that the index may be.
    """

    query: str = ""
    bucket: str
    where: str = "true"
    least_rows: int = 1000

    def __init__(self, **given: Any) -> None:
        given.setdefault("query", _stability(given))
        super().__init__(**given)

    success_keys: ClassVar[tuple[str, ...]] = (
        "query",
        "bucket",
        "where",
        "least_rows",
        "min_value",
        "max_value",
    )


def _stability(given: dict[str, Any]) -> str:
    bucket, where = given["bucket"], given.get("where", "true")
    least_rows = given.get("least_rows", 1000)
    counted = f"SELECT {bucket} AS bucket, count(*) AS n FROM"
    return f"""
        WITH old AS ({counted} reference WHERE {where} GROUP BY 1),
        new AS (
            {counted} {{batch}}
            WHERE ({where}) AND arrived_at > (SELECT max(arrived_at) FROM reference) GROUP BY 1
        ),
        sums AS (SELECT (SELECT sum(n) FROM old) AS old_n, (SELECT sum(n) FROM new) AS new_n),
        shares AS (
            SELECT greatest(coalesce(new.n, 0) / new_n, {_LEAST_SHARE}) AS p,
                   greatest(coalesce(old.n, 0) / old_n, {_LEAST_SHARE}) AS q
            FROM old FULL JOIN new ON old.bucket <=> new.bucket CROSS JOIN sums
            WHERE old_n >= {least_rows} AND new_n >= {least_rows}
        )
        SELECT sum((p - q) * ln(p / q)) FROM shares
    """
