"""Sums of an item's weeks and of its horizon, with the ranges that its ordering policy has for sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.active import ActiveRun
from api.queries.series import quantile_map
from api.schemas.forecast import ForecastDay
from api.schemas.hierarchy import PeriodForecast
from models_ml.hierarchy import WEEK_DAYS
from models_ml.inventory.sums import sum_quantiles
from models_ml.prediction_store.finals import final_quantiles
from models_ml.prediction_store.schema import inventory_policy

_STORED = ("expected_demand", "order_up_to", "expected_short")


def item_sums(
    connection: Connection,
    run: ActiveRun,
    page: Sequence[Mapping[str, Any]],
    days: Mapping[str, Sequence[ForecastDay]],
    quantiles: Sequence[str],
) -> dict[str, list[PeriodForecast]]:
    """Weeks, and then the horizon, of nodes of one item in one store each; none of an item without a policy.

    Args:
        connection: for the policies.
        run: that forecast them.
        page: nodes with store_id and item_id.
        days: of each node.
        quantiles: probabilities as text, increasing.
    """
    policy = inventory_policy.c
    rows = connection.execute(
        select(policy.store_id, policy.item_id, *(policy[name] for name in _STORED)).where(
            policy.run_id == run.run_id,
            policy.store_id.in_(sorted({node["store_id"] for node in page})),
            policy.item_id.in_(sorted({node["item_id"] for node in page})),
        )
    ).all()
    stored = {(row.store_id, row.item_id): row for row in rows}
    nodes = [node for node in page if (node["store_id"], node["item_id"]) in stored and days.get(node["node_id"])]
    if not nodes:
        return {}
    steps = len(days[nodes[0]["node_id"]])
    spans = spans_of(steps, run.step_days)
    mean, final = (
        np.array([[getattr(day, of) for day in days[node["node_id"]]] for node in nodes]) for of in ("mean", "final")
    )
    mean, final = (np.stack([units[:, span].sum(axis=1) for span in spans], axis=1) for units in (mean, final))
    own = pd.DataFrame([stored[node["store_id"], node["item_id"]] for node in nodes])
    ranges = sum_quantiles(own, mean, tuple(map(float, quantiles)))
    dates = [day.date for day in days[nodes[0]["node_id"]]]
    return {
        node["node_id"]: [
            PeriodForecast(
                first_date=dates[span.start],
                last_date=dates[span.stop - 1] + timedelta(days=run.step_days - 1),
                mean=mean[row, number],
                final=final[row, number],
                quantiles=quantile_map(
                    final_quantiles(mean[row, number], final[row, number], ranges[row, number].tolist()), quantiles
                ),
            )
            for number, span in enumerate(spans)
        ]
        for row, node in enumerate(nodes)
    }


def spans_of(steps: int, step_days: int) -> list[slice]:
    """Steps of each week, the last one as short as the horizon leaves it; then those of the whole horizon."""
    week = WEEK_DAYS // step_days
    return [*(slice(first, min(first + week, steps)) for first in range(0, steps, week)), slice(0, steps)]
