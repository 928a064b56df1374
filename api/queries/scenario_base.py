"""The served forecast that a what-if scenario changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, and_, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.queries.finals import finals
from api.queries.series import run_of_store, unknown_series
from api.schemas.scenarios import WhatIfRequest
from models_ml.prediction_store.grid import RESPONSE_COLUMNS
from models_ml.prediction_store.schema import forecasts, run_series, scenario_series
from models_ml.scenarios.what_if import PriceCurves

KEYS = ["store_id", "item_id"]


@dataclass(frozen=True)
class Base:
    """The served forecast of the series of a what-if.

    Attributes:
        run: it comes from.
        series: one row a series, with its columns of `run_series` and `scenario_series` (NaN without a price).
        model: means, series x target days.
        units: the same after overrides: the finals.
        overrides: ids of those in them.
        dates: the target days.
    """

    run: ActiveRun
    series: pd.DataFrame
    model: np.ndarray
    units: np.ndarray
    overrides: list[int]
    dates: list[date]

    @property
    def curves(self) -> PriceCurves:
        """How the series answer to prices."""
        names = ("lowest_ratio", "highest_ratio", "elasticity", "elasticity_low", "elasticity_high")
        low, high, elasticity, below, above = (self.series[name].to_numpy(dtype=np.float64) for name in names)
        return PriceCurves(
            low, high, elasticity, below, above, self.series[list(RESPONSE_COLUMNS)].to_numpy(dtype=np.float64)
        )


def read_base(connection: Connection, active: Active, asked: WhatIfRequest) -> Base:
    """The series that a what-if is about, and their forecast.

    Raises:
        ApiError: kinds `unknown-store`, `unknown-item`, `unknown-series`, `invalid-request`.
    """
    run = active.runs[0] if asked.store_id is None else run_of_store(active, asked.store_id)
    of_run: list[ColumnElement[bool]] = [run_series.c.run_id == run.run_id]
    if asked.store_id is not None:
        of_run.append(run_series.c.store_id == asked.store_id)
    if asked.item_id is not None:
        of_run.append(run_series.c.item_id == asked.item_id)
    if asked.department_id is not None:
        of_run.append(run_series.c.department_id == asked.department_id)
    own = and_(*(scenario_series.c[key] == run_series.c[key] for key in ("run_id", *KEYS)))
    priced = [c for c in scenario_series.columns if c.name not in ("run_id", *KEYS, "price")]
    places = [run_series.c[name] for name in (*KEYS, "department_id", "category_id", "region_id")]
    rows = connection.execute(
        select(*places, scenario_series.c.price, *priced)
        .select_from(run_series.outerjoin(scenario_series, own))
        .where(*of_run)
        .order_by(run_series.c.store_id, run_series.c.item_id)
    )
    series = pd.DataFrame(rows.all(), columns=list(rows.keys()))
    if series.empty:
        if asked.item_id is not None and asked.store_id is not None:
            raise unknown_series(connection, run, asked.store_id, asked.item_id)
        raise one_field("invalid-request", "department_id", f"'{asked.department_id}' is not forecast there")
    keys = [run_series.c[key] == forecasts.c[key] for key in ("run_id", *KEYS)]
    means = connection.execute(
        select(forecasts.c.mean)
        .select_from(forecasts.join(run_series, and_(*keys)))
        .where(*of_run)
        .order_by(forecasts.c.store_id, forecasts.c.item_id, forecasts.c.target_date)
    ).scalars()
    model = np.fromiter(means, dtype=np.float64).reshape(len(series), -1)
    dates = [run.origin + timedelta(days=1 + run.step_days * n) for n in range(model.shape[1])]
    units, changed = finals(active, run, series, model, dates)
    return Base(run, series, model, units, list(changed), dates)
