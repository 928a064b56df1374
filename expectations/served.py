"""What is served now, as the new data must not contradict it unnoticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import func, inspect, make_url, select

from models_ml.errors import InputError, WarehouseError
from models_ml.prediction_store.engine import make_engine, named_schema
from models_ml.prediction_store.schema import active_runs, model_runs, run_series
from models_ml.prediction_store.transactions import reading
from models_ml.settings import Settings
from models_ml.warehouse.connection import open_warehouse


@dataclass(frozen=True)
class ServedDepartment:
    """One department of one store in the run that the store serves.

    Attributes:
        origin: last known day of that run.
        series: series with a forecast.
        units_last_28: units in the 28 days up to the origin, as known then.
    """

    store_id: str
    department_id: str
    origin: date
    series: int
    units_last_28: float


@dataclass(frozen=True)
class StoredRun:
    """A published run to check: what the store says of it."""

    run_id: str
    origin: date
    horizon_days: int


def stored_runs(settings: Settings, run_ids: Sequence[str] | None) -> list[StoredRun]:
    """The runs of `run_ids`, or those that are served.

    Raises:
        StoreError: the store cannot be read.
        InputError: a run is not in the store.
    """
    query = select(model_runs.c.run_id, model_runs.c.origin, model_runs.c.horizon_days).order_by(model_runs.c.run_id)
    if run_ids is None:
        query = query.where(model_runs.c.run_id.in_(select(active_runs.c.run_id)))
    else:
        query = query.where(model_runs.c.run_id.in_(run_ids))
    engine = make_engine(settings.effective_store_url, read_only=True)
    try:
        with reading(engine) as connection:
            found = [StoredRun(*row) for row in connection.execute(query)]
    finally:
        engine.dispose()
    missing = sorted(set(run_ids or ()) - {run.run_id for run in found})
    if missing:
        raise InputError(f"The prediction store has no run {', '.join(missing)}; see `demand runs list`.")
    return found


def last_sale_day(settings: Settings) -> date | None:
    """The last day of sales in the warehouse; None if it cannot be read from here (the store may stand alone)."""
    try:
        warehouse = open_warehouse(
            settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
        )
        column = warehouse.read("core.dim_series", ["last_date"], date_column="last_date")["last_date"]
    except WarehouseError:
        return None
    return max((day.as_py() for day in column.unique()), default=None)


def served_departments(settings: Settings) -> list[ServedDepartment]:
    """The served departments of the stores in scope; none before the first publish.

    Raises:
        StoreError: the store cannot be read.
    """
    url = make_url(settings.effective_store_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return []
    engine = make_engine(settings.effective_store_url, read_only=True)
    try:
        if not inspect(engine).has_table(active_runs.name, schema=named_schema(engine)):
            return []
        query = (
            select(
                run_series.c.store_id,
                run_series.c.department_id,
                model_runs.c.origin,
                func.count().label("series"),
                func.sum(run_series.c.units_last_28).label("units"),
            )
            .join(
                active_runs,
                (active_runs.c.run_id == run_series.c.run_id) & (active_runs.c.store_id == run_series.c.store_id),
            )
            .join(model_runs, model_runs.c.run_id == run_series.c.run_id)
            .group_by(run_series.c.store_id, run_series.c.department_id, model_runs.c.origin)
            .order_by(run_series.c.store_id, run_series.c.department_id)
        )
        with reading(engine) as connection:
            rows = connection.execute(query).all()
    finally:
        engine.dispose()
    return [
        ServedDepartment(r.store_id, r.department_id, r.origin, r.series, r.units)
        for r in rows
        if _asked(settings.store_list, r.store_id)
    ]


def _asked(stores: Sequence[str], store_id: str) -> bool:
    return not stores or store_id in stores
