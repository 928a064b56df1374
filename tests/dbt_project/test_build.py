"""`dbt build` of both zones, as a dbt user runs it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.dbt_project.project import Home

pytestmark = pytest.mark.dbt


def test_everything_is_built_and_tested(home: Home) -> None:
    results = Counter((r["unique_id"].split(".")[0], r["status"]) for r in home.artefact("run_results")["results"])
    assert {status for _, status in results} <= {"success", "pass", "no-op"}
    assert results["test", "pass"] >= 150
    assert results["unit_test", "pass"] >= 25


def test_a_second_build_changes_no_mart(home: Home) -> None:
    before = home.query("select * from features.fct_series_features order by all")
    done = home.dbt("run", "--selector", "warehouse")
    assert done.returncode == 0, done.stdout[-3000:]
    after = home.query("select * from features.fct_series_features order by all")
    assert before.equals(after)


def test_a_step_that_is_no_multiple_of_a_week_is_refused(home: Home) -> None:
    done = home.dbt("compile", "--select", "int_as_of_days", "--vars", "{as_of_step_days: 10}")
    assert done.returncode != 0
    assert "as_of_step_days must be a multiple of 7, not 10" in done.stdout
