"""What a published run of the tests says of other prices, flags and events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models_ml.prediction_store.grid import PRICE_STEPS, RESPONSE_COLUMNS

WITHOUT_MOVES = ("FOODS_1_002",)
"""Items whose price never moved."""
EVENTS = {"Christmas": 5, "MemorialDay": 6, "Memorial day": 6}
"""Events of the history, and their days."""


FEATURES = pd.DataFrame(
    [
        ("regression", "weekday_5", "weekday", 4.5),
        ("regression", "season_sin_1", "season", 0.0),
        ("boosting", "same_weekday_ratio_28", "weekday", 7.25),
        ("items", "price_to_item_mean", "price", 0.3),
    ],
    columns=["part", "feature", "family", "importance"],
)
"""What the published runs of the tests read; one feature moves nothing."""


def scenario_rows(series: pd.DataFrame, horizon_days: int) -> dict[str, pd.DataFrame]:
    """Answers to prices: items of FOODS as their elasticity says, others also where the model is of another opinion."""
    keys = series[["store_id", "item_id"]]
    own = ~series["item_id"].isin(WITHOUT_MOVES)
    elasticity = np.where(series["category_id"] == "FOODS", -2.0, -0.5)
    low, high = np.where(own, 0.7, 0.9), np.where(own, 1.2, 1.1)
    at = np.clip(np.array(PRICE_STEPS)[None, :], low[:, None], high[:, None])
    response = at ** elasticity[:, None]
    response[series["category_id"] != "FOODS"] = 1.1  # more is sold at any other price: not monotone
    response[at == 1.0] = 1.0
    ranges = {
        "price": series["price"],
        "lowest_ratio": low,
        "highest_ratio": high,
        "range_from": np.where(own, "item", "department"),
        "price_changes": np.where(own, 5, 0),
        "own_estimate": own.astype(int),
        "elasticity": elasticity,
        "elasticity_low": elasticity - 0.4,
        "elasticity_high": elasticity + 0.4,
    }
    departments = pd.DataFrame({"department_id": sorted(series["department_id"].unique())})
    departments["elasticity"] = np.where(departments["department_id"].str.startswith("FOODS"), -2.0, -0.5)
    bounds = {"elasticity_low": departments["elasticity"] - 0.2, "elasticity_high": departments["elasticity"] + 0.2}
    counts = {"items": 2, "own_estimates": 1, "price_changes": 9, "weeks": 104}
    around = pd.DataFrame({"offset_days": [-1, 0, 1], "ratio": [1.25, 0.5, 1.0]})
    return {
        "scenario_series": keys.assign(**ranges, **dict(zip(RESPONSE_COLUMNS, response.T, strict=True))),
        "department_elasticities": departments.assign(elasticity_error=0.1, **bounds, item_spread=0.3, **counts),
        "scenario_flags": keys.assign(regressor="promotion", ratio=1.5, planned="1" + "0" * (horizon_days - 1)),
        "scenario_events": series[["store_id", "department_id"]]
        .drop_duplicates()
        .merge(pd.DataFrame({"event_name": list(EVENTS), "days_seen": list(EVENTS.values())}), how="cross")
        .merge(around, how="cross"),
    }
