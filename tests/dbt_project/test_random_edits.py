"""Incremental builds after random edits of the raw tables leave the marts as a full refresh would have made them.

A sequence of edits is one to three builds, each after up to four edits of a retailer's series, items, stores, prices and
regressors, and one of what all share (days, events, flags, the tables themselves). Each source is tested on a few of
them here; `EDIT_SEQUENCES=500 EDIT_RETAILERS=20 pytest tests/dbt_project/test_random_edits.py` tests on 500 of each, 20
retailers in one warehouse.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from expectations.sql import Sql
from expectations.suites import core_daily_sales
from models_ml.settings import REPOSITORY
from models_ml.warehouse.dbt_host import Host, Invocation
from tests.dbt_project import edits
from tests.dbt_project.project import PROJECT
from tests.spark.parity import comparable, differences

pytestmark = pytest.mark.dbt

SEQUENCES = int(os.environ.get("EDIT_SEQUENCES", "8"))
RETAILERS = int(os.environ.get("EDIT_RETAILERS", "4"))

INCREMENTAL = (
    "core.fct_prices", "core.fct_daily_sales", "intermediate.int_store_department_sales",
    "intermediate.int_series_weeks", "features.fct_series_features", "features.fct_item_features",
    "features.fct_price_features",
)  # fmt: skip
OTHERS = (
    "core.dim_series", "core.fct_regressors", "core.fct_static_regressors", "core.fct_event_days",
    "core.fct_regional_flags", "core.fct_closed_days",
)  # fmt: skip


class Builds:
    """A warehouse that is built again and again by one process of dbt."""

    def __init__(self, host: Host, kind: str, folder: Path) -> None:
        self.host, self.kind, self.folder = host, kind, folder

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "warehouse.duckdb"

    def build(self, source: edits.Source, *arguments: str) -> None:
        """Write the raw tables and build the incremental models and what they are made of."""
        with duckdb.connect(str(self.warehouse)) as connection:
            edits.write(connection, source, self.kind)
        models = [f"+{name.split('.')[1]}" for name in (*INCREMENTAL, *OTHERS)]
        code, printed = self.host.run(
            Invocation(
                command=[
                    *("build", "--no-write-json", "--log-level-file", "none", "--select", *models, *arguments),
                    *("--exclude-resource-type", "test", "unit_test"),
                ],
                project=[
                    *("--vars", json.dumps({"source": self.kind})),
                    *("--project-dir", str(PROJECT), "--profiles-dir", str(REPOSITORY / "profiles")),
                    *("--target", "local"),
                ],
                output=["--target-path", str(self.folder / "dbt")],
                environment={**os.environ, "DEMAND_HOME": str(self.folder), "DEMAND_THREADS": "1"},
                folder=REPOSITORY,
            )
        )
        assert code == 0, printed

    def marts(self) -> dict[str, pd.DataFrame]:
        """Every row of what was built, but for when it was written."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return {name: comparable(connection.sql(f"from {name}").df()) for name in (*INCREMENTAL, *OTHERS)}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.end()


@pytest.fixture(scope="module", params=["m5", "long"])
def built(request: pytest.FixtureRequest, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Builds:
    """A first build. Copy it."""
    builds = Builds(host, request.param, tmp_path_factory.mktemp(f"edits_{request.param}"))
    builds.build(edits.new_source(RETAILERS))
    assert all(len(rows) or name == "core.fct_closed_days" for name, rows in builds.marts().items()
               if request.param == "long" or name not in OTHERS)  # fmt: skip
    return builds


NUMBERS = st.integers(0, 999)
EDIT = st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
STEP = st.tuples(
    st.lists(st.lists(EDIT, min_size=1, max_size=4), min_size=RETAILERS, max_size=RETAILERS),
    st.lists(EDIT, max_size=1),
)


@settings(
    max_examples=max(SEQUENCES // RETAILERS, 1),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # to shrink an example takes minutes: the steps that failed are printed
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(STEP, min_size=1, max_size=3))
def test_incremental_builds_equal_a_full_refresh(
    built: Builds, steps: list[tuple[list[list[edits.Edit]], list[edits.Edit]]]
) -> None:
    again = Builds(built.host, built.kind, built.folder / "again")
    shutil.rmtree(again.folder, ignore_errors=True)
    again.folder.mkdir()
    shutil.copy(built.warehouse, again.warehouse)
    source = edits.new_source(RETAILERS)
    for own, shared in steps:
        edits.apply(source, built.kind, own, shared)
        again.build(source)
    incremental = again.marts()
    again.build(source, "--full-refresh")
    wrong = {name: words for name, full in again.marts().items() if (words := differences(full, incremental[name]))}
    assert wrong == {}, f"{wrong}\nafter {steps}"


def test_a_store_that_ends_early_is_found_after_staging(host: Host, tmp_path: Path) -> None:
    """Where a missing row is a gap, the store's last days stay without rows, and the check of the marts says so."""
    builds, source = Builds(host, "long", tmp_path), edits.new_source(1)
    source.missing_dates = "gap"
    source.retailers[0].ends = {"S0a": 380}
    builds.build(source)
    (ends, *_) = core_daily_sales.dataset(Sql("duckdb")).profiles
    with duckdb.connect(str(builds.warehouse), read_only=True) as connection:
        last = dict(connection.sql("select store_id, max(date) from core.fct_daily_sales group by all").fetchall())
        found = connection.sql(ends.query).df().iloc[0]
    assert last == {"S0a": edits.day(380), "S0b": edits.day(edits.DAYS - 1)}
    assert found["stores_that_end_early"] == 1
