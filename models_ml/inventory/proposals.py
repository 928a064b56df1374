"""Order proposals of what is served: stock, supply and final forecasts read from the prediction store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, and_, select

from models_ml.inventory.orders import FIGURES, Arrivals, propose
from models_ml.inventory.terms import most_specific
from models_ml.prediction_store.finals import SeriesBelow, apply_effects
from models_ml.prediction_store.override_effects import SELECT_EFFECTS, SERIES_ATTRIBUTES, effects_by_run, means_of
from models_ml.prediction_store.replenishment import SUPPLY_TERMS, read_supply
from models_ml.prediction_store.schema import (
    active_runs,
    inventory_policy,
    model_runs,
    order_decisions,
    override_effects,
    run_series,
    stock,
    stock_arrivals,
)

EPOCH = np.datetime64("1970-01-01", "D")
KEYS = ["store_id", "item_id"]
COLUMNS = (
    "store_id", "item_id", "department_id", "category_id", "supplier_id", "order_units", "order_date", "delivery_date",
    "run_id", "days_until_stockout", "stockout_date", "expected_short", "order_value", "price", "as_of_date", "on_hand",
    "on_order", "accepted_units", "lead_time_days", "service_level", "next_delivery_date", "expected_demand",
    "safety_stock", "stock_target", "needed_units", "pack_size", "minimum_order", "shelf_life_days",
    "shelf_life_limits", "decision", "decided_units", "decided_by", "why",
)  # fmt: skip
"""Of a proposal, in the order of a file."""

_TEXTS = (
    "store_id",
    "item_id",
    "department_id",
    "category_id",
    "supplier_id",
    "run_id",
    "decision",
    "decided_by",
    "why",
)
_DATES = ("order_date", "delivery_date", "next_delivery_date", "stockout_date", "as_of_date")
_WHOLE = ("order_units", "needed_units", "stock_target", "lead_time_days", "pack_size", "minimum_order",
          "shelf_life_days", "decided_units", "accepted_units")  # fmt: skip


def _type_of(name: str) -> pa.DataType:
    if name in _TEXTS:
        return pa.string()
    if name in _DATES:
        return pa.date32()
    return pa.bool_() if name == "shelf_life_limits" else pa.int64() if name in _WHOLE else pa.float64()


ARROW_SCHEMA = pa.schema([pa.field(name, _type_of(name)) for name in COLUMNS])
SORTS = {"stockout": ["days_until_stockout"], "value": ["order_value"], "name": []}


@dataclass(frozen=True)
class OrderQuestion:
    """Which proposals; `lead_time_days` and `service_level` take the place of what is stored."""

    store_id: str | None = None
    supplier_id: str | None = None
    department_id: str | None = None
    lead_time_days: int | None = None
    service_level: float | None = None
    only_to_order: bool = False
    sort: str = "stockout"


@dataclass(frozen=True)
class Proposals:
    """Proposals, sorted, and how many items have none.

    Attributes:
        rows: `COLUMNS`; days as numpy days, whole numbers as floats (NaN: none).
        without_stock: items whose stock is not known.
        beyond_forecast: items whose lead time and review period are longer than the forecast reaches.
    """

    rows: pd.DataFrame
    without_stock: int
    beyond_forecast: int

    def table(self) -> pa.Table:
        """The rows as Arrow, `ARROW_SCHEMA`; what is not known is null."""
        return as_table(self.rows)


def as_table(rows: pd.DataFrame) -> pa.Table:
    """Proposals as Arrow."""
    columns = []
    for field in ARROW_SCHEMA:
        values = rows[field.name]
        if pa.types.is_date32(field.type):
            array = pa.array(values.to_numpy(dtype="datetime64[D]"), pa.date32())
        elif pa.types.is_string(field.type):
            array = pa.array(values.astype(object), pa.string(), from_pandas=True)
        else:
            array = pa.array(values.to_numpy(dtype=np.float64), from_pandas=True).cast(field.type)
        columns.append(array)
    return pa.Table.from_arrays(columns, schema=ARROW_SCHEMA)


def read_proposals(connection: Connection, asked: OrderQuestion) -> Proposals:
    """Proposals for the stores as they are served, after overrides, decisions included."""
    items = _read_items(connection, asked)
    known = items["on_hand"].notna()
    without_stock = int((~known).sum())
    with_policy = items["policy_order_up_to"].notna()
    items = items[known & with_policy].reset_index(drop=True)
    decided = _read_decisions(connection, asked)
    arrivals = _read_arrivals(connection, asked)
    parts = [_of_run(connection, own.reset_index(drop=True), arrivals, decided) for _, own in items.groupby("run_id")]
    rows = pd.concat(parts, ignore_index=True) if parts else items.reindex(columns=[*items.columns, *FIGURES])
    reached = rows["order_date"].notna()
    rows = rows[reached]
    rows = _with_decisions(rows, decided)
    if asked.only_to_order:
        rows = rows[rows["order_units"] > 0]
    by = SORTS[asked.sort]
    rows = rows.sort_values([*by, *KEYS], ascending=[*(asked.sort == "stockout" for _ in by), True, True])
    rows = rows.assign(why=_reasons(rows)).reset_index(drop=True)
    beyond = int((known & ~with_policy).sum()) + int((~reached).sum())
    return Proposals(rows[list(COLUMNS)], without_stock, beyond)


def _places(table: Any, asked: OrderQuestion) -> list[ColumnElement[bool]]:
    return [] if asked.store_id is None else [table.c.store_id == asked.store_id]


def _read_items(connection: Connection, asked: OrderQuestion) -> pd.DataFrame:
    """Served series with run, policy, stock and supply; NaN where there is none."""
    policy = {
        "policy_lead_time_days": inventory_policy.c.lead_time_days,
        "review_period_days": inventory_policy.c.review_period_days,
        "policy_service_level": inventory_policy.c.service_level,
        "policy_expected_demand": inventory_policy.c.expected_demand,
        "policy_expected_short": inventory_policy.c.expected_short,
        "policy_order_up_to": inventory_policy.c.order_up_to,
    }
    columns = [
        *(run_series.c[name] for name in ("run_id", *SERIES_ATTRIBUTES, "price")),
        *(column.label(name) for name, column in policy.items()),
        stock.c.as_of_date,
        stock.c.on_hand,
    ]
    tables = run_series.join(
        active_runs,
        and_(run_series.c.run_id == active_runs.c.run_id, run_series.c.store_id == active_runs.c.store_id),
    )
    of_policy = [inventory_policy.c[key] == run_series.c[key] for key in ("run_id", *KEYS)]
    tables = tables.outerjoin(inventory_policy, and_(*of_policy))
    tables = tables.outerjoin(stock, and_(*(stock.c[key] == run_series.c[key] for key in KEYS)))
    query = select(*columns).select_from(tables).where(*_places(run_series, asked))
    if asked.department_id is not None:
        query = query.where(run_series.c.department_id == asked.department_id)
    rows = connection.execute(query).all()
    items = pd.DataFrame(rows, columns=[column.name for column in columns])
    numbers = ["price", *policy, "on_hand"]
    items = items.astype(dict.fromkeys(numbers, float))
    items["as_of_date"] = items["as_of_date"].to_numpy(dtype="datetime64[D]")
    terms = most_specific(items, read_supply(connection), list(SUPPLY_TERMS))
    items = items.join(terms)
    if asked.supplier_id is not None:
        items = items[items["supplier_id"] == asked.supplier_id].reset_index(drop=True)
    lead = items["lead_time_days"].fillna(items["policy_lead_time_days"])
    items["lead_time_days"] = lead if asked.lead_time_days is None else float(asked.lead_time_days)
    items["service_level"] = items["policy_service_level"] if asked.service_level is None else asked.service_level
    return items.fillna({"pack_size": 1.0, "minimum_order": 0.0})


def _read_arrivals(connection: Connection, asked: OrderQuestion) -> pd.DataFrame:
    query = select(*(stock_arrivals.c[name] for name in (*KEYS, "arrival_date", "units")))
    rows = connection.execute(query.where(*_places(stock_arrivals, asked))).all()
    return pd.DataFrame(rows, columns=[*KEYS, "arrival_date", "units"]).astype({"units": float})


def _read_decisions(connection: Connection, asked: OrderQuestion) -> pd.DataFrame:
    """The last decision of each item and order date that its stock does not know of yet."""
    names = [*KEYS, "order_date", "delivery_date", "decision", "units", "author"]
    of_stock = and_(*(stock.c[key] == order_decisions.c[key] for key in KEYS))
    query = (
        select(*(order_decisions.c[name] for name in names))
        .join(stock, of_stock)
        .where(order_decisions.c.order_date > stock.c.as_of_date, *_places(stock, asked))
        .order_by(order_decisions.c.decision_id)
    )
    rows = pd.DataFrame(connection.execute(query).all(), columns=names).astype({"units": float})
    return rows.drop_duplicates([*KEYS, "order_date"], keep="last")


def _of_run(connection: Connection, items: pd.DataFrame, arrivals: pd.DataFrame, decided: pd.DataFrame) -> pd.DataFrame:
    """Items of one run with `FIGURES` and accepted_units."""
    run_id = str(items["run_id"].iloc[0])
    names = ("origin", "horizon_days", "step_days")
    run = connection.execute(select(*(model_runs.c[name] for name in names)).where(model_runs.c.run_id == run_id)).one()
    daily = _final_units(connection, items, run_id, run.origin, run.horizon_days, run.step_days)
    first = (run.origin - date(1970, 1, 1)).days + 1
    as_of = (items["as_of_date"].to_numpy().astype("datetime64[D]") - EPOCH).astype(int)
    accepted = decided[decided["units"] > 0].rename(columns={"delivery_date": "arrival_date"})
    expected = pd.concat([arrivals, accepted[[*KEYS, "arrival_date", "units"]]], ignore_index=True)
    row = pd.MultiIndex.from_frame(items[KEYS]).get_indexer(pd.MultiIndex.from_frame(expected[KEYS]))
    own = row >= 0
    day = (expected["arrival_date"].to_numpy(dtype="datetime64[D]") - EPOCH).astype(int)
    whole = ["lead_time_days", "review_period_days", "order_weekdays", "delivery_weekdays"]
    given = items.assign(first_day=first, start=np.maximum(as_of + 1, first))
    given[whole] = given[whole].fillna(0).astype(int)
    figures = propose(given, daily, Arrivals(row[own], day[own], expected["units"].to_numpy(dtype=float)[own]))
    for name in ("order_date", "delivery_date", "next_delivery_date", "stockout_date"):
        figures[name] = _days(figures[name].to_numpy())
    return items.join(figures)


def _days(numbers: np.ndarray) -> np.ndarray:
    """Days since 1970 as numpy days; NaN as NaT."""
    days = EPOCH + np.nan_to_num(numbers).astype("timedelta64[D]")
    return np.where(np.isnan(numbers), np.datetime64("NaT", "D"), days)


def _final_units(
    connection: Connection, items: pd.DataFrame, run_id: str, origin: date, horizon_days: int, step_days: int
) -> np.ndarray:
    """Final units of items x days; those of a week spread evenly over its days."""
    steps = [origin + timedelta(days=1 + day) for day in range(0, horizon_days, step_days)]
    series = {str(name): items[name].to_numpy(dtype=object) for name in ("run_id", *SERIES_ATTRIBUTES)}
    means = means_of(connection, series, steps)
    effects = effects_by_run(connection.execute(SELECT_EFFECTS.where(override_effects.c.run_id == run_id)).all())
    served = np.ones(len(items), dtype=bool)
    units, _ = apply_effects(effects.get(run_id, ()), SeriesBelow(series), means, steps, served)
    return np.repeat(np.nan_to_num(units) / step_days, step_days, axis=1)


def _with_decisions(rows: pd.DataFrame, decided: pd.DataFrame) -> pd.DataFrame:
    """Rows with the last decision about the proposal's order date, and units accepted for any date."""
    accepted = decided.groupby(KEYS, as_index=False).agg(accepted_units=("units", "sum"))
    last = decided.rename(columns={"units": "decided_units", "author": "decided_by"}).drop(columns="delivery_date")
    last = last.assign(order_date=last["order_date"].to_numpy(dtype="datetime64[s]"))
    rows = rows.assign(order_date=rows["order_date"].to_numpy(dtype="datetime64[s]"))
    rows = rows.merge(accepted, on=KEYS, how="left").merge(last, on=[*KEYS, "order_date"], how="left")
    return rows.fillna({"accepted_units": 0.0})


