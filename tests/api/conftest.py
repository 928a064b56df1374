"""A small store, published by the package that publishes real ones, and clients of the API over it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import uvicorn
from sqlalchemy import Engine, insert

from api.main import create_app
from api.settings import ApiSettings
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, node_ids
from models_ml.prediction_store import schema
from models_ml.prediction_store.additions import write_contributions
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS, RunFrames
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import RunRecord
from models_ml.settings import QUANTILE_COLUMNS
from tests.scenario_rows import FEATURES, scenario_rows
from tests.synthetic import policy_columns

ORIGIN = date(2016, 5, 22)
HORIZON = 28
HISTORY = 56
NODE_HISTORY = 400
STORES = {"CA_1": "CA", "CA_2": "CA", "TX_1": "TX"}
ITEMS = {
    "FOODS_1_001": ("FOODS_1", "FOODS"),
    "FOODS_1_002": ("FOODS_1", "FOODS"),
    "FOODS_3_001": ("FOODS_3", "FOODS"),
    "HOBBIES_1_001": ("HOBBIES_1", "HOBBIES"),
}
ONLY_IN_CA_1 = "HOBBIES_1_001"
POLICY_DAYS = 10
"""Lead time and review period of `policy_columns` together."""
WITHOUT_POLICY = "HOBBIES_1_001"
WITHOUT_RMSSE = "FOODS_3_001"
MODELS = ("middle_out", "seasonal_naive")
SPREAD = np.linspace(0.1, 2.5, len(QUANTILE_COLUMNS))


@dataclass(frozen=True)
class Published:
    """A run and the frames that it was published from: the oracle of the tests."""

    run: RunRecord
    series: pd.DataFrame
    forecasts: pd.DataFrame
    history: pd.DataFrame
    nodes: pd.DataFrame
    node_forecasts: pd.DataFrame
    node_history: pd.DataFrame
    errors: dict[str, pd.DataFrame]
    contributions: pd.DataFrame
    frames: RunFrames


def make_run(
    seed: int, *, stores: tuple[str, ...] = tuple(STORES), origin: date = ORIGIN, role: Any = "champion"
) -> Published:
    """A run whose aggregates are the sums of its series; another seed gives other numbers."""
    generator = np.random.default_rng(seed)
    series = pd.DataFrame(
        [
            {
                "store_id": store,
                "item_id": item,
                "department_id": department,
                "category_id": category,
                "region_id": STORES[store],
            }
            for store in stores
            for item, (department, category) in ITEMS.items()
            if item != ONLY_IN_CA_1 or store == "CA_1"
        ]
    )
    series["price"] = generator.uniform(1, 9, len(series)).round(2)
    series["units_last_28"] = generator.integers(0, 90, len(series)).astype(float)
    series["demand_class"] = "smooth"
    series["launch_date"] = origin - timedelta(days=900)

    days = [origin + timedelta(days=n) for n in range(1, HORIZON + 1)]
    past = [origin - timedelta(days=n) for n in range(HISTORY - 1, -1, -1)]
    forecasts = series[["store_id", "item_id"]].merge(pd.DataFrame({"target_date": days}), how="cross")
    forecasts["mean"] = generator.uniform(0.1, 5, len(forecasts))
    history = series[["store_id", "item_id"]].merge(pd.DataFrame({"date": past}), how="cross")
    # actuals are facts: the same in every run
    history["units"] = np.random.default_rng(7).poisson(2, len(history)).astype(float)
    history["price"] = 2.5

    wide = forecasts.merge(series, on=["store_id", "item_id"])
    node_rows, node_days, node_past = [], [], []
    for level in AGGREGATE_LEVELS:
        wide["node_id"] = node_ids(wide, level)
        sums = wide.groupby(["node_id", "target_date"], as_index=False)["mean"].sum()
        node_days.append(sums)
        keys = list(level.keys)
        for node_id in sorted(sums["node_id"].unique()):
            values = node_id.partition(":")[2].split("|") if keys else []
            node_rows.append(
                {
                    "node_id": node_id,
                    "level": level.number,
                    "level_name": level.name,
                    **dict.fromkeys(("region_id", "store_id", "category_id", "department_id")),
                    **dict(zip(keys, values, strict=True)),
                }
            )
            past_days = [origin - timedelta(days=n) for n in range(NODE_HISTORY - 1, -1, -1)]
            units = np.random.default_rng(len(node_rows)).poisson(40, NODE_HISTORY).astype(float)
            node_past.append(pd.DataFrame({"node_id": node_id, "date": past_days, "units": units}))
    node_forecasts = pd.concat(node_days, ignore_index=True)
    for frame in (forecasts, node_forecasts):
        for name, factor in zip(QUANTILE_COLUMNS, SPREAD, strict=True):
            frame[name] = frame["mean"] * factor
    nodes, node_history = pd.DataFrame(node_rows), pd.concat(node_past, ignore_index=True)

    folds = [origin - timedelta(days=28), origin - timedelta(days=56)]
    metrics = pd.DataFrame(
        [
            {"fold": fold, "model": model, "level": level, "metric": metric, "value": base + level / 100}
            for fold in folds
            for model, base in (("middle_out", 0.5 + seed / 1000), ("seasonal_naive", 0.8))
            for level in range(13)
            for metric in ("wrmsse", "wape")
        ]
    )
    calendar = pd.DataFrame({"date": past + days})
    calendar["weekday_name"] = [day.strftime("%A") for day in calendar["date"]]
    calendar["event_name"] = ["MemorialDay" if day == date(2016, 5, 30) else None for day in calendar["date"]]
    flags = calendar[["date"]].merge(pd.DataFrame({"region_id": sorted(set(STORES.values()))}), how="cross")
    flags["regional_flag"] = [int(day.day <= 10 and region == "CA") for day, region in flags.itertuples(index=False)]

    run = RunRecord(
        run_id=f"run_{seed:016x}",
        model="middle_out",
        version="1",
        origin=origin,
        horizon_days=HORIZON,
        scope=stores,
        role=role,
        git_commit="0" * 40,
        data_fingerprint=f"test {seed}",
        parameters={"seed": seed, "rounds": 100},
        metrics={"wrmsse": 0.5},
    )
    tables = {
        "run_series": series,
        "run_nodes": nodes,
        "forecasts": forecasts,
        "node_forecasts": node_forecasts,
        "run_metrics": metrics,
        "sales_history": history,
        "node_history": node_history,
        "calendar_days": calendar,
        "calendar_region_flags": flags,
    }
    errors = backtest_errors(np.random.default_rng(seed), series, nodes, folds)
    tables |= errors
    tables["node_period_forecasts"] = periods_of(node_forecasts, days)
    tables |= {**scenario_rows(series, HORIZON), "run_features": FEATURES}
    first_days = forecasts[forecasts["target_date"] <= origin + timedelta(days=POLICY_DAYS)]
    daily = first_days.groupby(["store_id", "item_id"], sort=False)["mean"].sum().to_numpy() / POLICY_DAYS
    policy = series[["store_id", "item_id"]].join(pd.DataFrame(policy_columns(daily)))
    tables["inventory_policy"] = policy[policy["item_id"] != WITHOUT_POLICY]
    frames = RunFrames(
        **{
            name: pa.Table.from_pandas(tables[name][target.names], preserve_index=False).cast(target)
            for name, target in ARROW_SCHEMAS.items()
        }
    )
    contributions = contributions_of(np.random.default_rng(seed), node_forecasts)
    return Published(
        run, series, forecasts, history, nodes, node_forecasts, node_history, errors, contributions, frames
    )


def contributions_of(generator: np.random.Generator, node_forecasts: pd.DataFrame) -> pd.DataFrame:
    """What moved each node on each day: parts that add up to its mean."""
    parts = []
    left = node_forecasts["mean"].copy()
    for family in ("weekday", "events", "level"):
        units = left if family == "level" else pd.Series(generator.normal(0, 1, len(left)))
        left = left - units
        parts.append(node_forecasts[["node_id", "target_date"]].assign(family=family, units=units))
    return pd.concat(parts, ignore_index=True)


def backtest_errors(
    generator: np.random.Generator, series: pd.DataFrame, nodes: pd.DataFrame, folds: list[date]
) -> dict[str, pd.DataFrame]:
    """Errors by series, node and lead day, of both models on each fold; one item has no RMSSE."""
    of = pd.DataFrame([(fold, model) for fold in folds for model in MODELS], columns=["fold", "model"])
    levels = pd.MultiIndex.from_product([range(1, 13), range(1, HORIZON + 1)], names=["level", "lead_days"]).to_frame()
    tables = {
        "backtest_series": of.merge(series[["store_id", "item_id"]], how="cross"),
        "backtest_nodes": of.merge(nodes[["node_id"]], how="cross"),
        "backtest_leads": of.merge(levels.reset_index(drop=True), how="cross"),
    }
    for name, table in tables.items():
        table["actual_units"], table["forecast_units"] = generator.uniform(1, 90, (2, len(table)))
        apart = (table["forecast_units"] - table["actual_units"]).abs()
        table["absolute_error_units"] = apart + generator.uniform(1, 9, len(table))
        if name != "backtest_leads":
            table["rmsse"] = generator.uniform(0.2, 2, len(table)).round(2)
    tables["backtest_series"].loc[tables["backtest_series"]["item_id"] == WITHOUT_RMSSE, "rmsse"] = np.nan
    return tables


def periods_of(node_forecasts: pd.DataFrame, days: list[date]) -> pd.DataFrame:
    """Sums of each node's weeks, with quantiles narrower than the sums of the days' would be."""
    week = (pd.to_datetime(node_forecasts["target_date"]) - pd.Timestamp(days[0])).dt.days // 7
    sums = node_forecasts.assign(week=week).groupby(["node_id", "week"], as_index=False)["mean"].sum()
    for name, factor in zip(QUANTILE_COLUMNS, 1 + (SPREAD - 1) / 2, strict=True):
        sums[name] = sums["mean"] * factor
    sums["first_date"] = [days[7 * number] for number in sums["week"]]
    sums["last_date"] = [days[7 * number + 6] for number in sums["week"]]
    return sums


def new_store(path: Path) -> Engine:
    """An empty, migrated store."""
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    return engine


def settings_for(path: Path, **changes: Any) -> ApiSettings:
    """Settings of an API over a store; authentication is off unless said."""
    given: dict[str, Any] = {
        "store_url": f"sqlite:///{path}",
        "auth": "off",
        "access_log": "errors",
        "threads": 4,
        "pool_timeout_seconds": 2.0,
        "lock_timeout_seconds": 0.2,
        "write_timeout_seconds": 0.2,
        "max_age_days": 36_500.0,
    }
    return ApiSettings(**{**given, **changes})


@contextmanager
def served(settings: ApiSettings) -> Iterator[httpx.Client]:
    """A client of a real uvicorn on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.005)
    port = listener.getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            client._runtime = app.state.runtime  # type: ignore[attr-defined]
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


