"""What-ifs: the served forecast at other prices, with other flags and events, from what the run stored.

A scenario multiplies: it says by what factor prices, flags and events move a series' units on a day. The factor is of
the model's forecast, and is applied to the final, so that what a planner knows beyond the model is in both the
forecast as it is served and the scenario beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.queries.scenario_base import KEYS, Base, read_base
from api.schemas.scenarios import (
    ItemElasticity,
    LevelChange,
    PricePoint,
    ScenarioDay,
    TrustedRange,
    WhatIf,
    WhatIfOutcome,
    WhatIfRequest,
)
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, Hierarchy
from models_ml.hierarchy.steps import step_sums
from models_ml.prediction_store.grid import PRICE_STEPS
from models_ml.prediction_store.schema import (
    calendar_days,
    department_elasticities,
    node_forecasts,
    override_node_units,
    scenario_events,
    scenario_flags,
)
from models_ml.scenarios.what_if import PriceCurves, common_range, event_factors, flag_factors, is_monotone

SLACK = 1e-9
"""A bound of a range, as it was shown, is within it."""


def what_if(connection: Connection, active: Active, asked: WhatIfRequest) -> WhatIf:
    """The forecast as it is and as it would be.

    Raises:
        ApiError: those of `read_base`; `outside-history` for a price, an event or a flag that history does not
            have, with what it has; `invalid-request` for days outside the horizon.
    """
    base = read_base(connection, active, asked)
    end = base.run.origin + timedelta(days=base.run.horizon_days)
    first, last = asked.first_date or base.dates[0], asked.last_date or end
    if first > last or first < base.dates[0] or last > end:
        raise one_field("invalid-request", "first_date", f"give days from {base.dates[0]} to {end}, in order")
    inside = np.array([first <= day <= last for day in base.dates])
    if not inside.any():
        begins = f"{base.dates[0]:%A}"
        raise one_field("invalid-request", "first_date", f"no week begins from {first} to {last}; they do on {begins}s")
    weight = base.units[:, inside].sum(axis=1)
    trusted, relative = price_asked(base, asked, weight)
    other = other_factors(connection, base, asked, inside)
    curves = base.curves
    answers = {
        "elasticity": answered(weight, *curves.by_elasticity(relative)),
        "model": answered(weight, *[curves.by_model(relative)] * 3),
    }
    if relative == 1.0 and answers["elasticity"] is None:
        answers["elasticity"] = (np.ones(len(weight)),) * 3  # no price is asked for
    if answers[asked.method] is None:
        what = "its price did not move by itself" if asked.method == "elasticity" else "the run's model does not say"
        raise one_field("outside-history", "method", f"what prices do is not known: {what}")
    outcomes = {
        name: None if ratios is None else Outcome.of(base, inside, relative, other, ratios)
        for name, ratios in answers.items()
    }
    chosen = outcomes[asked.method]
    assert chosen is not None
    department = base.series["department_id"].iloc[0]
    planned = base.series["price"].to_numpy(dtype=np.float64)
    return WhatIf(
        run=base.run.reference,
        item_id=asked.item_id,
        store_id=asked.store_id,
        department_id=str(department),
        first_date=first,
        last_date=last,
        method=asked.method,
        price_ratio=relative,
        trusted=trusted,
        elasticity=elasticity_of(connection, base, asked, str(department)),
        model=WhatIfOutcome(**totals(base.model[:, inside], planned, 1.0)),
        base=WhatIfOutcome(**totals(base.units[:, inside], planned, 1.0)),
        overrides=base.overrides,
        by_elasticity=outcomes["elasticity"].answer if outcomes["elasticity"] else None,
        by_model=outcomes["model"].answer if outcomes["model"] else None,
        days=[
            ScenarioDay(
                date=day,
                model=float(base.model[:, number].sum()),
                base=float(base.units[:, number].sum()),
                scenario=float(chosen.units[0][:, number].sum()),
                low=float(chosen.units[1][:, number].sum()),
                high=float(chosen.units[2][:, number].sum()),
            )
            for number, day in enumerate(base.dates)
        ],
        events=event_names(connection, base.run),
        flags=flag_names(connection, base.run),
        curve=curve(curves, weight, trusted) if trusted is not None else [],
        model_is_monotone=is_monotone(curves.responses, weight),
        levels=levels(connection, base, inside, chosen.units[0]),
    )


def answered(weight: np.ndarray, *ratios: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """Ratios of units, 1 for series of which none is known; None where less than half of the units have one."""
    known = np.isfinite(ratios[0])
    if not known.any() or weight[known].sum() < weight.sum() / 2:
        return None
    return tuple(np.where(known, ratio, 1.0) for ratio in ratios)


@dataclass(frozen=True)
class Outcome:
    """Units of a scenario: the middle and both bounds, each series x target days; and their totals."""

    units: tuple[np.ndarray, np.ndarray, np.ndarray]
    answer: WhatIfOutcome

    @classmethod
    def of(
        cls, base: Base, inside: np.ndarray, relative: float, other: np.ndarray, ratios: Sequence[np.ndarray]
    ) -> Outcome:
        """Scale the base's days of the scenario."""
        middle, low, high = (base.units * other * np.where(inside[None, :], ratio[:, None], 1.0) for ratio in ratios)
        price = base.series["price"].to_numpy(dtype=np.float64)
        whole = totals(middle[:, inside], price, relative)
        bounds = {"low_units": float(low[:, inside].sum()), "high_units": float(high[:, inside].sum())}
        return cls((middle, low, high), WhatIfOutcome(**{**whole, **bounds}))


