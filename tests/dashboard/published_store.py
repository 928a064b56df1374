"""A small published store whose twelve levels add up: two regions, four stores, seven departments, 84 items.

Deterministic, with weekdays, a year's season, events, a regional flag and price steps, so that pictures drawn from
it look like sales. Two champions of different days, a challenger and a failed run fill the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Engine, insert, update

from models_ml.errors import PublishError
from models_ml.prediction_store.additions import write_contributions
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS, RunFrames
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import RunRecord, derive_run_id, utc_now
from models_ml.prediction_store.schema import model_runs, monitor_alarms, monitor_results, quality_results
from models_ml.settings import QUANTILE_COLUMNS, QUANTILES
from tests.scenario_rows import FEATURES, scenario_rows
from tests.synthetic import policy_columns

ORIGIN = date(2016, 5, 22)
HORIZON_DAYS = 28
HISTORY_DAYS = 728
SERIES_HISTORY_DAYS = 112
STORES = {"CA_1": "CA", "CA_2": "CA", "TX_1": "TX", "TX_2": "TX"}
DEPARTMENTS = {
    "FOODS_1": "FOODS",
    "FOODS_2": "FOODS",
    "FOODS_3": "FOODS",
    "HOBBIES_1": "HOBBIES",
    "HOBBIES_2": "HOBBIES",
    "HOUSEHOLD_1": "HOUSEHOLD",
    "HOUSEHOLD_2": "HOUSEHOLD",
}
ITEMS_A_DEPARTMENT = 12
COVERAGES = ("coverage_95", "coverage_95_week", "coverage_95_horizon")
EVENTS = {date(2016, 4, 17): "Spring feast", date(2016, 5, 8): "Mother's day", date(2016, 5, 30): "Memorial day"}
LEVELS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("total", ()),
    2: ("region", ("region_id",)),
    3: ("store", ("store_id",)),
    4: ("category", ("category_id",)),
    5: ("department", ("department_id",)),
    6: ("region_category", ("region_id", "category_id")),
    7: ("region_department", ("region_id", "department_id")),
    8: ("store_category", ("store_id", "category_id")),
    9: ("store_department", ("store_id", "department_id")),
}
_Z = (-2.576, -1.96, -0.974, -0.674, 0.0, 0.674, 0.974, 1.96, 2.576)
_PLACE = ("region_id", "store_id", "category_id", "department_id")
_Floats = NDArray[np.float64]


def build_store(url: str) -> Engine:
    """Create the store at `url` with an older champion, a challenger, a failed run and the champion served."""
    engine = make_engine(url)
    upgrade(engine)
    for seed, days_older, role in ((1, 28, "champion"), (2, 0, "challenger"), (3, 0, "champion")):
        record, frames = make_run(seed, ORIGIN - timedelta(days=days_older), role)
        publish(engine, record, frames, activate=role == "champion")
        write_contributions(engine, record.run_id, _contributions(frames))
    record, frames = make_run(4, ORIGIN, "champion")
    broken = RunFrames(**{**frames.__dict__, "forecasts": frames.forecasts.slice(0, 100)})
    try:
        publish(engine, record, broken)
    except PublishError:
        pass
    else:
        raise AssertionError("a run with forecasts missing must be refused")
    _spread_creation(engine)
    record_checks(engine)
    return engine


def empty_store(url: str) -> None:
    """Create the tables at `url` and nothing in them."""
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()


def two_runs(url: str) -> Callable[[], str]:
    """Create the store at `url` with one run; calling what is returned publishes another and gives its id."""
    engine = make_engine(url)
    upgrade(engine)
    publish(engine, *make_run(1, ORIGIN, "champion"))

    def again() -> str:
        record, frames = make_run(2, ORIGIN, "champion")
        publish(engine, record, frames)
        engine.dispose()
        return record.run_id

    return again


def store_url(folder: Path) -> str:
    """URL of the store in a folder."""
    return f"sqlite:///{folder / 'prediction_store.sqlite'}"


def make_run(seed: int, origin: date, role: str) -> tuple[RunRecord, RunFrames]:
    """A run whose sales depend on the origin alone, and whose forecasts on the seed as well."""
    scope = tuple(STORES)
    record = RunRecord(
        run_id=derive_run_id(
            data_fingerprint=f"sales to {origin}",
            configuration={"seed": seed},
            code_version="1",
            origin=origin,
            scope=scope,
        ),
        model="moving_average" if role == "challenger" else "middle_out",
        version="0.1.0",
        origin=origin,
        horizon_days=HORIZON_DAYS,
        scope=scope,
        role=role,  # type: ignore[arg-type]
        git_commit=f"{seed:040x}",
        data_fingerprint=f"sales to {origin}",
        parameters={"seed": seed, "nodes": {"leaves": 63 if seed == 1 else 15, "rounds": 600}, "threads": 2},
        metrics={"wrmsse": round(0.64 - 0.02 * seed, 3), "train_seconds": 20 + seed},
    )
    keys, sales = _sales()
    last = (origin - ORIGIN).days
    known = sales[:, : HISTORY_DAYS + last]
    future = _expected()[:, HISTORY_DAYS + last : HISTORY_DAYS + last + HORIZON_DAYS]
    mean = future * np.random.default_rng(seed).normal(1.01, 0.015, (len(keys), 1))
    return record, _frames(record, keys, known, mean)


def record_checks(engine: Engine, *, failed: bool = False) -> None:
    """Write one round of data checks: one warning, and one error when `failed`."""
    now = utc_now()
    rows = []
    for suite, dataset, count in (
        ("raw", "sales", 14),
        ("marts", "fct_daily_sales", 18),
        ("forecasts", "forecasts", 11),
    ):
        for number in range(count):
            warned = suite == "marts" and number == 4
            wrong = failed and suite == "raw" and number == 2
            rows.append(
                {
                    "run_id": None,
                    "suite": suite,
                    "dataset": dataset,
                    "expectation": f"{dataset}: units of column {number} are between 0 and 10 000",
                    "severity": "warning" if warned else "error",
                    "success": 0 if warned or wrong else 1,
                    "observed": "3 rows above 10 000 (FOODS_3_001, CA_1, 2016-03-04)" if warned or wrong else None,
                    "checked_at": now,
                }
            )
    with engine.begin() as connection:
        connection.execute(insert(quality_results), rows)
        weeks = [(date(2016, 5, 1), 0), (date(2016, 5, 8), 1), (date(2016, 5, 15), 1), (date(2016, 5, 22), 1)]
        of_foods = {"subject": "department:FOODS_1", "metric": "psi_units_mean_28"}
        results = [
            {**of_foods, "period_end": week, "value": 0.1 + 0.3 * bad, "high": 0.25, "bad": bad, "measured_at": now}
            for week, bad in weeks
        ]
        connection.execute(insert(monitor_results), results)
        told = "FOODS_1: the spread of mean sales per item differs from the year before, in 3 of the last 4 weeks."
        connection.execute(
            insert(monitor_alarms).values(
                **of_foods, bad_weeks=3, weeks=4, last_week=weeks[-1][0], message=told, raised_at=now
            )
        )


def _spread_creation(engine: Engine) -> None:
    """Give the runs different times, as they have in life."""
    with engine.begin() as connection:
        ids = connection.execute(model_runs.select().order_by(model_runs.c.created_at)).all()
        for back, row in zip(range(len(ids), 0, -1), ids, strict=True):
            moment = utc_now() - timedelta(hours=26 * (back - 1), minutes=7)
            values: dict[str, datetime] = {"created_at": moment - timedelta(minutes=3)}
            if row.published_at is not None:
                values["published_at"] = moment
            connection.execute(update(model_runs).where(model_runs.c.run_id == row.run_id).values(**values))


def _keys() -> list[dict[str, str]]:
    return [
        {
            "store_id": store,
            "region_id": region,
            "item_id": f"{department}_{number:03d}",
            "department_id": department,
            "category_id": category,
        }
        for store, region in STORES.items()
        for department, category in DEPARTMENTS.items()
        for number in range(1, ITEMS_A_DEPARTMENT + 1)
    ]


def _days() -> list[date]:
    first = ORIGIN - timedelta(days=HISTORY_DAYS - 1)
    return [first + timedelta(days=day) for day in range(HISTORY_DAYS + HORIZON_DAYS)]


def _expected() -> _Floats:
    """Expected units, series x days."""
    generator = np.random.default_rng(7)
    keys, days = _keys(), _days()
    level = generator.gamma(1.6, 9.0, len(keys)) + 0.6
    position = np.arange(len(days))
    weekday = np.array([(1.0, 0.92, 0.9, 0.95, 1.1, 1.35, 1.3)[day.weekday()] for day in days])
    season = 1 + 0.12 * np.sin(2 * np.pi * (position - 60) / 365)
    trend = 1 + 0.08 * position / len(days)
    event = np.array([1.25 if day in EVENTS else 1.0 for day in days])
    flagged = np.array([1.08 if day.day <= 10 else 1.0 for day in days])
    foods = np.array([key["category_id"] == "FOODS" for key in keys])
    shape = weekday * season * trend * event
    return np.asarray(level[:, None] * np.where(foods[:, None], shape * flagged, shape))


def _sales() -> tuple[list[dict[str, str]], _Floats]:
    generator = np.random.default_rng(11)
    expected = _expected()[:, :HISTORY_DAYS]
    shared = generator.normal(1.0, 0.035, (1, HISTORY_DAYS))
    return _keys(), generator.poisson(np.clip(expected * shared, 0.05, None)).astype(float)


def _quantiles(mean: _Floats, spread: _Floats) -> dict[str, _Floats]:
    values = np.stack([np.clip(mean + z * spread, 0, None) for z in _Z])
    return dict(zip(QUANTILE_COLUMNS, values, strict=True))


def _frames(record: RunRecord, keys: list[dict[str, str]], known: _Floats, mean: _Floats) -> RunFrames:
    origin = record.origin
    horizon = [origin + timedelta(days=day + 1) for day in range(HORIZON_DAYS)]
    past = [origin - timedelta(days=known.shape[1] - 1 - day) for day in range(known.shape[1])]
    recent = past[-SERIES_HISTORY_DAYS:]
    generator = np.random.default_rng(5)
    base_price = generator.uniform(0.8, 12.0, len(keys)).round(2)
    dearer = (np.arange(len(keys)) % 2 == 0)[:, None] & (np.arange(len(recent)) >= 63)[None, :]
    prices = np.where(dearer, (base_price * 1.08).round(2)[:, None], base_price[:, None])
    kinds = np.array(["smooth", "erratic", "intermittent", "lumpy"])

    def column(name: str) -> list[str]:
        return [key[name] for key in keys]

    def repeated(name: str, times: int) -> list[str]:
        return [value for value in column(name) for _ in range(times)]

    tables: dict[str, pa.Table] = {
        "run_series": pa.table(
            {
                **{name: column(name) for name in ("store_id", "item_id", "department_id", "category_id", "region_id")},
                "price": prices[:, -1],
                "units_last_28": known[:, -28:].sum(axis=1),
                "demand_class": kinds[np.clip((4 - mean.mean(axis=1)).astype(int), 0, 3)],
                "launch_date": [past[0]] * len(keys),
            }
        ),
        "forecasts": pa.table(
            {
                "store_id": repeated("store_id", HORIZON_DAYS),
                "item_id": repeated("item_id", HORIZON_DAYS),
                "target_date": horizon * len(keys),
                "mean": mean.ravel(),
                **_quantiles(mean.ravel(), np.sqrt(mean.ravel() * 1.3)),
            }
        ),
        "inventory_policy": pa.table(
            {"store_id": column("store_id"), "item_id": column("item_id"), **policy_columns(mean.mean(axis=1))}
        ),
        "sales_history": pa.table(
            {
                "store_id": repeated("store_id", len(recent)),
                "item_id": repeated("item_id", len(recent)),
                "date": recent * len(keys),
                "units": known[:, -len(recent) :].ravel(),
                "price": prices.ravel(),
            }
        ),
        **_nodes(keys, known, mean, past, horizon),
        "run_metrics": _metrics(record),
    }
    tables |= _backtests(record, keys, known, tables["run_nodes"])
    days = [*past, *horizon]
    regions = sorted(set(STORES.values()))
    tables["calendar_days"] = pa.table(
        {
            "date": days,
            "weekday_name": [f"{day:%A}" for day in days],
            "event_name": pa.array([EVENTS.get(day) for day in days], pa.string()),
        }
    )
    tables["calendar_region_flags"] = pa.table(
        {
            "date": [day for day in days for _ in regions],
            "region_id": regions * len(days),
            "regional_flag": [
                int(day.day <= 10 and (region == "CA" or day.day % 2)) for day in days for region in regions
            ],
        }
    )
    series = tables["run_series"].to_pandas()
    made = {**scenario_rows(series, HORIZON_DAYS), "run_features": FEATURES}
    tables |= {name: pa.Table.from_pandas(rows) for name, rows in made.items()}
    return RunFrames(**{name: tables[name].select(schema.names).cast(schema) for name, schema in ARROW_SCHEMAS.items()})


def _contributions(frames: RunFrames) -> pa.Table:
    """What moved each node: a weekday, an event and the usual level, which add up to the mean of each day."""
    days = frames.node_forecasts.select(["node_id", "target_date", "mean"]).to_pandas()
    usual = days.groupby("node_id")["mean"].transform("mean")
    event = days["target_date"].isin(list(EVENTS)) * 0.05 * usual
    parts = {"level": usual, "events": event, "weekday": days["mean"] - usual - event}
    rows = [days[["node_id", "target_date"]].assign(family=name, units=units) for name, units in parts.items()]
    return pa.concat_tables([pa.Table.from_pandas(one, preserve_index=False) for one in rows])


def _nodes(
    keys: list[dict[str, str]], known: _Floats, mean: _Floats, past: list[date], horizon: list[date]
) -> dict[str, pa.Table]:
    nodes: list[dict[str, object]] = []
    sums: list[_Floats] = []
    forecasts: list[_Floats] = []
    for level, (name, parts) in LEVELS.items():
        groups: dict[tuple[str, ...], list[int]] = {}
        for row, key in enumerate(keys):
            groups.setdefault(tuple(key[part] for part in parts), []).append(row)
        for values, rows in groups.items():
            node = dict.fromkeys(("region_id", "store_id", "category_id", "department_id"))
            node.update(dict(zip(parts, values, strict=True)))
            if "store_id" in parts:
                node["region_id"] = STORES[str(node["store_id"])]
            if "department_id" in parts:
                node["category_id"] = DEPARTMENTS[str(node["department_id"])]
            node_id = f"{name}:{'|'.join(values)}" if values else name
            nodes.append({"node_id": node_id, "level": level, "level_name": name, **node})
            sums.append(known[rows].sum(axis=0))
            forecasts.append(mean[rows].sum(axis=0))
    names = [str(node["node_id"]) for node in nodes]
    forecast = np.concatenate(forecasts)
    weeks = [(horizon[day], horizon[day + 6]) for day in range(0, HORIZON_DAYS, 7)]
    weekly = forecast.reshape(-1, 7).sum(axis=1)
    return {
        "run_nodes": pa.Table.from_pylist(nodes, schema=ARROW_SCHEMAS["run_nodes"]),
        "node_forecasts": pa.table(
            {
                "node_id": [name for name in names for _ in horizon],
                "target_date": horizon * len(names),
                "mean": forecast,
                **_quantiles(forecast, np.sqrt(forecast) + 0.035 * forecast),
            }
        ),
        "node_period_forecasts": pa.table(
            {
                "node_id": [name for name in names for _ in weeks],
                "first_date": [first for first, _ in weeks] * len(names),
                "last_date": [last for _, last in weeks] * len(names),
                "mean": weekly,
                **_quantiles(weekly, np.sqrt(weekly) + 0.025 * weekly),
            }
        ),
        "node_history": pa.table(
            {
                "node_id": [name for name in names for _ in past],
                "date": past * len(names),
                "units": np.concatenate(sums),
            }
        ),
    }


def _backtests(record: RunRecord, keys: list[dict[str, str]], known: _Floats, nodes: pa.Table) -> dict[str, pa.Table]:
    """Errors by series, node and lead day on the last four weeks, of the run's model and of seasonal naive.

    Both say what was sold with an error of their own, larger for seasonal naive and for later days.
    """
    generator = np.random.default_rng(int(record.git_commit, 16))
    actual = known[:, -HORIZON_DAYS:]
    fold = record.origin - timedelta(days=HORIZON_DAYS)
    growth = 1 + np.arange(HORIZON_DAYS) / HORIZON_DAYS
    named = nodes.to_pylist()
    members = [
        [row for row, key in enumerate(keys) if all(node[part] in (None, key[part]) for part in _PLACE)]
        for node in named
    ]
    parts: dict[str, list[pa.Table]] = {"backtest_series": [], "backtest_nodes": [], "backtest_leads": []}
    for model, size, drift in (("middle_out", 0.25, 0.02), ("seasonal_naive", 0.4, -0.04)):
        lean = drift + generator.normal(0, 0.04, (len(keys), 1))
        forecast = np.maximum(actual * (1 + lean + size * growth * generator.normal(0, 1, actual.shape)), 0)
        sums = [np.array([values[rows].sum(axis=0) for rows in members]) for values in (actual, forecast, known)]
        of_series = {part: [key[part] for key in keys] for part in ("store_id", "item_id")}
        of_nodes = {"node_id": [node["node_id"] for node in named]}
        rows = {
            "backtest_series": [_errors(of_series, actual, forecast, known)],
            "backtest_nodes": [_errors(of_nodes, *sums)],
            "backtest_leads": [],
        }
        for level in range(1, 13):
            at = [row for row, node in enumerate(named) if node["level"] == level]
            by_day = (sums[0][at].T, sums[1][at].T) if at else (actual.T, forecast.T)
            lead = {"level": [level] * HORIZON_DAYS, "lead_days": list(range(1, HORIZON_DAYS + 1))}
            rows["backtest_leads"].append(_errors(lead, *by_day))
        for name, tables in rows.items():
            for table in tables:
                of = {"fold": fold, "model": model}
                for column, value in of.items():
                    table = table.append_column(column, pa.array([value] * table.num_rows))
                parts[name].append(table)
    return {name: pa.concat_tables(tables) for name, tables in parts.items()}


def _errors(key: dict[str, list[object]], actual: _Floats, forecast: _Floats, known: _Floats | None = None) -> pa.Table:
    """A row for each row of the values; with an RMSSE where the sales known before are given."""
    columns: dict[str, object] = {
        **key,
        "actual_units": actual.sum(axis=1),
        "forecast_units": forecast.sum(axis=1),
        "absolute_error_units": np.abs(forecast - actual).sum(axis=1),
    }
    if known is not None:
        scale = (np.diff(known, axis=1) ** 2).mean(axis=1)
        columns["rmsse"] = np.sqrt(((forecast - actual) ** 2).mean(axis=1) / scale)
    return pa.table(columns)


def _metrics(record: RunRecord) -> pa.Table:
    generator = np.random.default_rng(int(record.git_commit, 16))
    rows = []
    for fold in range(3):
        day = record.origin - timedelta(days=28 * (fold + 1))
        for model, factor in (("middle_out", 0.66), ("seasonal_naive", 1.0), ("moving_average", 0.92)):
            values: dict[str, list[float]] = {"wrmsse": [], "wape": [], "bias": [], **{name: [] for name in COVERAGES}}
            for level in range(1, 13):
                noise = generator.normal(1, 0.05)
                values["wrmsse"].append((0.5 + 0.04 * level) * factor * noise)
                values["wape"].append((0.05 + 0.045 * level) * factor * noise)
                values["bias"].append(generator.normal(-0.02, 0.02) + (0.045 if level in (9, 5) else 0.0))
                for name in COVERAGES:
                    values[name].append(generator.normal(0.94, 0.01))
            for metric, by_level in values.items():
                for level, value in enumerate([float(np.mean(by_level)), *by_level]):
                    if metric in COVERAGES and model != "middle_out":
                        continue
                    rows.append({"fold": day, "model": model, "level": level, "metric": metric, "value": value})
    return pa.Table.from_pylist(rows, schema=ARROW_SCHEMAS["run_metrics"])


assert len(_Z) == len(QUANTILES)
