"""Forecast value added of overrides, against a loop over days that keeps a diary of what was served."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select, update

from api.queries.overrides import override_detail, override_page
from models_ml.hierarchy.aggregation import LEVELS, node_ids
from models_ml.monitoring.override_value import COLUMNS, override_errors
from models_ml.monitoring.record import record
from models_ml.monitoring.run import monitor
from models_ml.prediction_store import overrides, runs
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.overrides import NewOverride
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import OVERRIDE_METRICS, activations, forecasts, run_series
from models_ml.prediction_store.schema import overrides as ledger
from models_ml.prediction_store.transactions import reading, writing
from models_ml.warehouse.connection import DuckDBWarehouse
from tests.synthetic import synthetic_run

ORIGIN = date(2016, 5, 22)
NOON = datetime(2026, 3, 2, 12)
"""The clock of the wall when the first run is published: its day 1."""
LAST_DAY = ORIGIN + timedelta(days=12)
STORES = ("CA_1", "CA_2")


def day(number: int) -> date:
    return ORIGIN + timedelta(days=number)


class Diary:
    """A store, and who did what on which day of the wall."""

    def __init__(self, folder: Path) -> None:
        self.engine = make_engine(f"sqlite:///{folder / 'prediction_store.sqlite'}")
        upgrade(self.engine)
        self.published: list[tuple[int, tuple[str, ...], str]] = []
        self.asked: list[tuple[int, NewOverride, int | None, int]] = []
        random = np.random.default_rng(5)
        items = [f"{name}_{n:05d}" for n, name in enumerate(("FOODS_1", "FOODS_2", "HOBBIES_1"))]
        index = pd.MultiIndex.from_product([STORES, items, [day(n) for n in range(1, 13)]])
        self.sales = index.set_names(["store_id", "item_id", "date"]).to_frame(index=False)
        self.sales["units"] = random.poisson(5, len(index)).astype(float)
        sales = self.sales  # noqa: F841 - DuckDB reads frames by name
        path = folder / "warehouse.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema core; create table core.fct_daily_sales as select * replace "
                               "(cast(date as date) as date) from sales where units > 0")  # fmt: skip
        self.warehouse = DuckDBWarehouse(path)

    def publish(self, on: int, stores: tuple[str, ...] = STORES, origin: int | None = None) -> str:
        """A run on a day, knowing the sales up to the day before unless said."""
        known = ORIGIN + timedelta(days=on - 1 if origin is None else origin)
        run, frames = synthetic_run(stores=stores, items=3, horizon_days=14, origin=known, seed=on, levels=range(1, 10))
        publish(self.engine, run, frames)
        with writing(self.engine) as connection:
            of_run = activations.c.run_id == run.run_id
            connection.execute(update(activations).where(of_run).values(activated_at=self.at(on)))
        self.published.append((on, stores, run.run_id))
        return run.run_id

    def override(self, on: int, node_id: str, kind: str, value: float, first: int, last: int) -> int:
        new = NewOverride(node_id, kind, value, day(first), day(last), "a fair", "ann")
        made = overrides.make(self.engine, new)
        with writing(self.engine) as connection:
            connection.execute(update(ledger).where(ledger.c.override_id == made).values(
                created_at=self.at(on) + timedelta(hours=1)))  # fmt: skip
        self.asked.append((on, new, None, made))
        return made

    def revoke(self, on: int, override_id: int) -> None:
        overrides.revoke(self.engine, override_id, author="bob", reason="rain")
        with writing(self.engine) as connection:
            connection.execute(update(ledger).where(ledger.c.override_id == override_id).values(
                revoked_at=self.at(on) + timedelta(hours=2)))  # fmt: skip
        self.asked = [(a, new, on if n == override_id else end, n) for a, new, end, n in self.asked]

    @staticmethod
    def at(on: int) -> datetime:
        return NOON + timedelta(days=on - 1)

    def measured(self, last_day: date = LAST_DAY) -> pd.DataFrame:
        with reading(self.engine) as connection:
            return override_errors(connection, self.warehouse, last_day)

    def oracle(self, last_day: date = LAST_DAY) -> pd.DataFrame:
        """A day at a time: the last run of each store, then the overrides that are known and not taken back."""
        with self.engine.connect() as connection:
            series = pd.read_sql(select(run_series), connection)
            means = pd.read_sql(select(forecasts.c["run_id", "store_id", "item_id", "target_date", "mean"]), connection)
        found = []
        for number in range(1, (last_day - ORIGIN).days + 1):
            run_of = {store: run for on, stores, run in self.published if on <= number for store in stores}
            today = means[pd.to_datetime(means["target_date"]) == pd.Timestamp(day(number))]
            frame = series.merge(today, on=["run_id", "store_id", "item_id"])
            frame = frame[frame["run_id"] == frame["store_id"].map(run_of)].copy()
            actual = self.sales[self.sales["date"] == day(number)].set_index(["store_id", "item_id"])["units"]
            frame["sold"] = [actual[key] for key in zip(frame["store_id"], frame["item_id"], strict=True)]
            frame["final"] = frame["mean"]
            touched = []
            for on, new, end, override_id in self.asked:
                if on > number or (end is not None and end <= number):
                    continue
                if not new.valid_from <= day(number) <= new.valid_to:
                    continue
                level = next(level for level in LEVELS if level.name == new.node_id.partition(":")[0])
                rows = node_ids(frame, level) == new.node_id
                if rows.any():
                    factor = 1 + new.value / 100
                    if new.kind == "absolute":
                        factor = new.value / frame.loc[rows, "final"].sum()
                    frame.loc[rows, "final"] *= factor
                    touched.append((override_id, rows))
            for override_id, rows in touched:
                own = frame[rows]
                values = (
                    abs((own["mean"] - own["sold"]).sum()), abs((own["final"] - own["sold"]).sum()),
                    (own["mean"] - own["sold"]).abs().sum(), (own["final"] - own["sold"]).abs().sum(),
                )  # fmt: skip
                found += [
                    (metric, f"override:{override_id}", day(number), value)
                    for metric, value in zip(OVERRIDE_METRICS, values, strict=True)
                ]
        return pd.DataFrame(found, columns=COLUMNS)


@pytest.fixture
def diary(tmp_path: Path) -> Any:
    made = Diary(tmp_path)
    yield made
    made.engine.dispose()


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    keys = ["subject", "period_end", "metric"]
    left, right = (
        frame.astype({"value": float}).sort_values(keys).reset_index(drop=True) for frame in (found, expected)
    )
    pd.testing.assert_frame_equal(left, right, check_dtype=False, rtol=1e-9)


def days_of(frame: pd.DataFrame, override_id: int) -> list[int]:
    own = frame[(frame["subject"] == f"override:{override_id}") & (frame["metric"] == OVERRIDE_METRICS[0])]
    return [(one - ORIGIN).days for one in sorted(own["period_end"])]


def eventful(diary: Diary) -> dict[str, int]:
    """Overlaps, a revocation, a run superseded within a validity, stores on different runs, days gone by or to come."""
    diary.publish(1)
    made = {
        "total": diary.override(1, "total", "percent", 40.0, 1, 12),
        "revoked": diary.override(2, "store:CA_1", "absolute", 30.0, 2, 10),
        "late": diary.override(4, "department:FOODS_1", "percent", -30.0, 1, 6),
    }
    diary.publish(5, stores=("CA_1",))
    made["item"] = diary.override(6, "item_store:FOODS_2_00001|CA_2", "absolute", 9.0, 5, 14)
    diary.revoke(7, made["revoked"])
    diary.publish(9)
    made["ahead"] = diary.override(9, "region:CA", "percent", 10.0, 13, 14)
    return made


def test_it_is_what_a_diary_says(diary: Diary) -> None:
    made = eventful(diary)
    found = diary.measured()
    same(found, diary.oracle())
    assert days_of(found, made["total"]) == list(range(1, 13))
    assert days_of(found, made["revoked"]) == [2, 3, 4, 5, 6]
    assert days_of(found, made["late"]) == [4, 5, 6]
    assert days_of(found, made["item"]) == list(range(6, 13))
    assert days_of(found, made["ahead"]) == []
    early = diary.measured(day(3))
    same(early, diary.oracle(day(3)))
    assert days_of(early, made["total"]) == [1, 2, 3]


def test_a_replay_of_history_within_a_day_goes_by_the_origins(diary: Diary) -> None:
    """Two runs published on one day of the wall, a week of sales apart: the first counts up to the second's origin."""
    diary.publish(1)
    made = diary.override(1, "total", "absolute", 20.0, 1, 12)
    second = diary.publish(8)
    with writing(diary.engine) as connection:
        at = diary.at(1) + timedelta(hours=3)
        connection.execute(update(activations).where(activations.c.run_id == second).values(activated_at=at))
    same(diary.measured(), diary.oracle())
    assert days_of(diary.measured(), made) == list(range(1, 13))