def _reasons(rows: pd.DataFrame) -> Sequence[str]:
    """Why each quantity is proposed, in one sentence."""
    days = pd.to_datetime(rows["next_delivery_date"].to_numpy()).strftime("%Y-%m-%d")
    names = ["expected_demand", "safety_stock", "on_hand", "on_order", "needed_units", "order_units", "pack_size",
             "minimum_order", "shelf_life_limits"]  # fmt: skip
    return [_reason(day, *values) for day, *values in zip(days, *(rows[name].tolist() for name in names), strict=True)]


def _reason(
    day: str, demand: float, safety: float, on_hand: float, on_order: float, needed: float, order: float, pack: float,
    minimum: float, limited: float,
) -> str:  # fmt: skip
    stocked = f"{demand:.1f} units expected before the delivery of {day} and {safety:.1f} of safety stock"
    held = f"{on_hand:g} on hand and {on_order:g} on order"
    if needed == 0:
        return f"{held} cover {stocked}."
    text = f"{stocked} need {needed:g} more than {held}"
    if limited:
        return f"{text}; limited to {order:g} by the shelf life."
    if order == needed:
        return f"{text}."
    packs = f" in packs of {pack:g}" if pack > 1 else ""
    least = f", at least {minimum:g}" if minimum > 0 and order - pack < minimum else ""
    return f"{text}; ordered{packs}{least}: {order:g}."
