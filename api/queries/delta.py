"""Series whose forecast moved since an earlier run, store by store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.paging import decode_cursor, encode_cursor
from api.queries.finals import finals
from api.queries.runs import unknown_run
from api.queries.series import run_of_store
from api.schemas.delta import ChangedSeries, ForecastDelta
from models_ml.prediction_store.override_effects import SELECT_EFFECTS, SERIES_ATTRIBUTES, effects_by_run
from models_ml.prediction_store.schema import forecasts, model_runs, override_effects, run_series


def forecast_delta(
    connection: Connection,
    active: Active,
    *,
    since_run: str,
    store_id: str | None,
    min_percent: float,
    limit: int,
    cursor: str | None,
) -> ForecastDelta:
    """Series whose sum of finals moved by more than a bound on the days that both runs forecast.

    Raises:
        ApiError: kinds `unknown-run`, `unknown-store`, `unusable-cursor`.
    """
    earlier = _earlier(connection, since_run)
    if store_id is not None:
        run_of_store(active, store_id)
    stores = sorted({*active.by_store, *earlier.by_store}) if store_id is None else [store_id]
    fingerprint = f"delta|{active.token[:12]}|{since_run}|{store_id or ''}|{min_percent:g}"
    after = decode_cursor(cursor, fingerprint, (str, str))
    found = (
        one
        for store in stores
        if after is None or store >= str(after[0])
        for one in _of_store(connection, active, earlier, store, min_percent)
        if after is None or (one.store_id, one.item_id) > after
    )
    page = list(islice(found, limit + 1))
    last = page[limit - 1] if len(page) > limit else None
    return ForecastDelta(
        since_run=since_run,
        version=active.token,
        series=page[:limit],
        next_cursor=None if last is None else encode_cursor(fingerprint, (last.store_id, last.item_id)),
    )


def _earlier(connection: Connection, run_id: str) -> Active:
    """An earlier run as if all of its stores were served from it, with the overrides that it was served with."""
    row = connection.execute(select(model_runs).where(model_runs.c.run_id == run_id)).one_or_none()
    if row is None or row.status != "published":
        raise unknown_run(connection, run_id, "since_run")
    run = ActiveRun(run_id, row.model, row.origin, row.horizon_days, row.published_at, tuple(row.scope), row.step_days)
    effects = connection.execute(SELECT_EFFECTS.where(override_effects.c.run_id == run_id)).all()
    return Active(dict.fromkeys(run.scope, run), {}, run_id, effects_by_run(effects))


@dataclass(frozen=True)
class _Finals:
    """Finals of the series of a store: items x days, NaN where an item is not forecast."""

    run: ActiveRun
    units: pd.DataFrame

    @classmethod
    def of(cls, connection: Connection, active: Active, store_id: str) -> _Finals | None:
        """None where the store is not forecast."""
        run = active.by_store.get(store_id)
        if run is None:
            return None
        columns = [run_series.c[name] for name in SERIES_ATTRIBUTES]
        of_store = (run_series.c.run_id == run.run_id, run_series.c.store_id == store_id)
        rows = connection.execute(select(*columns).where(*of_store).order_by(run_series.c.item_id)).all()
        series = pd.DataFrame(rows, columns=list(SERIES_ATTRIBUTES))
        query = select(forecasts.c.item_id, forecasts.c.target_date, forecasts.c.mean)
        found = connection.execute(query.where(forecasts.c.run_id == run.run_id, forecasts.c.store_id == store_id))
        means = pd.DataFrame(found.all(), columns=["item_id", "day", "mean"]).pivot(
            index="item_id", columns="day", values="mean"
        )
        means = means.reindex(index=series["item_id"])
        days = [date.fromisoformat(str(day)) for day in means.columns]
        units, _ = finals(active, run, series, means.to_numpy(dtype=np.float64), days)
        return cls(run, pd.DataFrame(units, index=means.index, columns=days))


def _of_store(
    connection: Connection, active: Active, earlier: Active, store_id: str, min_percent: float
) -> Iterator[ChangedSeries]:
    now, before = (_Finals.of(connection, one, store_id) for one in (active, earlier))
    if now is not None and before is not None and now.run.run_id == before.run.run_id and not active.effects:
        return
    was = pd.DataFrame() if before is None else before.units
    served = pd.DataFrame() if now is None else now.units
    days: list[date] = sorted({*was.columns} & {*served.columns})
    if now is not None and before is not None and not days:
        first = before.run.origin + timedelta(days=1)
        raise one_field("invalid-request", "since_run", f"it forecasts no day that is served now, only from {first} on")
    sums_before, sums_now = (
        {str(item): float(units) for item, units in frame[days].sum(axis=1).items()} for frame in (was, served)
    )
    for item in sorted({*sums_before, *sums_now}):
        moved = item in sums_before and item in sums_now
        units_before, units_now = sums_before.get(item, 0.0), sums_now.get(item, 0.0)
        percent = 100 * (units_now / units_before - 1) if moved and units_before > 0 else None
        if moved and (units_now == units_before or (percent is not None and abs(percent) <= min_percent)):
            continue
        yield ChangedSeries(
            store_id=store_id,
            item_id=item,
            run_id=now.run.run_id if now is not None and item in sums_now else None,
            change="moved" if moved else "new" if item in sums_now else "gone",
            first_date=days[0] if moved else None,
            last_date=days[-1] if moved else None,
            units_before=units_before if moved else None,
            units_now=units_now if moved else None,
            change_percent=percent,
        )
