"""The checks' SQL on the databases that no test can reach: it must at least be their SQL."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlfluff.core import FluffConfig, Linter

from expectations.checks import Dataset
from expectations.served import ServedDepartment
from expectations.sql import Sql
from expectations.suites import (
    core_calendar,
    core_daily_sales,
    core_items,
    core_node_sales,
    core_prices,
    core_series,
    core_stores,
    feature_nodes,
    feature_series,
    store_forecasts,
    store_history,
    store_metrics,
    store_node_forecasts,
    store_runs,
    store_series,
)
from expectations.suites.m5 import raw_calendar, raw_prices, raw_sales

SERVED = [ServedDepartment("S_1", "FOODS'1", date(2016, 5, 22), 10, 123.0)]
RUNS = ["run_1"]


def store_datasets(sql: Sql) -> list[Dataset]:
    return [
        store_runs.dataset(sql, RUNS, date(2016, 5, 22)),
        *(
            m.dataset(sql, RUNS)
            for m in (store_series, store_forecasts, store_node_forecasts, store_metrics, store_history)
        ),
    ]


def warehouse_datasets(sql: Sql) -> list[Dataset]:
    return [
        raw_calendar.dataset(sql),
        raw_prices.dataset(sql),
        core_items.dataset(sql),
        core_stores.dataset(sql, SERVED),
        core_calendar.dataset(sql, 28),
        core_series.dataset(sql, SERVED),
        core_prices.dataset(sql, 28),
        core_daily_sales.dataset(sql),
        core_node_sales.dataset(sql, SERVED),
        feature_series.dataset(sql),
        feature_nodes.dataset(sql),
    ]


def queries(datasets: list[Dataset], sql: Sql) -> list[Any]:
    found = []
    for dataset in datasets:
        for profile in dataset.profiles:
            first = profile.measures[0].name
            found.append(pytest.param(sql.dialect, profile.query, id=f"{sql.dialect}-{dataset.name}-{first}"))
            found += [
                pytest.param(
                    sql.dialect, sql.first_rows(m.examples, 3), id=f"{sql.dialect}-{dataset.name}-{m.name}-rows"
                )
                for m in profile.measures
                if m.examples is not None
            ]
    return found


RAW_UNITS = raw_sales.units_query(Sql("databricks"), [f"d_{day}" for day in range(1, 400)], 28, 5000)
CASES = [
    pytest.param("databricks", RAW_UNITS, id="databricks-raw_sales-null_units"),
    *queries(store_datasets(Sql("mssql")), Sql("mssql")),
    *queries(warehouse_datasets(Sql("databricks")), Sql("databricks")),
]


@pytest.mark.parametrize(("dialect", "query"), CASES)
def test_query_is_the_databases_own_sql(dialect: str, query: str) -> None:
    parser = Linter(config=FluffConfig(overrides={"dialect": {"mssql": "tsql"}.get(dialect, dialect)}))
    parsed = parser.parse_string(query)
    assert not parsed.violations, parsed.violations
    assert parsed.tree is not None
    assert "unparsable" not in {segment.type for segment in parsed.tree.recursive_crawl("unparsable")}


def test_text_is_quoted() -> None:
    assert Sql("sqlite").texts(["it's", "b"]) == "'it''s', 'b'"
    assert Sql("mssql").text("ü") == "N'ü'"
    assert Sql("sqlite").texts([]) == "null"


def test_tables_are_read_from_their_schemas() -> None:
    query = "select f.units from core.fct_daily_sales as f join (select 1 from features.x) as x on f.id = x.id"
    placed = Sql("databricks", prefix="ann_").placed(query)
    assert placed == query.replace("core.", "ann_core.").replace("features.", "ann_features.")
    assert Sql("duckdb").placed(query) == query
    stored = "select r.run_id from model_runs as r left join run_series as s on r.run_id = s.run_id"
    assert Sql("mssql", "a]b").placed(stored) == stored.replace("model_runs", "[a]]b].model_runs").replace(
        "run_series", "[a]]b].run_series"
    )
