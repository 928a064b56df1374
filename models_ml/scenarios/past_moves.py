"""Do price responses point the right way? The published price moves of a department, against each method's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from models_ml.scenarios.elasticity import LEAST_MOVE

FEWEST_DAYS = 7
"""Days on sale at each of the two prices of a move."""
MOST_CHANCE = 0.05
"""A method is relied on where guessing the direction would do as well less often than this."""


@dataclass(frozen=True)
class Direction:
    """How often a method named the direction in which units moved.

    Attributes:
        moves: that it answers for.
        right: of them.
        relied_on: whether that is more than guessing does (binomial test, one-sided, `MOST_CHANCE`).
    """

    moves: int
    right: int
    relied_on: bool

    @classmethod
    def of(cls, said: np.ndarray, came: np.ndarray) -> Direction:
        """Compare changes: factors of units that a method says (NaN: nothing) with those that came."""
        known = np.isfinite(said) & np.isfinite(came) & (np.abs(said - 1) > 1e-9) & (came != 1)
        right = int(((said > 1) == (came > 1))[known].sum())
        moves = int(known.sum())
        chance = stats.binomtest(right, moves, alternative="greater").pvalue if moves else 1.0
        return cls(moves, right, chance < MOST_CHANCE)


def price_moves(sales: pd.DataFrame, control: Mapping[str, pd.Series], step_days: int = 1) -> pd.DataFrame:
    """Moves of each series away from the price that it had on most days.

    Args:
        sales: columns store_id, item_id, date, units, price, of series that had several prices.
        control: by store, units by date of the department's other items; a move is measured against them.
        step_days: days of each row.

    Returns:
        One row a move: store_id, item_id, usual (price), price, came (units at the price over those at the usual
        price, relative to the control).
    """
    needed = max(1, FEWEST_DAYS // step_days)
    rows = []
    for (store, item), own in sales.dropna(subset=["price"]).groupby(["store_id", "item_id"], sort=True):
        counts = own["price"].value_counts()
        usual = counts.index[0]
        at_usual = own[own["price"] == usual]
        for price, count in counts.items():
            if count < needed or counts.iloc[0] < needed or abs(price / usual - 1) < LEAST_MOVE:
                continue
            at_price = own[own["price"] == price]
            whole = control[str(store)]
            before, after = (part["units"].mean() / whole.reindex(part["date"]).mean() for part in (at_usual, at_price))
            if before > 0 and np.isfinite(after):
                rows.append((store, item, usual, price, after / before))
    figures = dict.fromkeys(("usual", "price", "came"), float)
    return pd.DataFrame(rows, columns=["store_id", "item_id", *figures]).astype(figures)
