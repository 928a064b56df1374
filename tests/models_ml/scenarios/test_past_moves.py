"""Moves and the share got right, on sales whose answer to prices is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models_ml.scenarios.past_moves import Direction, price_moves

DAYS = pd.date_range("2016-01-04", periods=56).date


def sales(elasticity: float, *, dear: float = 4.0, market: float = 1.0) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Four weeks at 2.00, four at another price, while everything else sells `market` times as much in the latter."""
    late = np.arange(56) >= 28
    price = np.where(late, dear, 2.0)
    units = 10 * (price / 2.0) ** elasticity * np.where(late, market, 1.0)
    frame = pd.DataFrame({"store_id": "S", "item_id": "I", "date": DAYS, "units": units, "price": price})
    return frame, {"S": pd.Series(100 * np.where(late, market, 1.0), index=DAYS)}


@pytest.mark.parametrize("market", [0.5, 1.0, 3.0])
def test_21_08_a_move_is_measured_against_the_other_items(market: float) -> None:
    [move] = price_moves(*sales(-2.0, market=market)).to_dict("records")
    assert move["price"] / move["usual"] in (2.0, 0.5)
    assert move["came"] == pytest.approx((move["price"] / move["usual"]) ** -2.0)


def test_21_08_small_and_short_moves_do_not_count() -> None:
    assert price_moves(*sales(-2.0, dear=2.01)).empty
    frame, control = sales(-2.0)
    assert price_moves(frame.iloc[:34], control).empty


def test_21_08_a_method_is_relied_on_where_it_beats_guessing() -> None:
    came = np.where(np.arange(40) < 32, 0.8, 1.2)
    said = np.full(40, 0.9)
    assert Direction.of(said, came) == Direction(40, 32, relied_on=True)
    assert not Direction.of(said, np.where(np.arange(40) < 22, 0.8, 1.2)).relied_on
    assert Direction.of(np.full(3, np.nan), came[:3]) == Direction(0, 0, relied_on=False)
