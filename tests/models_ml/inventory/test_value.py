"""The value backtest on marts: nothing known too early, sums that agree, foresight as the bound."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models_ml.errors import InputError
from models_ml.inventory import value
from models_ml.inventory.feeds import feed_of, kept_until_done
from models_ml.inventory.interval import days_to_replay
from models_ml.inventory.terms import checked_terms, read_terms, terms_of, with_supply
from models_ml.prediction_store.replenishment import checked_supply
from models_ml.settings import Settings
from models_ml.warehouse.marts import Marts
from tests.conftest import demand, demand_ok
from tests.models_ml.forecasters.conftest import HORIZON, ORIGIN, Twins

pytestmark = pytest.mark.dbt

METHODS = ("moving_average", "seasonal_naive")
FOLD = ORIGIN - timedelta(days=HORIZON)
LEVELS = (0.8, 0.95, 0.99)


def terms_for(series: pd.DataFrame) -> pd.DataFrame:
    row = {"lead_time_days": "3", "review_period_days": "7", "service_level": "0.95", "holding_cost": "0.25",
           "shortage_cost": "0.3"}  # fmt: skip
    return terms_of(series, checked_terms(pd.DataFrame([row]), "terms"))


@pytest.fixture(scope="module")
def results(twins: Twins) -> pd.DataFrame:
    warehouse = twins.marts(twins.true).warehouse
    return value.value_backtest(warehouse, [FOLD], METHODS, terms_for, horizon_days=HORIZON, service_levels=LEVELS)


def test_sums_agree_with_the_marts(results: pd.DataFrame, twins: Twins) -> None:
    marts = Marts(twins.marts(twins.true).warehouse, FOLD, HORIZON)
    later = Marts(marts.warehouse, ORIGIN, HORIZON)
    sold = later.daily(FOLD + timedelta(days=1), ORIGIN).sum()
    by_method = results.groupby(["method", "service_level"])[value.SUMS].sum()
    assert by_method["demand"].to_numpy() == pytest.approx(float(sold))
    np.testing.assert_allclose(by_method["sales"] + by_method["lost"], by_method["demand"])
    assert (by_method["holding"] > 0).all()


def test_more_service_costs_more_stock_and_loses_fewer_sales(results: pd.DataFrame) -> None:
    figures = value.figures(results).reset_index().set_index("service_level")
    for method in METHODS:
        own = figures[figures["method"] == method].sort_index()
        assert own["stock"].is_monotonic_increasing
        assert own["fill_rate"].is_monotonic_increasing


def supplied(results: pd.DataFrame, twins: Twins, **terms: str) -> pd.DataFrame:
    """The same backtest with goods supplied so; figures by method and service level."""
    rows = checked_supply(pd.DataFrame([terms]))
    warehouse = twins.marts(twins.true).warehouse
    played = value.value_backtest(
        warehouse, [FOLD], METHODS, lambda series: with_supply(terms_for(series), series, rows),
        horizon_days=HORIZON, service_levels=LEVELS,
    )  # fmt: skip
    assert len(played) == len(results)
    return played


def test_21_3_packs_minimums_and_delivery_days_change_what_is_held(results: pd.DataFrame, twins: Twins) -> None:
    """Supply that adds nothing changes nothing; packs raise stock; two deliveries a week lower it; milk spoils."""
    pd.testing.assert_frame_equal(supplied(results, twins, pack_size="1", lead_time_days="3"), results)
    plain, packs, twice = (
        value.figures(one)
        for one in (
            results,
            supplied(results, twins, pack_size="24", minimum_order="48"),
            supplied(results, twins, delivery_weekdays="mon thu"),
        )
    )
    assert (packs["stock"] > plain["stock"]).all()
    assert (twice["stock"] < plain["stock"]).all()
    spoilt = supplied(results, twins, shelf_life_days="8", pack_size="24")
    assert spoilt["wasted"].sum() > 0 == results["wasted"].sum()
    figures = value.figures(spoilt)
    assert figures["cost"].to_numpy() == pytest.approx(
        (figures["holding"] + figures["shortage"] + figures["waste"]).to_numpy()
    )
    np.testing.assert_allclose(spoilt["sales"] + spoilt["lost"], spoilt["demand"])


def test_foresight_is_the_bound(results: pd.DataFrame) -> None:
    figures = value.figures(results).reset_index()
    bound = figures[figures["method"] == value.FORESIGHT].iloc[0]
    others = figures[figures["method"] != value.FORESIGHT]
    assert bound["fill_rate"] == 1.0
    assert (others["cost"] > bound["cost"]).all()


def test_orders_know_nothing_of_what_comes_after_them(twins: Twins) -> None:
    """Sales after the origin are scrambled in one twin; what is ordered at the origin is the same."""
    feeds = []
    for home in (twins.true, twins.scrambled):
        warehouse = twins.marts(home).warehouse
        marts = Marts(warehouse, ORIGIN, HORIZON)
        feeds.append(feed_of(marts, "moving_average", marts.series, [10], days_to_replay(marts), seed=1, threads=1))
    one, other = feeds
    assert one.mean.tobytes() == other.mean.tobytes()
    assert one.spreads[10].dispersion.tobytes() == other.spreads[10].dispersion.tobytes()
    assert one.spreads[10].asked.tobytes() == other.spreads[10].asked.tobytes()


def test_a_stopped_backtest_goes_on_with_the_forecasts_that_it_has(
    results: pd.DataFrame, twins: Twins, tmp_path: Path
) -> None:
    warehouse, made = twins.marts(twins.true).warehouse, []

    def play(stop_at: int | None) -> pd.DataFrame:
        def on_step(step: str) -> None:
            made.append(step)
            if len(made) == stop_at:
                raise KeyboardInterrupt

        settings = Settings(home=tmp_path)
        with kept_until_done(settings, "data", [FOLD], pd.DataFrame({"term": [1]})) as keep:
            return value.value_backtest(
                warehouse, [FOLD], METHODS, terms_for, horizon_days=HORIZON, service_levels=LEVELS, keep=keep,
                on_step=on_step,
            )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        play(stop_at=6)
    pd.testing.assert_frame_equal(play(None), results)
    assert sorted(made) == sorted([*set(made), made[5]])  # what was being made is made again, and nothing else
    assert list((tmp_path / "value").iterdir()) == []


def test_stock_is_read_off_at_the_fill_rate_that_the_method_reaches() -> None:
    rows = [
        ("ours", 0.95, 97.0, 50.0), ("ours", 0.99, 99.0, 80.0),
        ("theirs", 0.8, 95.0, 60.0), ("theirs", 0.95, 99.0, 120.0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["method", "service_level", "sales", "stock"]).assign(fold=ORIGIN, demand=100.0)
    results = frame.reindex(columns=["fold", "method", "service_level", *value.SUMS], fill_value=1.0)
    told = value.stock_at_same_fill(results, "ours", 0.95)
    part = np.log(0.05 / 0.03) / np.log(0.05 / 0.01)
    rival = 60.0 * (120.0 / 60.0) ** part
    assert told["rival_stock"].tolist() == [pytest.approx(rival)]
    assert told["saving"].tolist() == [pytest.approx(1 - 50 / rival)]


def test_interval_over_folds_is_students() -> None:
    middle, low, high = value.interval_over_folds(pd.Series([0.1, 0.2, 0.3, np.nan]))
    assert middle == pytest.approx(0.2)
    assert high - middle == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-5)
    assert middle - low == pytest.approx(high - middle)


def test_terms_longer_than_the_forecast_are_refused(twins: Twins) -> None:
    def slow(series: pd.DataFrame) -> pd.DataFrame:
        return terms_for(series).assign(lead_time_days=40)

    warehouse = twins.marts(twins.true).warehouse
    with pytest.raises(InputError, match=r"has to last 47 days, .* longer than the forecast reaches"):
        value.value_backtest(warehouse, [FOLD], METHODS, slow, horizon_days=HORIZON)


def test_the_command_reads_the_seed_and_a_file_of_stock(twins: Twins) -> None:
    home = twins.true
    assert len(read_terms(twins.marts(home).warehouse)) >= 1
    stock, supply = home / "stock.csv", home / "supply.csv"
    supply.write_text("pack_size,delivery_weekdays\n6,mon thu\n")
    series = twins.marts(home).series
    stock.write_text(series.assign(units=20)[["store_id", "item_id", "units"]].to_csv(index=False))
    told = demand_ok(
        "value", "--folds", str(FOLD), "--models", "moving_average,seasonal_naive", "--on-hand", str(stock),
        "--supply", str(supply), home=home,
    )  # fmt: skip
    assert "perfect_foresight" in told
    assert "Demand is what was sold" in told
    assert (home / "reports" / "value.csv").exists()
    stock.write_text("store_id,item_id\n")
    wrong = demand("value", "--folds", str(FOLD), "--on-hand", str(stock), home=home)
    assert (wrong.returncode, wrong.stderr.count("Traceback")) == (2, 0)
    assert "the column units is missing" in wrong.stderr
