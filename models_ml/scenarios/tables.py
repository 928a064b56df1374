"""Rows of the prediction store behind what-if answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from models_ml.forecasters.base import Forecaster, Responsive
from models_ml.hierarchy.steps import step_sums
from models_ml.prediction_store.grid import PRICE_STEPS, RESPONSE_COLUMNS
from models_ml.scenarios.clearances import lives_of, ordinary_weeks
from models_ml.scenarios.elasticity import LEAST_MOVE, Elasticities, Panel, estimate
from models_ml.scenarios.history import PriceHistory, read_price_history
from models_ml.warehouse.marts import SERIES_KEYS, Marts
from models_ml.warehouse.regressors import read_by_series

HIGHEST_RATIO = 5.0
"""Responses are clipped here; beyond this range the model extrapolates noise."""


def scenario_tables(forecaster: Forecaster, marts: Marts) -> dict[str, pa.Table]:
    """Responses to other prices, events and flags, from the fitted model and from history.

    Returns:
        `department_elasticities` and `scenario_series` (none without prices), `scenario_flags` and `scenario_events`
        (none of a forecaster that is not `Responsive`).
    """
    history = read_price_history(marts)
    tables = {} if history is None else price_tables(forecaster, marts, history)
    if isinstance(forecaster, Responsive):
        tables |= {"scenario_flags": flag_rows(forecaster, marts), "scenario_events": event_rows(forecaster, marts)}
    return tables


def price_tables(forecaster: Forecaster, marts: Marts, history: PriceHistory) -> dict[str, pa.Table]:
    """Elasticities by department, and by series elasticity, trusted range and the model's response."""
    departments, found, ordinary = learn(marts.series, history)
    low, high, own = trusted_ranges(marts.series, history, ordinary)
    steps = np.clip(np.array(PRICE_STEPS)[None, :], low[:, None], high[:, None])
    priced = np.isfinite(history.planned) & (history.planned > 0) & np.isfinite(low)
    response = np.full(steps.shape, np.nan)
    if isinstance(forecaster, Responsive):
        response = responses(forecaster, marts, np.where(priced[:, None], steps, np.nan))
    frame = marts.series[SERIES_KEYS].assign(
        price=history.planned,
        lowest_ratio=low,
        highest_ratio=high,
        range_from=np.where(own, "item", "department"),
        **found,
        **dict(zip(RESPONSE_COLUMNS, response.T, strict=True)),
    )
    return {
        "department_elasticities": pa.Table.from_pandas(departments, preserve_index=False),
        "scenario_series": pa.Table.from_pandas(frame[priced], preserve_index=False),
    }


def responses(forecaster: Responsive, marts: Marts, steps: np.ndarray) -> np.ndarray:
    """The model's responses at price steps; steps that repeat a neighbour's price, or change none, are skipped."""
    asked = steps.copy()
    asked[steps == 1.0] = np.nan
    half = sum(step < 1 for step in PRICE_STEPS)
    asked[:, : half - 1][steps[:, : half - 1] == steps[:, 1:half]] = np.nan
    asked[:, half + 1 :][steps[:, half + 1 :] == steps[:, half:-1]] = np.nan
    answer = forecaster.price_responses(marts, asked)
    unknown = np.isnan(answer) & np.isfinite(asked)
    answer[steps == 1.0] = 1.0
    for column in [*range(half - 2, -1, -1), *range(half + 1, len(PRICE_STEPS))]:
        inward = column + 1 if column < half else column - 1
        same = steps[:, column] == steps[:, inward]
        answer[same, column] = answer[same, inward]
    answer[unknown.any(axis=1)] = np.nan
    return np.asarray(np.clip(answer, 0.0, HIGHEST_RATIO))


def learn(series: pd.DataFrame, history: PriceHistory) -> tuple[pd.DataFrame, dict[str, np.ndarray], np.ndarray]:
    """Elasticities by department, from ordinary weeks (see `clearances`); each period on sale has its own level.

    Returns:
        Rows of `department_elasticities`; by column of `scenario_series`, one a series: elasticity, elasticity_low,
        elasticity_high, own_estimate and price_changes; and the weeks that count, bool, series x weeks.
    """
    count = len(series)
    of_series = {n: np.full(count, np.nan) for n in ("elasticity", "elasticity_low", "elasticity_high")}
    own, changes = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int32)
    log_price = np.log(history.price)
    controls = np.stack(list(history.controls.values())) if history.controls else np.zeros((0, *log_price.shape))
    lives = lives_of(history.units, np.isfinite(log_price))
    ordinary = ordinary_weeks(log_price, lives, np.any(controls > 0, axis=0), LEAST_MOVE)
    rows = []
    for department, members in series.groupby("department_id", sort=True).indices.items():
        item = pd.factorize(series["item_id"].to_numpy()[members], sort=True)[0]
        group = pd.factorize(series["store_id"].to_numpy()[members], sort=True)[0]
        panel = Panel(history.units[members], log_price[members], controls[:, members], group, item)
        found = estimate(by_life(panel, ordinary[members], lives[members]), int(item.max()) + 1)
        rows.append({"department_id": department, **department_row(found), "weeks": log_price.shape[1]})
        for name, values in zip(of_series, (found.items.value, found.items.low, found.items.high), strict=True):
            of_series[name][members] = values[item]
        own[members], changes[members] = found.own[item], found.changes[item]
    return pd.DataFrame(rows), {**of_series, "own_estimate": own, "price_changes": changes}, ordinary


