"""One Great Expectations checkpoint a zone: suites from datasets, run, reported and recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from expectations.checks import CheckResult, Dataset, Limit, limits
from expectations.library import great_expectations
from expectations.sql import Sql
from expectations.suites import marts_datasets, raw_datasets, store_datasets
from models_ml.errors import StoreError, WarehouseError
from models_ml.settings import Settings

EXPECTED_COLUMNS = "expected_columns"
_SEVERITIES = {"error": "critical", "warning": "warning"}


def run_checkpoints(
    settings: Settings, zones: Sequence[str], run_ids: Sequence[str] | None, *, fresh: bool
) -> tuple[list[CheckResult], list[str]]:
    """Run the checkpoints of zones in order; see `expectations.run.run_zones`."""
    from expectations import data_docs, record

    context = data_docs.open_context()
    results: list[CheckResult] = []
    skipped: list[str] = []
    for zone in zones:
        with _source(context, settings, zone) as (source, sql):
            datasets = _datasets(source.get_engine(), sql, settings, zone, run_ids, fresh)
            results += _run_zone(context, source, sql, settings.home, zone, datasets)
        skipped += [f"{dataset.name}: {reason}" for dataset in datasets for reason in dataset.skipped]
    data_docs.write_index(settings.home)
    record.record(settings, results)
    return results, skipped


@contextmanager
def _source(context: Any, settings: Settings, zone: str) -> Iterator[tuple[Any, Sql]]:
    """The zone's data source, closed afterwards so that dbt can write the DuckDB file again."""
    from great_expectations.datasource.fluent.interfaces import TestConnectionError

    from expectations.connection import add_source, open_engine

    engine, sql = open_engine(settings, zone)
    try:
        try:
            source = add_source(context, zone, engine)
        except TestConnectionError as error:
            problem = StoreError if zone == "store" else WarehouseError
            reason = str(error).splitlines()[0]
            raise problem(f"The {zone} zone cannot be checked: {reason} Another process may be writing it.") from None
        try:
            yield source, sql
        finally:
            source.get_execution_engine().close()
            source.get_engine().dispose()
            context.data_sources.delete(source.name)
    finally:
        engine.dispose()


def _datasets(
    engine: Any, sql: Sql, settings: Settings, zone: str, run_ids: Sequence[str] | None, fresh: bool
) -> list[Dataset]:
    if zone == "raw":
        return raw_datasets(engine, sql, settings)
    if zone == "marts":
        return marts_datasets(sql, settings)
    return store_datasets(sql, settings, run_ids, fresh=fresh)


def _run_zone(context: Any, source: Any, sql: Sql, home: Path, zone: str, datasets: list[Dataset]) -> list[CheckResult]:
    gx = great_expectations()
    from expectations import data_docs

    validations = [_validation(context, source, sql, zone, dataset) for dataset in datasets]
    answered = context.checkpoints.add(gx.Checkpoint(name=zone, validation_definitions=validations)).run()
    by_suite = {f"{zone}.{dataset.name}": dataset for dataset in datasets}
    results: list[CheckResult] = []
    for validation in answered.run_results.values():
        dataset = by_suite[validation.suite_name]
        found = [_result(zone, dataset, one) for one in validation.results]
        data_docs.write_validation(home, zone, dataset, validation, found)
        results += found
    return results


def _validation(context: Any, source: Any, sql: Sql, zone: str, dataset: Dataset) -> Any:
    gx = great_expectations()
    name = f"{zone}.{dataset.name}"
    # Great Expectations fetches all that this query returns; the expectations name their relation themselves.
    asset = source.add_query_asset(dataset.name, query=sql.placed(f"select * from {dataset.relation} where 1 = 0"))  # noqa: S608
    batch = asset.add_batch_definition_whole_table("whole")
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=_expectations(sql, dataset)))
    return context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))


def _expectations(sql: Sql, dataset: Dataset) -> list[Any]:
    from expectations.measures import EXAMPLES_SHOWN, ExpectMeasureToBeBetween, ExpectQueryColumnsToContain

    bounds = limits(dataset.name, dataset.source)
    expectations: list[Any] = [
        ExpectQueryColumnsToContain(
            query=sql.placed(f"select * from {dataset.relation} where 1 = 0"),  # noqa: S608
            columns=list(dataset.columns),
            severity="critical",
            description="The columns that the next step reads are there.",
            meta={"name": EXPECTED_COLUMNS},
        )
    ]
    for profile in dataset.profiles:
        for measure in profile.measures:
            limit = bounds[measure.name]
            if limit is None:
                continue
            expectations.append(
                ExpectMeasureToBeBetween(
                    measure=measure.name,
                    profile=sql.placed(profile.query),
                    min_value=limit.min,
                    max_value=limit.max,
                    examples=measure.examples and sql.placed(sql.first_rows(measure.examples, EXAMPLES_SHOWN)),
                    may_be_null=measure.may_be_null,
                    remedy=dataset.remedy,
                    severity=_SEVERITIES[limit.severity],
                    description=f"{measure.description} ({allowed(limit)})",
                    meta={"name": measure.name},
                )
            )
    return expectations


def _result(zone: str, dataset: Dataset, one: Any) -> CheckResult:
    config = one.expectation_config
    name = config.meta["name"]
    limit = limits(dataset.name, dataset.source).get(name) or Limit("error")
    descriptions = {m.name: m.description for profile in dataset.profiles for m in profile.measures}
    return CheckResult(
        suite=f"{zone}.{dataset.name}",
        dataset=dataset.name,
        expectation=name,
        description=descriptions.get(name, config.description),
        severity=limit.severity,
        success=bool(one.success),
        observed=_observed(one, limit),
        remedy=dataset.remedy,
        run_id=dataset.run_id,
    )


def _observed(one: Any, limit: Limit) -> str:
    """The measured value against its limit, with examples of offending rows."""
    if one.exception_info and one.exception_info.get("raised_exception") is not False:
        return f"could not be measured ({_first_error(one.exception_info)})"
    if one.expectation_config.meta["name"] == EXPECTED_COLUMNS:
        missing = one.result["observed_value"]
        return f"missing {', '.join(missing)}" if missing else "all there"
    value = one.result.get("observed_value")
    shown = "nothing to measure" if value is None else f"{value:.6g}"
    if one.success:
        return shown
    examples = (one.result.get("details") or {}).get("examples") or []
    return f"{shown}, allowed {allowed(limit)}" + (f" (such as {'; '.join(examples)})" if examples else "")


def allowed(limit: Limit) -> str:
    """The bounds in words."""
    bounds = (("at least", limit.min), ("at most", limit.max))
    return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


def _first_error(exception_info: Any) -> str:
    entries = [exception_info] if "exception_message" in exception_info else list(exception_info.values())
    message = next((e["exception_message"] for e in entries if e.get("exception_message")), "unknown error")
    return str(message).strip().splitlines()[0]
