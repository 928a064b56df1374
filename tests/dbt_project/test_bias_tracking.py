"""The report of bias grows with the runs it tracks, not with their square."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest

from tests.dbt_project.project import Home

pytestmark = pytest.mark.dbt

TABLES = """
create table stg_predictions__model_runs as
    select 'run' || r as run_id, 'm' as model, date '2024-01-01' + r::int as origin, timestamp '2024-01-01' as published_at
    from range({runs}) as t(r);
create table stg_predictions__run_nodes as
    select run_id, 'store:S' || n as node_id, 3 as level, 'store' as level_name, 'S' || n as store_id,
        null::varchar as category_id, null::varchar as department_id
    from stg_predictions__model_runs cross join range(3) as t(n);
create table stg_predictions__node_forecasts as
    select run_id, node_id, (origin + d::int + 1)::date as target_date, 2.0 as units_mean
    from stg_predictions__model_runs join stg_predictions__run_nodes using (run_id) cross join range(28) as t(d);
create table stg_predictions__node_history as
    select run_id, node_id, (origin - d::int)::date as date, (d % 5 + hash(run_id) % 3)::double as units
    from stg_predictions__model_runs join stg_predictions__run_nodes using (run_id) cross join range(112) as t(d);
"""


@pytest.fixture(scope="module")
def report(home: Home) -> str:
    """The report's SQL, on tables of its own."""
    path = home.compiled / "serving" / "rpt_bias_tracking.sql"
    return re.sub(r'"\w+"\."\w+"\."(stg_\w+)"', r"\1", path.read_text())


def of_runs(report: str, runs: int) -> tuple[int, list[tuple[Any, ...]]]:
    """Rows that all operators of the report hand on, and the rows of the report."""
    with duckdb.connect() as connection:
        connection.execute(TABLES.format(runs=runs))
        rows = connection.execute(report).fetchall()
        plan = connection.execute(f"explain (analyze, format json) {report}").fetchall()[0][1]
    return sum(int(number) for number in re.findall(r'"operator_cardinality":\s*(\d+)', plan)), rows


def test_the_work_grows_with_the_runs(report: str) -> None:
    few, _ = of_runs(report, 25)
    many, rows = of_runs(report, 100)
    assert len(rows) == 3 * sum(min(28, 99 - run) for run in range(100))
    assert many < 5 * few


def test_the_newest_run_says_what_was_sold(report: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(TABLES.format(runs=5))
        found = connection.execute(f"select distinct units from ({report}) where target_date = date '2024-01-02'")
        (units,) = found.fetchall()
        newest = "select units from stg_predictions__node_history where run_id = 'run4' and date = date '2024-01-02'"
        assert units == connection.execute(newest).fetchall()[0]