@dataclass
class World:
    """A store on disk, its first run, and a client."""

    path: Path
    engine: Engine
    published: Published
    client: httpx.Client

    def publish(self, seed: int, **options: Any) -> Published:
        """Publish another run and serve it."""
        run = make_run(seed, **options)
        publish(self.engine, run.run, run.frames)
        return run


@pytest.fixture(scope="session")
def first_run() -> Published:
    return make_run(1)


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory, first_run: Published) -> Path:
    """A store for tests that only read it."""
    path = tmp_path_factory.mktemp("api") / "store.sqlite"
    engine = new_store(path)
    publish(engine, first_run.run, first_run.frames)
    write_contributions(engine, first_run.run.run_id, pa.Table.from_pandas(first_run.contributions))
    checked = datetime(2016, 5, 23, 4, 0)
    with engine.begin() as connection:
        connection.execute(
            insert(schema.quality_results),
            [
                {
                    "run_id": first_run.run.run_id,
                    "suite": suite,
                    "dataset": "forecasts",
                    "expectation": expectation,
                    "severity": severity,
                    "success": success,
                    "observed": "0",
                    "checked_at": checked,
                }
                for suite, expectation, severity, success in (
                    ("published", "count is series times horizon", "error", 1),
                    ("published", "level near recent history", "warning", 0),
                    ("raw", "no negative units", "error", 1),
                )
            ],
        )
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def client(shared_store: Path) -> Iterator[httpx.Client]:
    """A client of an API over `shared_store`; do not publish to it."""
    with served(settings_for(shared_store)) as test_client:
        yield test_client


@pytest.fixture
def world(tmp_path: Path, first_run: Published) -> Iterator[World]:
    """A store of the test's own, to publish to and to break."""
    path = tmp_path / "store.sqlite"
    engine = new_store(path)
    publish(engine, first_run.run, first_run.frames)
    with served(settings_for(path)) as test_client:
        yield World(path, engine, first_run, test_client)
    engine.dispose()


MakeClient = Callable[..., httpx.Client]


@pytest.fixture
def client_with(shared_store: Path) -> Iterator[MakeClient]:
    """Clients of APIs over `shared_store` with other settings."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(served(settings_for(shared_store, **changes)))


def assert_problem(response: Any, status: int, kind: str) -> dict[str, Any]:
    """The answer is a problem of this kind, whole and well-formed."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:retail-demand:problem:{kind}"
    assert body["status"] == status
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def pages_of(client: httpx.Client, path: str, key: str, **parameters: Any) -> list[dict[str, Any]]:
    """All rows of a paged listing."""
    rows: list[dict[str, Any]] = []
    while True:
        body = client.get(path, params=parameters).json()
        rows += body[key]
        if body["next_cursor"] is None:
            return rows
        parameters["cursor"] = body["next_cursor"]