def by_life(panel: Panel, ordinary: np.ndarray, lives: np.ndarray) -> Panel:
    """The panel with a row for each life of a series that has ordinary weeks, which alone count."""
    pairs = [(life, np.flatnonzero((ordinary & (lives == life)).any(axis=1))) for life in range(lives.max() + 1)]
    row = np.concatenate([rows for _, rows in pairs])
    life = np.concatenate([np.full(len(rows), life) for life, rows in pairs])
    counts = ordinary[row] & (lives[row] == life[:, None])
    log_price = np.where(counts, panel.log_price[row], np.nan)
    return Panel(panel.units[row], log_price, panel.controls[:, row], panel.group[row], panel.item[row])


def department_row(found: Elasticities) -> dict[str, float | int]:
    """A department's estimate by column of `department_elasticities`."""
    whole = found.department
    return {
        "elasticity": float(whole.value[0]),
        "elasticity_error": float(whole.error[0]),
        "elasticity_low": float(whole.low[0]),
        "elasticity_high": float(whole.high[0]),
        "item_spread": float(found.spread),
        "items": found.clusters,
        "own_estimates": int(found.own.sum()),
        "price_changes": int(found.changes.sum()),
    }


def trusted_ranges(
    series: pd.DataFrame, history: PriceHistory, ordinary: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prices over the planned one that a what-if may ask for.

    A series whose price moved is trusted within its prices of ordinary weeks; a series whose price never moved, within
    the medians of its department. Both are clipped to the grid.

    Returns:
        Lowest and highest ratio, one a series, never the wrong side of 1, NaN where the department has no move
        either; and whether the range is the series' own.
    """
    planned = history.planned
    seen = ordinary.any(axis=1)
    least = np.where(seen, np.where(ordinary, history.price, np.inf).min(axis=1), np.nan)
    most = np.where(seen, np.where(ordinary, history.price, -np.inf).max(axis=1), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.clip(least / planned, PRICE_STEPS[0], 1.0)
        high = np.clip(most / planned, 1.0, PRICE_STEPS[-1])
        own = np.isfinite(low) & (most / least >= 1 + LEAST_MOVE)
    frame = pd.DataFrame({"low": np.where(own, low, np.nan), "high": np.where(own, high, np.nan)})
    typical = frame.groupby(series["department_id"].to_numpy())[["low", "high"]].transform("median")
    return (
        np.where(own, low, typical["low"].to_numpy()),
        np.where(own, high, typical["high"].to_numpy()),
        own,
    )


def flag_rows(forecaster: Responsive, marts: Marts) -> pa.Table:
    """Rows of `scenario_flags`: the response of each series, and in which steps of the horizon the flag is planned."""
    ratios = forecaster.flag_responses(marts)
    plans = read_by_series(marts, tuple(ratios), marts.target_dates[0], marts.target_dates[-1])
    parts = []
    for name, ratio in ratios.items():
        known = np.isfinite(ratio)
        planned_days = step_sums((plans[name][known] > 0).astype(np.int64), marts.step_days)
        digits = (planned_days > 0).astype(np.uint8) + ord("0")
        planned = np.ascontiguousarray(digits).view(f"S{digits.shape[1]}").ravel().astype(str)
        parts.append(
            marts.series.loc[known, SERIES_KEYS].assign(
                regressor=name, ratio=np.clip(ratio[known], 0.0, HIGHEST_RATIO), planned=planned
            )
        )
    frame = pd.concat(parts) if parts else pd.DataFrame(columns=[*SERIES_KEYS, "regressor", "ratio", "planned"])
    return pa.Table.from_pandas(frame.astype({"ratio": float}), preserve_index=False)


def event_rows(forecaster: Responsive, marts: Marts) -> pa.Table:
    """Rows of `scenario_events`: of each store and department the response on days around events seen in history."""
    found = forecaster.event_responses(marts)
    past = marts.calendar.loc[: pd.Timestamp(marts.origin), "event_name_1"].value_counts()
    days = np.array([int(past.get(name, 0)) for name in found.names], dtype=np.int64)
    node, event, offset = np.nonzero(np.isfinite(found.ratio) & (days > 0)[None, :, None])
    nodes = marts.store_departments
    return pa.table(
        {
            "store_id": pa.array(nodes["store_id"].to_numpy()[node], pa.string()),
            "department_id": pa.array(nodes["department_id"].to_numpy()[node], pa.string()),
            "event_name": pa.array(np.array(found.names, dtype=object)[event], pa.string()),
            "offset_days": pa.array(found.offsets[offset], pa.int32()),
            "ratio": pa.array(np.clip(found.ratio[node, event, offset], 0.0, HIGHEST_RATIO)),
            "days_seen": pa.array(days[event], pa.int32()),
        }
    )
