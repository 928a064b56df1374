"""Elasticities that were planted are found again, with intervals that cover them as often as they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models_ml.scenarios.elasticity import Elasticities, Panel, estimate, price_changes

NO_CONTROLS = np.zeros((0, 0, 0))


def simulated(
    seed: int,
    *,
    elasticity: float = -1.5,
    spread: float = 0.0,
    items: int = 60,
    stores: int = 2,
    weeks: int = 104,
    moving: float = 1.0,
    promotion: float = 0.0,
) -> tuple[Panel, np.ndarray]:
    """Overdispersed sales with seasons that prices follow: what a regression without week effects gets wrong."""
    random = np.random.default_rng(seed)
    planted = elasticity + spread * random.standard_normal(items)
    item, group = np.tile(np.arange(items), stores), np.repeat(np.arange(stores), items)
    season = 0.5 * np.sin(np.arange(weeks) / 8)[None, :] + random.normal(0, 0.1, (stores, weeks))
    cut = random.random((len(item), weeks // 4)).repeat(4, axis=1) < 0.25 + 0.1 * np.sign(season[group])
    flag = (random.random((len(item), weeks)) < 0.3) & cut if promotion else np.zeros_like(cut)
    log_price = np.log(random.uniform(1, 9, len(item)))[:, None] - 0.25 * cut * (item < moving * items)[:, None]
    level = np.exp(random.normal(1.0, 1.0, len(item)))[:, None]
    own = random.gamma(8, 1 / 8, (len(item), weeks))
    mean = level * np.exp(season[group] + planted[item][:, None] * (log_price - log_price[:, :1]) + promotion * flag)
    units = random.poisson(mean * own).astype(float)
    controls = flag[None].astype(float) if promotion else np.zeros((0, *units.shape))
    return Panel(units, log_price, controls, group, item), planted


def covers(found: Elasticities, value: float) -> bool:
    return bool(found.department.low[0] <= value <= found.department.high[0])


def test_it_is_the_regression_that_statsmodels_fits_with_a_dummy_for_every_effect() -> None:
    import statsmodels.api as sm

    panel, _ = simulated(1, items=6, stores=2, weeks=16)
    frame = pd.DataFrame(
        {
            "units": panel.units.ravel(),
            "price": panel.log_price.ravel(),
            "series": np.repeat(np.arange(12), 16),
            "week": (panel.group[:, None] * 16 + np.arange(16)).ravel(),
            "item": np.repeat(panel.item, 16),
        }
    )
    dummies = pd.get_dummies(frame[["series", "week"]].astype(str), dtype=float)
    keep = np.linalg.qr(dummies.to_numpy())[1]
    independent = np.abs(np.diag(keep)) > 1e-8
    exogenous = np.column_stack([frame["price"], dummies.to_numpy()[:, independent]])
    fitted = sm.GLM(frame["units"], exogenous, family=sm.families.Poisson()).fit(tol=1e-12)
    assert estimate(panel).department.value[0] == pytest.approx(fitted.params["x1"], abs=1e-4)


def test_its_error_is_that_of_leaving_out_one_item_after_the_other() -> None:
    panel, _ = simulated(7, items=30, spread=0.5)
    whole = estimate(panel).department
    left = []
    for item in range(30):
        kept = panel.item != item
        part = Panel(
            panel.units[kept], panel.log_price[kept], panel.controls[:, kept], panel.group[kept], panel.item[kept]
        )
        left.append(estimate(part).department.value[0])
    jackknife = np.sqrt(29 / 30 * ((np.array(left) - whole.value[0]) ** 2).sum())
    assert whole.error[0] == pytest.approx(jackknife, rel=0.15)


def test_a_planted_elasticity_is_found_where_prices_follow_the_season() -> None:
    panel, _ = simulated(2, items=200)
    found = estimate(panel)
    assert found.department.value[0] == pytest.approx(-1.5, abs=0.1)
    without_weeks = np.polyfit(panel.log_price.ravel(), np.log1p(panel.units).ravel(), 1)[0]
    assert abs(without_weeks + 1.5) > 0.3
    assert found.clusters == 200


def test_intervals_cover_what_was_planted_as_often_as_they_say() -> None:
    department, items = [], []
    for seed in range(60):
        panel, planted = simulated(100 + seed, items=40, weeks=76, spread=0.5)
        found = estimate(panel)
        department.append(covers(found, -1.5))
        items.append(((found.items.low <= planted) & (planted <= found.items.high)).mean())
    # 60 draws of a 95 % chance: fewer than 51 have a chance under 1 in 1,000
    assert sum(department) >= 51
    assert 0.92 <= np.mean(items) <= 0.98


def test_items_without_moves_take_their_departments_and_are_less_sure() -> None:
    panel, planted = simulated(3, items=80, moving=0.5, spread=0.6)
    found = estimate(panel)
    still = np.arange(80) >= 40
    assert not found.own[still].any()
    assert found.own[~still].all()
    assert (found.changes[still] == 0).all()
    assert np.unique(found.items.value[still]).size == 1
    assert found.items.value[still][0] == pytest.approx(found.department.value[0], abs=0.15)
    assert found.items.error[still].min() > found.items.error[~still].max()
    assert found.spread == pytest.approx(0.6, abs=0.2)
    error = np.abs(found.items.value[~still] - planted[~still]).mean()
    assert error < 0.7 * np.abs(found.department.value[0] - planted[~still]).mean()


def test_a_promotion_that_comes_with_a_lower_price_is_not_taken_for_the_price() -> None:
    panel, _ = simulated(4, items=120, promotion=0.7)
    assert estimate(panel).department.value[0] == pytest.approx(-1.5, abs=0.15)
    blind = Panel(panel.units, panel.log_price, np.zeros((0, *panel.units.shape)), panel.group, panel.item)
    assert estimate(blind).department.value[0] < -1.9


def test_weeks_that_do_not_count_do_not_count() -> None:
    panel, _ = simulated(5, items=30)
    later = panel.log_price.copy()
    later[::3, :40] = np.nan
    wild = np.where(np.isnan(later), 1e6, panel.units)
    kept = estimate(Panel(panel.units, later, panel.controls, panel.group, panel.item))
    scrambled = estimate(Panel(wild, later, panel.controls, panel.group, panel.item))
    assert kept.department.value[0] == scrambled.department.value[0]
    np.testing.assert_array_equal(kept.items.value, scrambled.items.value)


@pytest.mark.parametrize("odd", ["no move", "no sales", "no price", "one item"])
def test_where_nothing_can_be_learned_nothing_is_said(odd: str) -> None:
    panel, _ = simulated(6, items=1 if odd == "one item" else 5, stores=1)
    units = np.zeros_like(panel.units) if odd == "no sales" else panel.units
    price = {"no move": np.zeros_like(units), "no price": np.full_like(units, np.nan)}.get(odd, panel.log_price)
    found = estimate(Panel(units, price, panel.controls, panel.group, panel.item))
    assert np.isnan(found.department.value).all()
    assert np.isnan(found.items.value).all()
    assert not found.own.any()


def test_a_price_that_only_moves_with_its_promotion_is_not_told_apart_from_it() -> None:
    panel, _ = simulated(8, items=20)
    cut = panel.log_price < panel.log_price.max(axis=1, keepdims=True) - 1e-9
    found = estimate(Panel(panel.units, panel.log_price, cut[None].astype(float), panel.group, panel.item))
    assert np.isnan(found.department.value).all()


def test_a_price_that_moves_with_all_of_its_department_is_not_told_apart_from_the_week() -> None:
    panel, _ = simulated(9, items=20, stores=1)
    together = np.tile(panel.log_price[:1] - panel.log_price[:1, :1], (20, 1))
    assert np.isnan(estimate(Panel(panel.units, together, panel.controls, panel.group, panel.item)).items.value).all()


def test_changes_are_counted_over_gaps() -> None:
    prices = np.log([[1.0, 1.0, np.nan, 2.0, 2.0], [3.0, 3.001, 3.0, 3.0, np.nan]])
    assert price_changes(prices).tolist() == [1, 0]
