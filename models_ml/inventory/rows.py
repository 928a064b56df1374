"""The ordering policy of a run, as the rows that the prediction store keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from models_ml.forecasters.base import Forecast
from models_ml.forecasters.replays import Replays
from models_ml.inventory.interval import learn_spread
from models_ml.inventory.policy import intervals_of, inventory_policy
from models_ml.inventory.terms import TERMS
from models_ml.warehouse.marts import SERIES_KEYS, Marts

SAID = ["protection_days", "service_level"]
"""Terms that are stored with the policy."""


def policy_rows(
    marts: Marts, forecast: Forecast, terms: pd.DataFrame, replays: Replays, own: Replays | None = None
) -> pa.Table:
    """Rows of `inventory_policy`: one a series whose protection interval the forecast reaches.

    Args:
        marts: as of the origin.
        forecast: of `marts.series`.
        terms: one row a series (see `terms.terms_of`).
        replays: of `marts.series`; safety stock covers their errors.
        own: those of the forecaster itself, where `replays` are of a similar model (see `learn_spread`).
    """
    reached = within_horizon(terms, marts.horizon_days)
    series, own_terms = forecast.series[reached], terms[reached].reset_index(drop=True)
    rows = np.flatnonzero(reached)
    department = pd.factorize(forecast.series["department_id"], sort=True)[0]
    spreads = {days: learn_spread(replays, department, days, own).take(rows) for days in intervals_of(own_terms)}
    days_to_launch = (series["launch_date"] - pd.Timestamp(marts.origin)).dt.days.to_numpy()
    policy = inventory_policy(forecast.mean[rows], own_terms, spreads, days_to_launch)
    table = pd.concat([series[SERIES_KEYS].reset_index(drop=True), own_terms[TERMS], policy.drop(columns=SAID)], axis=1)
    return pa.Table.from_pandas(table, preserve_index=False)


def within_horizon(terms: pd.DataFrame, horizon_days: int) -> np.ndarray:
    """Whether the forecast covers each series' protection interval."""
    return np.asarray((terms["review_period_days"] + terms["lead_time_days"]).to_numpy() <= horizon_days)


def unreached(terms: pd.DataFrame, horizon_days: int) -> str | None:
    """A note on series without a policy; None if each has one."""
    short = terms[~within_horizon(terms, horizon_days)]
    if short.empty:
        return None
    longest = int((short["review_period_days"] + short["lead_time_days"]).max())
    return (
        f"No ordering policy for {len(short)} of {len(terms)} series: their lead time and review period (up to "
        f"{longest} days together) are longer than the forecast of {horizon_days} days. Shorten them in the "
        "inventory terms, or lengthen DEMAND_HORIZON_DAYS."
    )
