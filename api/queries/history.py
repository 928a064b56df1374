"""Recent sales of a series."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from api.active import Active, ActiveRun
from api.queries.series import run_of_store, unknown_series
from api.schemas.forecast import HistoryDay, SeriesHistory
from models_ml.prediction_store.schema import run_series, sales_history


def series_history(connection: Connection, active: Active, store_id: str, item_id: str, days: int) -> SeriesHistory:
    """The last `days` days of sales up to the origin of the run that is served."""
    run = run_of_store(active, store_id)
    rows = connection.execute(
        select(sales_history.c.date, sales_history.c.units, sales_history.c.price)
        .where(
            sales_history.c.store_id == store_id,
            sales_history.c.item_id == item_id,
            sales_history.c.date > run.origin - timedelta(days=days),
            sales_history.c.date <= run.origin,
        )
        .order_by(sales_history.c.date)
    ).all()
    if not rows and not _has_series(connection, run, store_id, item_id):
        raise unknown_series(connection, run, store_id, item_id)
    return SeriesHistory(
        item_id=item_id,
        store_id=store_id,
        run=run.reference,
        days=[HistoryDay(date=row.date, units=row.units, price=row.price) for row in rows],
    )


def _has_series(connection: Connection, run: ActiveRun, store_id: str, item_id: str) -> bool:
    found = select(run_series.c.item_id).where(
        run_series.c.run_id == run.run_id, run_series.c.store_id == store_id, run_series.c.item_id == item_id
    )
    return connection.execute(found).first() is not None