def totals(units: np.ndarray, price: np.ndarray, relative: float) -> dict[str, float | None]:
    """Units, and the revenue of those with a price; none where nothing has one."""
    sold, priced = units.sum(axis=1), np.isfinite(price)
    revenue = float((sold * price * relative)[priced].sum()) if priced.any() else None
    return {
        "units": float(sold.sum()),
        "revenue": revenue,
        "low_units": float(sold.sum()),
        "high_units": float(sold.sum()),
    }


def price_asked(base: Base, asked: WhatIfRequest, weight: np.ndarray) -> tuple[TrustedRange | None, float]:
    """The trusted range, and the price asked for over the planned one.

    Raises:
        ApiError: kind `outside-history`.
    """
    trusted = trusted_range(base, asked, weight)
    if asked.price is None and asked.price_change_percent is None:
        return trusted, 1.0
    if trusted is None:
        raise one_field("outside-history", "price", "no price was ever seen to move here, so none can be trusted")
    name = "price" if asked.price is not None else "price_change_percent"
    planned = trusted.price if trusted.price is not None else float("nan")
    relative = asked.price / planned if asked.price is not None else 1 + (asked.price_change_percent or 0.0) / 100
    if not trusted.lowest_ratio - SLACK <= relative <= trusted.highest_ratio + SLACK:
        span = f"{100 * (trusted.lowest_ratio - 1):+.1f} % to {100 * (trusted.highest_ratio - 1):+.1f} %"
        if trusted.lowest_price is not None:
            span += f" (a price from {trusted.lowest_price:.4g} to {trusted.highest_price:.4g})"
        raise one_field(
            "outside-history", name, f"history has seen {span} of the planned price, not {relative - 1:+.1%}"
        )
    return trusted, float(np.clip(relative, trusted.lowest_ratio, trusted.highest_ratio))


def trusted_range(base: Base, asked: WhatIfRequest, weight: np.ndarray) -> TrustedRange | None:
    """What the item has seen, or items that make half of a department's units; None without prices."""
    frame = base.series
    priced = frame["price"].notna().to_numpy()
    if not priced.any():
        return None
    low, high = (frame.loc[priced, name].to_numpy(dtype=np.float64) for name in ("lowest_ratio", "highest_ratio"))
    if asked.item_id is not None and len(low) == 1:
        lowest, highest, price = float(low[0]), float(high[0]), float(frame.loc[priced, "price"].iloc[0])
        return TrustedRange(
            lowest_ratio=lowest, highest_ratio=highest, price=price, lowest_price=lowest * price,
            highest_price=highest * price, seen_by=str(frame.loc[priced, "range_from"].iloc[0]), share_of_units=1.0,
        )  # fmt: skip
    lowest, highest = common_range(low, high, weight[priced])
    covered = weight[priced][(low <= lowest) & (high >= highest)].sum()
    return TrustedRange(
        lowest_ratio=lowest, highest_ratio=highest, price=None, lowest_price=None, highest_price=None,
        seen_by="department", share_of_units=float(covered / weight.sum()) if weight.sum() > 0 else 0.0,
    )  # fmt: skip


def elasticity_of(connection: Connection, base: Base, asked: WhatIfRequest, department: str) -> ItemElasticity | None:
    """The item's elasticity, or its department's; None where no price moved."""
    if asked.item_id is not None:
        row = base.series.iloc[0]
        if pd.isna(row["elasticity"]):
            return None
        return ItemElasticity(
            item_id=asked.item_id, elasticity=row["elasticity"], low=row["elasticity_low"],
            high=row["elasticity_high"], own_estimate=bool(row["own_estimate"]), price_changes=row["price_changes"],
        )  # fmt: skip
    found = connection.execute(
        select(department_elasticities).where(
            department_elasticities.c.run_id == base.run.run_id, department_elasticities.c.department_id == department
        )
    ).one_or_none()
    if found is None or found.elasticity is None:
        return None
    return ItemElasticity(
        item_id=None, elasticity=found.elasticity, low=found.elasticity_low, high=found.elasticity_high,
        own_estimate=True, price_changes=found.price_changes,
    )  # fmt: skip


def other_factors(connection: Connection, base: Base, asked: WhatIfRequest, inside: np.ndarray) -> np.ndarray:
    """What flags and events of the scenario multiply each series' days by.

    Raises:
        ApiError: kind `outside-history`.
    """
    factors = np.ones_like(base.units)
    for name, on in asked.flags.items():
        factors *= flag_of(connection, base, name, on, inside)
    for event in asked.events:
        factors *= event_of(connection, base, event.event_name, event.date, event.on)
    return factors