def test_recorded_by_day_shown_by_the_api_and_kept_when_a_run_is_pruned(diary: Diary) -> None:
    made = eventful(diary)
    diary.publish(11)
    diary.publish(12)
    weeks = pd.DataFrame(columns=["metric", "subject", "period_end", "run_id", "value", "low", "high", "bad"])

    def shown() -> list[Any]:
        with reading(diary.engine) as connection:
            page = override_page(connection, node_id=None, status=None, valid_on=None, limit=50, cursor=None)
            assert override_detail(connection, made["total"]) in page.overrides
        return [page.measured, *(one.measured for one in page.overrides)]

    assert shown() == [None] * 6
    errors = diary.measured()
    for _ in range(2):
        record(diary.engine, weeks, (), errors)
    sums = diary.oracle().groupby(["subject", "metric"])["value"].sum()
    by_id = dict(zip(sorted(made.values(), reverse=True), shown()[1:], strict=True))
    assert by_id[made["ahead"]] is None
    for name in ("total", "revoked", "late", "item"):
        model, final, series_model, series_final = sums[f"override:{made[name]}"][list(OVERRIDE_METRICS)]
        value = by_id[made[name]]
        assert value.days == len(days_of(errors, made[name]))
        assert (value.model_error, value.final_error) == pytest.approx((model, final))
        assert value.value_added == pytest.approx(1 - final / model)
        assert value.series_value_added == pytest.approx(1 - series_final / series_model)
    together = sums.groupby("metric").sum()
    assert shown()[0].value_added == pytest.approx(1 - together[OVERRIDE_METRICS[1]] / together[OVERRIDE_METRICS[0]])
    before = shown()
    gone = runs.prune(diary.engine, keep=1, idle=timedelta(0))
    assert set(gone) == {run for on, _, run in diary.published if on < 11}
    assert days_of(diary.measured(), made["total"]) == [11, 12]
    record(diary.engine, weeks, (), diary.measured())
    assert shown() == before


def test_monitor_measures_and_raises_nothing(build: Callable[..., Any]) -> None:
    world = build()
    settings = world.settings
    engine = make_engine(settings.effective_store_url)
    origin = date(2016, 4, 24)
    new = NewOverride("total", "percent", 900.0, origin + timedelta(days=1), origin + timedelta(days=7), "x", "ann")
    made = overrides.make(engine, new)
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("create table core.fct_daily_sales (store_id text, item_id text, date date, units integer)")
    found = monitor(settings)
    assert (found.overrides, found.alarms) == (1, ())
    assert "1 override measured" in found.text
    with reading(engine) as connection:
        worth = override_detail(connection, made).measured
    assert worth is not None
    assert (worth.days, worth.value_added) == (7, pytest.approx(-9.0))  # nothing sold: the final misses by ten times
    engine.dispose()
