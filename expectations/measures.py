"""Great Expectations' side of a check: a metric (one profile, one query) and the expectation that judges it.

Import this module late: Great Expectations takes seconds to load.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility.sqlalchemy import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.render.components import LegacyDiagnosticRendererType
from great_expectations.render.renderer.renderer import renderer

METRIC = "demand.profile"
COLUMNS_METRIC = "demand.columns"
EXAMPLES_SHOWN = 3


class Profile(QueryMetricProvider):  # type: ignore[misc]
    """The row that a profile answers; Great Expectations computes it once for all expectations that share it."""

    metric_name = METRIC
    value_keys = ("profile",)
    query_param_name: ClassVar[str] = "profile"

    @metric_value(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls,  # noqa: N805 - Great Expectations makes it a class method
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002 - the signature is Great Expectations'
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> dict[str, Any]:
        batch, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        query = cls._get_substituted_batch_subquery_from_query_and_batch_selectable(
            query=metric_value_kwargs["profile"], batch_selectable=batch, execution_engine=execution_engine
        )
        return rows_of(execution_engine, query)[0]


class QueryColumns(QueryMetricProvider):  # type: ignore[misc]
    """Names of the columns that a query returns."""

    metric_name = COLUMNS_METRIC
    value_keys = ("query",)

    @metric_value(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls,  # noqa: N805 - Great Expectations makes it a class method
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],  # noqa: ARG002 - the signature is Great Expectations'
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> list[str]:
        with execution_engine.get_connection() as connection:
            result = connection.execute(sa.text(metric_value_kwargs["query"]))
            names = list(result.keys())
            result.close()
        return names


class ExpectQueryColumnsToContain(BatchExpectation):  # type: ignore[misc]
    """A query returns these columns, in any order and perhaps among others.

    Great Expectations' own expectation of columns cannot read those of a query on SQL Server (1.24.1 takes the query
    for a table and asks for its name).

    Args:
        query: SQL whose columns are read; it need not return rows.
        columns: names that must be among them.
    """

    query: str
    columns: list[str]

    metric_dependencies: ClassVar[tuple[str, ...]] = (COLUMNS_METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("query", "columns")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "row_condition", "condition_parser")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - Great Expectations' signature
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        missing = sorted(set(self.columns) - set(metrics[COLUMNS_METRIC]))
        return {"success": not missing, "result": {"observed_value": missing}}

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)  # type: ignore[untyped-decorator]
    def _diagnostic_observed_value_renderer(
        cls,
        configuration: Any = None,  # noqa: ARG003 - Great Expectations' signature
        result: Any = None,
        runtime_configuration: Any = None,  # noqa: ARG003
    ) -> str:
        missing = (result.result or {}).get("observed_value") if result is not None else None
        return f"missing {', '.join(missing)}" if missing else "all there"


def rows_of(execution_engine: Any, query: str) -> list[dict[str, Any]]:
    """All rows of a query with few; no colon in it is a parameter.

    Rows are fetched while the connection is open: `execute_query` returns after it has closed it, when DuckDB's rows
    are gone.
    """
    with execution_engine.get_connection() as connection:
        result = connection.execute(sa.text(query.replace(":", r"\:")))
        return [dict(row) for row in result.mappings().all()]


class ExpectMeasureToBeBetween(BatchExpectation):  # type: ignore[misc]
    """A number that a query measures lies between `min_value` and `max_value` (inclusive, None is open).

    Args:
        measure: name of the check, and the profile's column that holds its number.
        profile: SQL that answers one row.
        min_value: smallest number allowed.
        max_value: largest number allowed.
        examples: SQL for offending rows, run only on failure; answers a few rows.
        may_be_null: nothing measured is no fault.
        remedy: what to do about a failure.
    """

    measure: str
    profile: str
    min_value: float | None = None
    max_value: float | None = None
    examples: str | None = None
    may_be_null: bool = False
    remedy: str = ""

    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("profile", "measure", "min_value", "max_value")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "row_condition", "condition_parser")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - Great Expectations' signature
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        raw = metrics[METRIC][self.measure]
        value = None if raw is None else float(raw)
        if value is None:
            success = self.may_be_null
        else:
            success = (self.min_value is None or value >= self.min_value) and (
                self.max_value is None or value <= self.max_value
            )
        details: dict[str, Any] = {}
        if not success and self.examples is not None:
            details["examples"] = [
                ", ".join(f"{column}={shown(cell)}" for column, cell in row.items())
                for row in rows_of(execution_engine, self.examples)[:EXAMPLES_SHOWN]
            ]
        return {"success": success, "result": {"observed_value": value, "details": details}}

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)  # type: ignore[untyped-decorator]
    def _diagnostic_observed_value_renderer(
        cls,
        configuration: Any = None,  # noqa: ARG003 - Great Expectations' signature
        result: Any = None,
        runtime_configuration: Any = None,  # noqa: ARG003
    ) -> str:
        found = (result.result or {}) if result is not None else {}
        value = found.get("observed_value")
        examples = (found.get("details") or {}).get("examples") or []
        return "; ".join(["nothing to measure" if value is None else shown(value), *examples])


def shown(cell: object) -> str:
    """A value as reports show it."""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
