"""Ordering policies that overrides move: the model's policy, brought to the final forecast when it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from api.active import Active, ActiveRun
from api.queries.finals import finals
from api.schemas.inventory import PolicyFigures
from models_ml.inventory.overridden import IntervalUnits, final_policy
from models_ml.prediction_store.finals import SeriesBelow
from models_ml.prediction_store.override_effects import means_of

SERIES = ("run_id", "store_id", "item_id")


@dataclass(frozen=True)
class Moved:
    """A policy that overrides move: its figures for the final forecast, and their ids."""

    figures: PolicyFigures
    overrides: list[int]


def moved_policies(connection: Connection, active: Active, rows: Sequence[Any]) -> Mapping[tuple[str, str], Moved]:
    """Those policies that overrides move, by store and item.

    Args:
        connection: for the forecasts; nothing is read where no override acts.
        active: what is served.
        rows: policies of served series, with their columns of `run_series` and `inventory_policy`.
    """
    found: dict[tuple[str, str], Moved] = {}
    for run in active.runs:
        effects = active.effects.get(run.run_id, ())
        of_run = [row._asdict() for row in rows if row.run_id == run.run_id] if effects else []
        if not of_run:
            continue
        policy = pd.DataFrame(of_run)
        rows_below = SeriesBelow({str(name): policy[name].to_numpy() for name in policy})
        own = np.unique(np.concatenate([rows_below.keys(effect.keys) for effect in effects]))
        policy = policy.iloc[own].reset_index(drop=True)
        if not policy.empty:
            found |= _moved_of_run(connection, active, run, policy)
    return found


def _moved_of_run(
    connection: Connection, active: Active, run: ActiveRun, policy: pd.DataFrame
) -> dict[tuple[str, str], Moved]:
    lead = np.maximum(policy["lead_time_days"].to_numpy(), 1)
    protection = (policy["lead_time_days"] + policy["review_period_days"]).to_numpy()
    steps = np.arange(0, protection.max(), run.step_days)
    dates = [run.origin + timedelta(days=1 + int(day)) for day in steps]
    # Of a day (or week) as much as the interval has of it.
    protected = np.clip((protection[:, None] - steps) / run.step_days, 0.0, 1.0)
    leading = np.clip((lead[:, None] - steps) / run.step_days, 0.0, 1.0)
    means = means_of(connection, {name: policy[name].to_numpy(dtype=object) for name in SERIES}, dates)
    means[protected == 0] = np.nan
    units, changed = finals(active, run, policy, means, dates)
    if not changed:
        return {}
    rows = np.flatnonzero(np.any(list(changed.values()), axis=0))
    policy, model, final = policy.iloc[rows], np.nan_to_num(means[rows]), np.nan_to_num(units[rows])

    def over(part: np.ndarray) -> IntervalUnits:
        return IntervalUnits((model * part[rows]).sum(axis=1), (final * part[rows]).sum(axis=1))

    told = final_policy(policy, over(protected), over(leading)).to_dict("records")
    return {
        (str(one.store_id), str(one.item_id)): Moved(
            PolicyFigures(
                **{str(name): value for name, value in figures.items()},
                stock_value=None if pd.isna(one.price) else figures["mean_stock"] * one.price,
            ),
            [override_id for override_id, acted in changed.items() if acted[row]],
        )
        for row, one, figures in zip(rows, policy.itertuples(), told, strict=True)
    }
