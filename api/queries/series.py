"""Which run answers, what to say when it cannot, and how rows become days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from api.active import Active, ActiveRun
from api.errors import ApiError, one_field
from api.schemas.forecast import ForecastDay
from models_ml.prediction_store.finals import final_quantiles
from models_ml.prediction_store.schema import active_runs, run_series
from models_ml.settings import QUANTILE_COLUMNS, QUANTILES

_COLUMN_OF = {f"{p:g}": name for p, name in zip(QUANTILES, QUANTILE_COLUMNS, strict=True)}


SERVED_SERIES = run_series.join(
    active_runs,
    and_(run_series.c.run_id == active_runs.c.run_id, run_series.c.store_id == active_runs.c.store_id),
)
"""Series of the stores, each from the run that its store is served from."""


def utc(moment: datetime | None) -> datetime | None:
    """A time of the store (UTC without a zone) with its zone."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def run_of_store(active: Active, store_id: str) -> ActiveRun:
    """The run that a store is served from.

    Raises:
        ApiError: kind `unknown-store`.
    """
    run = active.by_store.get(store_id)
    if run is None:
        raise one_field("unknown-store", "store_id", f"'{store_id}' is not served", sorted(active.by_store))
    return run


def unknown_series(connection: Connection, run: ActiveRun, store_id: str, item_id: str) -> ApiError:
    """What to say when a store has no such item: that the item is unknown, or where else it is."""
    elsewhere = (
        connection.execute(
            select(active_runs.c.store_id)
            .select_from(SERVED_SERIES)
            .where(run_series.c.item_id == item_id)
            .order_by(active_runs.c.store_id)
        )
        .scalars()
        .all()
    )
    if elsewhere:
        return one_field("unknown-series", "store_id", f"'{item_id}' is not forecast in '{store_id}'", list(elsewhere))
    near = (
        connection.execute(
            select(run_series.c.item_id)
            .where(
                run_series.c.run_id == run.run_id,
                run_series.c.store_id == store_id,
                run_series.c.item_id >= item_id[:1],
            )
            .order_by(run_series.c.item_id)
            .limit(5)
        )
        .scalars()
        .all()
    )
    problem = one_field("unknown-item", "item_id", f"'{item_id}' is not forecast in any store")
    problem.detail += f" For example: {', '.join(near)}." if near else ""
    problem.detail += " All items: /forecast/items."
    return problem


def value_columns(columns: Any, quantiles: Sequence[str]) -> list[ColumnElement[Any]]:
    """Mean and quantiles of a table of forecasts; quantiles are probabilities as text."""
    return [columns.mean, *(columns[_COLUMN_OF[name]] for name in quantiles)]


def forecast_day(
    target: date, mean: float, final: float, values: Sequence[Any], quantiles: Sequence[str]
) -> ForecastDay:
    """A row of the model's mean and quantiles as a day; the quantiles become those of the final."""
    values = final_quantiles(mean, final, values)
    return ForecastDay(date=target, mean=mean, quantiles=quantile_map(values, quantiles), final=final)


def quantile_map(values: Sequence[Any], quantiles: Sequence[str]) -> dict[str, float] | None:
    """Quantiles by probability; a row has all of them or none."""
    return None if quantiles and values[0] is None else dict(zip(quantiles, values, strict=True))
