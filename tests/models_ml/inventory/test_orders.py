"""Order proposals against a walk through the days of each item, and what holds of any proposal."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from models_ml.inventory.deliveries import next_deliveries
from models_ml.inventory.orders import Arrivals, propose

EPOCH = date(1970, 1, 1)
FIRST = date(2016, 5, 23)
DAYS = 28


def cases(count: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, list[list[tuple[int, float]]]]:
    """Random items of every kind, their forecast, and what is under way to each (day after FIRST, units)."""
    rng = np.random.default_rng(seed)
    daily = rng.gamma(0.7, rng.choice([0.2, 2.0, 9.0], size=(count, 1)), size=(count, DAYS))
    daily[rng.random(count) < 0.05] = 0.0
    lead, review = rng.integers(0, 8, count), rng.integers(1, 8, count)
    protection = (lead + review).tolist()
    known = np.array([row[:days].sum() for row, days in zip(daily, protection, strict=True)]) * rng.uniform(
        0.7, 1.3, count
    )
    dispersion = rng.uniform(0.05, 2.0, count)
    service = rng.choice([0.8, 0.9, 0.95, 0.99], count)
    level, short = np.zeros(count), np.zeros(count)
    for row in range(count):
        if known[row] > 0:
            demand = nbinom(known[row], dispersion[row])
            level[row] = demand.ppf(np.clip(service[row] + rng.uniform(-0.1, 0.009), 0.01, 0.9999))
            short[row] = shortage(demand, level[row])
    items = pd.DataFrame(
        {
            "first_day": (FIRST - EPOCH).days,
            "start": (FIRST - EPOCH).days + rng.choice([0, 0, 0, 2], count),
            "on_hand": np.floor(rng.uniform(0, 1.6, count) * (level + 2)),
            "price": np.where(rng.random(count) < 0.1, np.nan, rng.uniform(1, 9, count)),
            "lead_time_days": lead,
            "review_period_days": review,
            "order_weekdays": rng.choice([0, 0, 1, 0b0010010, 127], count),
            "delivery_weekdays": rng.choice([0, 0, 0b0100000, 0b0001001], count),
            "pack_size": rng.choice([1, 1, 6, 12], count),
            "minimum_order": rng.choice([0, 0, 10], count),
            "shelf_life_days": rng.choice([np.nan, np.nan, 2, 5], count),
            "service_level": np.where(rng.random(count) < 0.3, 0.97, service),
            "policy_service_level": service,
            "policy_expected_demand": known,
            "policy_expected_short": short,
            "policy_order_up_to": level,
        }
    )
    under_way = [
        [(int(rng.integers(-2, 12)), float(rng.integers(1, 9))) for _ in range(rng.integers(0, 3))]
        for _ in range(count)
    ]
    return items, daily, under_way


def nbinom(mean: float, dispersion: float) -> Any:
    return stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))


def shortage(demand: Any, level: float) -> float:
    """Units expected beyond a level, summed over what demand may be."""
    units = np.arange(level + 1, level + 1500)
    return float(((units - level) * demand.pmf(units)).sum())


def proposed(items: pd.DataFrame, daily: np.ndarray, under_way: list[list[tuple[int, float]]]) -> pd.DataFrame:
    flat = [(row, (FIRST - EPOCH).days + day, units) for row, own in enumerate(under_way) for day, units in own]
    row, day, units = (np.array(column) for column in zip(*flat, strict=True)) if flat else (np.empty(0),) * 3
    return propose(items, daily, Arrivals(row.astype(int), day.astype(int), units.astype(float)))


def on_weekday(day: date, bits: int) -> bool:
    return bits == 0 or bool(bits >> day.weekday() & 1)


def walked(item: Any, daily: np.ndarray, under_way: list[tuple[int, float]], target: float) -> dict[str, Any]:
    """One item, day by day; `target` is taken as given."""
    start = EPOCH + timedelta(days=int(item.start))

    def first(day: date, bits: int) -> date:
        while not on_weekday(day, bits):
            day += timedelta(days=1)
        return day

    lead = timedelta(days=int(item.lead_time_days))
    order_day = first(start, item.order_weekdays)
    delivery = first(order_day + lead, item.delivery_weekdays)
    after = order_day
    while True:  # the first later order that comes with a later delivery
        if item.order_weekdays == 0 and item.delivery_weekdays == 0:
            after += timedelta(days=int(item.review_period_days))
        else:
            after = first(after + timedelta(days=1), item.order_weekdays)
        following = first(after + lead, item.delivery_weekdays)
        if following > delivery:
            break
    demand_of = {FIRST + timedelta(days=n): float(units) for n, units in enumerate(daily)}
    if following - timedelta(days=1) > max(demand_of):
        return {}
    arrivals = [(max(FIRST + timedelta(days=day), start), units) for day, units in under_way]
    expected = sum(units for day, units in demand_of.items() if start <= day < following)
    coming = sum(units for day, units in arrivals if day < following)
    order, lots = 0.0, 0
    while target - item.on_hand - coming > order + 1e-9 or 0 < order < item.minimum_order:
        order += item.pack_size
        lots += 1
    wanted = order
    if not math.isnan(item.shelf_life_days):
        end = delivery + timedelta(days=int(item.shelf_life_days))
        mean = sum(demand_of.values()) / DAYS
        day, sold = start, 0.0
        while day < end:
            sold += demand_of.get(day, mean)
            day += timedelta(days=1)
        while order - item.pack_size >= item.minimum_order and order > item.pack_size:
            if item.on_hand + coming + order <= sold + 1e-9:
                break
            order -= item.pack_size
    left, out = item.on_hand, math.nan
    for day in sorted(demand_of):
        if day < start or not math.isnan(out):
            continue
        left += sum(units for arrives, units in arrivals if arrives == day)
        if demand_of[day] > left + 1e-9:
            out = (day - start).days + left / demand_of[day]
        left -= demand_of[day]
    return {
        "order_date": order_day,
        "delivery_date": delivery,
        "next_delivery_date": following,
        "expected_demand": expected,
        "on_order": coming,
        "order_units": order,
        "shelf_life_limits": float(order < wanted),
        "days_until_stockout": out,
        "order_value": order * item.price,
        "lead_demand": sum(units for day, units in demand_of.items() if start <= day < delivery),
        "before_delivery": item.on_hand + sum(units for day, units in arrivals if day < delivery),
    }


def test_21_2_every_proposal_is_that_of_a_walk_through_the_days() -> None:
    items, daily, under_way = cases(600)
    found = proposed(items, daily, under_way)
    reached = 0
    for (row, item), figures in zip(enumerate(items.itertuples()), found.itertuples(), strict=True):
        own = walked(item, daily[row], under_way[row], figures.stock_target)
        if not own:
            assert np.isnan(figures.order_units)
            continue
        reached += 1
        for name in ("order_date", "delivery_date", "next_delivery_date"):
            assert EPOCH + timedelta(days=int(getattr(figures, name))) == own[name], (row, name)
        for name in ("expected_demand", "on_order", "order_units", "shelf_life_limits", "days_until_stockout",
                     "order_value"):  # fmt: skip
            assert getattr(figures, name) == pytest.approx(own[name], abs=1e-6, nan_ok=True), (row, name)
    assert reached > 400


def test_21_2_the_expected_shortage_is_the_sum_over_what_demand_may_be() -> None:
    items, daily, under_way = cases(90, seed=1)
    found = proposed(items, daily, under_way)
    rng, checked = np.random.default_rng(5), 0
    for (row, item), figures in zip(enumerate(items.itertuples()), found.itertuples(), strict=True):
        own = walked(item, daily[row], under_way[row], figures.stock_target)
        if not own or own["lead_demand"] == 0 or item.policy_order_up_to < 1 or item.policy_expected_short < 1e-3:
            continue
        # the dispersion that the policy's own shortage tells, found by bisection on the sum
        low, high = 1e-4, 20.0
        for _ in range(35):
            middle = math.sqrt(low * high)
            more = shortage(nbinom(item.policy_expected_demand, middle), item.policy_order_up_to)
            low, high = (low, middle) if more > item.policy_expected_short else (middle, high)
        demand = nbinom(own["lead_demand"], low)
        stock = math.floor(own["before_delivery"])
        assert figures.expected_short == pytest.approx(shortage(demand, stock), rel=1e-3, abs=1e-4), row
        if checked < 8:
            drawn = demand.rvs(size=40_000, random_state=rng)
            assert np.maximum(drawn - stock, 0).mean() == pytest.approx(figures.expected_short, rel=0.25, abs=0.05)
        checked += 1
    assert checked > 20


def test_21_2_the_target_lasts_as_often_as_the_service_level_asks() -> None:
    """Demand drawn from the distribution stays below the target as often as asked, and not below one unit less."""
    mean, dispersion = np.array([0.8, 5.0, 30.0]), np.array([0.5, 0.3, 0.2])
    for service in (0.8, 0.95, 0.99):
        demand = [nbinom(*one) for one in zip(mean, dispersion, strict=True)]
        level = np.array([one.ppf(service) for one in demand])
        items = cases(3)[0].assign(
            start=(FIRST - EPOCH).days, on_hand=0.0, lead_time_days=3, review_period_days=4, order_weekdays=0,
            delivery_weekdays=0, service_level=service, policy_service_level=service, policy_expected_demand=mean,
            policy_order_up_to=level,
            policy_expected_short=[shortage(*one) for one in zip(demand, level, strict=True)],
        )  # fmt: skip
        for factor in (0.6, 1.0, 1.7):
            daily = np.repeat(mean[:, None] * factor / 7, DAYS, axis=1)
            target = proposed(items, daily, [[], [], []])["stock_target"].to_numpy()
            scaled = [nbinom(one * factor, spread) for one, spread in zip(mean, dispersion, strict=True)]
            reached = np.array([one.cdf(units) for one, units in zip(scaled, target, strict=True)])
            below = np.array([one.cdf(units - 2) for one, units in zip(scaled, target, strict=True)])
            assert (reached >= service - 0.02).all(), (service, factor, reached)
            assert (below < service).all(), (service, factor, below)


@pytest.mark.parametrize("column", ["on_hand", "service_level", "lead_time_days", "forecast", "arrivals", "minimum"])
def test_21_2_what_holds_of_any_proposal(column: str) -> None:
    items, daily, under_way = cases(800, seed=2)
    plain = proposed(items, daily, under_way)
    known = plain["order_units"].notna()
    lot = np.ceil(np.maximum(items["minimum_order"], items["pack_size"]) / items["pack_size"]) * items["pack_size"]
    order = plain["order_units"]
    assert (order[known] % items["pack_size"][known] == 0).all()
    assert ((order == 0) | (order >= lot))[known].all()
    assert ((order > 0) == (plain["needed_units"] > 0))[known].all()
    if column == "on_hand":
        more = proposed(items.assign(on_hand=items["on_hand"] + 3), daily, under_way)
        assert (more["order_units"][known] <= order[known]).all()
        assert (more["expected_short"][known] <= plain["expected_short"][known] + 1e-9).all()
        later = more["days_until_stockout"].fillna(np.inf) >= plain["days_until_stockout"].fillna(np.inf)
        assert later[known].all()
    elif column == "service_level":
        surer = proposed(items.assign(service_level=0.998), daily, under_way)
        assert (surer["stock_target"][known] >= plain["stock_target"][known]).all()
        assert (surer["order_units"][known] >= order[known]).all()
    elif column == "lead_time_days":
        alone: list[list[tuple[int, float]]] = [[] for _ in under_way]
        shorter = proposed(items, daily, alone)
        longer = proposed(items.assign(lead_time_days=items["lead_time_days"] + 2), daily, alone)
        both = known & longer["order_units"].notna()
        assert (longer["expected_short"][both] >= shorter["expected_short"][both] - 1e-9).all()
        assert (longer["delivery_date"][both] >= shorter["delivery_date"][both]).all()
    elif column == "forecast":
        more = proposed(items.assign(shelf_life_days=np.nan), daily * 1.5, under_way)
        less = proposed(items.assign(shelf_life_days=np.nan), daily, under_way)
        assert (more["order_units"][known] >= less["order_units"][known]).all()
    elif column == "arrivals":
        more = proposed(items, daily, [[*own, (1, 5.0)] for own in under_way])
        assert (more["order_units"][known] <= order[known]).all()
    else:
        least = proposed(items.assign(minimum_order=items["minimum_order"] + 7), daily, under_way)
        assert (least["order_units"][known] >= order[known]).all()


def test_21_2_an_order_that_would_come_with_the_same_delivery_waits() -> None:
    """Orders on any weekday, deliveries on Saturdays: the next order is one of next week."""
    monday = np.array([(FIRST - EPOCH).days])
    one = next_deliveries(monday, np.array([2]), np.array([7]), np.array([127]), np.array([0b0100000]))
    days = [EPOCH + timedelta(days=int(day[0])) for day in (one.order, one.delivery, one.next_delivery)]
    assert days == [date(2016, 5, 23), date(2016, 5, 28), date(2016, 6, 4)]