def event_names(connection: Connection, run: ActiveRun) -> list[str]:
    """Events of the history."""
    of_run = scenario_events.c.run_id == run.run_id
    return sorted(connection.execute(select(scenario_events.c.event_name).where(of_run).distinct()).scalars())


def flag_names(connection: Connection, run: ActiveRun) -> list[str]:
    """Declared 0/1 columns known in advance."""
    of_run = scenario_flags.c.run_id == run.run_id
    return sorted(connection.execute(select(scenario_flags.c.regressor).where(of_run).distinct()).scalars())


def flag_of(connection: Connection, base: Base, name: str, on: bool, inside: np.ndarray) -> np.ndarray:
    """Factors of one declared flag."""
    of_run = scenario_flags.c.run_id == base.run.run_id
    rows = connection.execute(select(scenario_flags).where(of_run, scenario_flags.c.regressor == name)).all()
    if not rows:
        names = flag_names(connection, base.run)
        raise one_field("outside-history", "flags", f"'{name}' is no 0/1 column known in advance", names)
    held = {(row.store_id, row.item_id): row for row in rows}
    found = [held.get(key) for key in base.series[KEYS].itertuples(index=False, name=None)]
    ratio = np.array([1.0 if row is None else row.ratio for row in found])
    plans = ["0" * len(inside) if row is None else row.planned for row in found]
    return flag_factors(ratio, plans, on, inside)


def event_of(connection: Connection, base: Base, name: str, day: date, on: bool) -> np.ndarray:
    """Factors of one event on one day."""
    of_run = scenario_events.c.run_id == base.run.run_id
    rows = connection.execute(select(scenario_events).where(of_run, scenario_events.c.event_name == name)).all()
    if not rows:
        raise one_field(
            "outside-history", "events", f"history has no event '{name}'", event_names(connection, base.run)
        )
    position, step = (day - base.dates[0]).days, base.run.step_days
    if not 0 <= position < base.run.horizon_days:
        end = base.run.origin + timedelta(days=base.run.horizon_days)
        raise one_field("invalid-request", "events", f"{day} is not from {base.dates[0]} to {end}")
    of_step = calendar_days.c.date == base.dates[position // step]
    planned = connection.execute(select(calendar_days.c.event_name).where(of_step)).scalar()
    if (planned == name) == on:
        state = "planned already" if on else f"not planned (planned: {planned or 'nothing'})"
        raise one_field("invalid-request", "events", f"{name} on {day} is {state}")
    offsets: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        offsets.setdefault((row.store_id, row.department_id), {})[row.offset_days] = row.ratio
    count = base.run.horizon_days
    # A week's factor is the mean of its days', which are even.
    node = {key: step_sums(event_factors(of, position, on, count), step) / step for key, of in offsets.items()}
    none = np.ones(len(base.dates))
    keys = base.series[["store_id", "department_id"]].itertuples(index=False, name=None)
    return np.stack([node.get(key, none) for key in keys])


def curve(curves: PriceCurves, weight: np.ndarray, trusted: TrustedRange) -> list[PricePoint]:
    """Units over those at the planned price at steps of the trusted range."""
    ends = (trusted.lowest_ratio, trusted.highest_ratio)
    steps = sorted({*ends, 1.0, *(step for step in PRICE_STEPS if ends[0] < step < ends[1])})

    def mean(ratio: np.ndarray) -> float | None:
        found = answered(weight, ratio)
        return float(np.average(found[0], weights=weight)) if found is not None and weight.sum() > 0 else None

    points = []
    for step in steps:
        elasticity, low, high = (mean(ratio) for ratio in curves.by_elasticity(step))
        model = mean(curves.by_model(step))
        points.append(PricePoint(price_ratio=step, elasticity=elasticity, low=low, high=high, model=model))
    return points


def levels(connection: Connection, base: Base, inside: np.ndarray, units: np.ndarray) -> list[LevelChange]:
    """Every node above the series of the scenario: what it is forecast after overrides, and what it would be."""
    hierarchy = Hierarchy.of(base.series, AGGREGATE_LEVELS)
    moved = hierarchy.aggregate((units - base.units)[:, inside]).sum(axis=1)
    days = [day for day, wanted in zip(base.dates, inside, strict=True) if wanted]
    nodes = hierarchy.nodes
    before = np.zeros(len(nodes))
    for table, figure in ((node_forecasts, "mean"), (override_node_units, "added_units")):
        rows = connection.execute(
            select(table.c.node_id, func.sum(table.c[figure]))
            .where(
                table.c.run_id == base.run.run_id,
                table.c.node_id.in_(nodes["node_id"].tolist()),
                table.c.target_date.between(days[0], days[-1]),
            )
            .group_by(table.c.node_id)
        ).tuples()
        held = dict(rows.all())
        before += [held.get(node, 0.0) for node in nodes["node_id"]]
    return [
        LevelChange(node_id=node, level=level, base=max(0.0, was), scenario=max(0.0, was + change))
        for node, level, was, change in zip(nodes["node_id"], nodes["level"], before, moved, strict=True)
    ]
