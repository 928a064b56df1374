from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from expectations.checks import CheckResult
from expectations.run import ZoneSummary, run_zones
from models_ml.errors import InputError, QualityError, StoreError, WarehouseError
from models_ml.settings import Settings


def result(expectation: str, severity: str, *, success: bool) -> CheckResult:
    return CheckResult(
        suite="raw.raw_prices",
        dataset="raw_prices",
        expectation=expectation,
        description="Prices are above zero.",
        severity=severity,  # type: ignore[arg-type]
        success=success,
        observed="3, allowed at most 0",
        remedy="Get the file again.",
    )


def test_summary_counts_and_names_what_failed() -> None:
    summary = ZoneSummary(
        "raw",
        (
            result("a", "error", success=True),
            result("b", "warning", success=False),
            result("c", "warning", success=True),
        ),
    )
    assert summary.text == "2 checks passed, 1 warning (raw_prices b: 3, allowed at most 0)"
    summary.raise_on_errors()


def test_errors_stop_the_job_with_dataset_expectation_observed_value_and_remedy() -> None:
    failed = tuple(result(name, "error", success=False) for name in "abcde")
    with pytest.raises(QualityError) as stopped:
        ZoneSummary("raw", failed).raise_on_errors()
    message = str(stopped.value)
    assert "5 data-quality checks failed" in message
    assert "- raw_prices, a: 3, allowed at most 0. Prices are above zero. Get the file again." in message
    assert "and 2 more" in message


def test_unknown_zone_lists_the_zones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="raw, marts, store and all"):
        run_zones(Settings(home=tmp_path), "gold")


@pytest.mark.parametrize(
    ("zone", "problem"), [("raw", WarehouseError), ("marts", WarehouseError), ("store", StoreError)]
)
def test_missing_database_names_the_remedy(tmp_path: Path, zone: str, problem: type[Exception]) -> None:
    with pytest.raises(problem, match=r"Run |Publish a run"):
        run_zones(Settings(home=tmp_path), zone)


@pytest.mark.parametrize(("url", "zone"), [("postgresql://host/database", "raw"), ("mysql://host/database", "store")])
def test_other_databases_are_refused(tmp_path: Path, url: str, zone: str) -> None:
    setting = {"warehouse_url": url} if zone == "raw" else {"store_url": url}
    with pytest.raises((InputError, StoreError)):
        run_zones(Settings(home=tmp_path, **setting), zone)


def test_warehouse_that_is_being_written_is_named(copy: Settings) -> None:
    write = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    writer = [sys.executable, "-c", write, str(copy.warehouse_path)]
    with subprocess.Popen(writer, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(WarehouseError, match="Another process writes it"):
            run_zones(copy, "marts")
        process.communicate()


def test_warehouse_can_be_written_after_the_checks(copy: Settings) -> None:
    run_zones(copy, "raw")
    with duckdb.connect(str(copy.warehouse_path)) as warehouse:
        warehouse.execute("create table written as select 1 as x")
        assert warehouse.execute("select x from written").fetchall() == [(1,)]


def test_missing_mart_fails_its_checks(copy: Settings) -> None:
    with duckdb.connect(str(copy.warehouse_path)) as warehouse:
        warehouse.execute("drop table core.fct_prices")
    summary = run_zones(copy, "marts")
    of_prices = [r for r in summary.results if r.dataset == "core_prices"]
    assert not any(r.success for r in of_prices)
    assert all("could not be measured" in r.observed and "fct_prices" in r.observed for r in of_prices)
    with pytest.raises(QualityError, match=r"core_prices, expected_columns: could not be measured .* `demand build`"):
        summary.raise_on_errors()


def test_unknown_run_is_named(copy: Settings) -> None:
    with pytest.raises(InputError, match="no run run_nowhere"):
        run_zones(copy, "store", run_ids=["run_nowhere"])


def test_store_alone_is_checked_and_says_what_it_left_out(copy: Settings) -> None:
    copy.warehouse_path.unlink()
    summary = run_zones(copy, "store")
    summary.raise_on_errors()
    assert any("days_of_newer_sales is left out" in reason for reason in summary.skipped)


def test_nothing_served_is_an_error(copy: Settings) -> None:
    store = sqlite3.connect(copy.home / "prediction_store.sqlite")
    store.execute("delete from active_runs")
    store.commit()
    store.close()
    with pytest.raises(QualityError, match="store_runs, runs: 0"):
        run_zones(copy, "store").raise_on_errors()
