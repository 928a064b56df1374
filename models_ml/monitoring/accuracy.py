"""Accuracy of published runs in the weeks that have been sold since, against seasonal naive."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from models_ml.prediction_store.schema import model_runs, node_forecasts, run_nodes
from models_ml.settings import quantile_column
from models_ml.warehouse.connection import Warehouse

METRICS = ("wape", "wape_against_baseline", "bias", "coverage_95")

WATCHED_LEVELS = (1, 5)
"""The total and the departments."""

LOW, HIGH = quantile_column(0.025), quantile_column(0.975)


def published_forecasts(connection: Connection, last_day: date) -> pd.DataFrame:
    """Watched node forecasts of published runs, up to the last day of sales.

    Returns:
        Columns run_id, role, origin, step_days, published_at, scope (tuple of stores), node_id, department_id (None for
        the total), target_date, mean, and the ends of the 95 % range; dates are datetime64.
    """
    query = (
        select(
            model_runs.c.run_id,
            model_runs.c.role,
            model_runs.c.origin,
            model_runs.c.step_days,
            model_runs.c.published_at,
            model_runs.c.scope,
            node_forecasts.c.node_id,
            run_nodes.c.department_id,
            node_forecasts.c.target_date,
            node_forecasts.c.mean,
            node_forecasts.c[LOW].label("low"),
            node_forecasts.c[HIGH].label("high"),
        )
        .join(run_nodes, run_nodes.c.run_id == model_runs.c.run_id)
        .join(
            node_forecasts,
            (node_forecasts.c.run_id == run_nodes.c.run_id) & (node_forecasts.c.node_id == run_nodes.c.node_id),
        )
        .where(
            model_runs.c.status == "published",
            run_nodes.c.level.in_(WATCHED_LEVELS),
            node_forecasts.c.target_date <= last_day,
        )
    )
    rows = connection.execute(query)
    frame = pd.DataFrame(rows.all(), columns=list(rows.keys()))
    for column in ("origin", "target_date"):
        frame[column] = pd.to_datetime(frame[column])
    frame["scope"] = frame["scope"].map(tuple)
    return frame


def store_department_sales(warehouse: Warehouse, since: date) -> pd.DataFrame:
    """Units sold by store, department and day (datetime64)."""
    nodes = warehouse.read("core.dim_nodes", ["node_id", "level", "store_id", "department_id"]).to_pandas()
    bottom = nodes[nodes["level"] == 9]
    stores = sorted(bottom["store_id"].unique())
    sales = warehouse.read("core.fct_node_sales", ["node_id", "date", "units"], stores=stores, since=since).to_pandas()
    sales["date"] = pd.to_datetime(sales["date"])
    merged: pd.DataFrame = sales.merge(bottom[["node_id", "store_id", "department_id"]], on="node_id")
    return merged[["store_id", "department_id", "date", "units"]]


def weekly_accuracy(forecasts: pd.DataFrame, sales: pd.DataFrame, last_day: date) -> pd.DataFrame:
    """Metrics of each run, node and whole week after its origin that has been sold.

    Args:
        forecasts: see `published_forecasts`.
        sales: see `store_department_sales`; from a week before the first origin on.
        last_day: last day of sales.

    Returns:
        Columns run_id, role, origin, published_at, metric, subject (the node), period_end and value. A week without
        sales has no relative error, and no row.
    """
    parts = [
        run_accuracy(own, sales[sales["store_id"].isin(own["scope"].iloc[0])], pd.Timestamp(last_day))
        for _, own in forecasts.groupby("run_id", sort=True)
    ]
    columns = ["run_id", "role", "origin", "published_at", "metric", "subject", "period_end", "value"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def run_accuracy(forecasts: pd.DataFrame, sales: pd.DataFrame, last_day: pd.Timestamp) -> pd.DataFrame:
    """One run's part of `weekly_accuracy`; `sales` are those of its stores."""
    by_department = sales.groupby(["department_id", "date"], as_index=False)["units"].sum()
    total = sales.groupby("date", as_index=False)["units"].sum().assign(department_id="")
    actual = pd.concat([by_department, total]).set_index(["department_id", "date"])["units"]

    def sold(days: pd.Series) -> np.ndarray:
        wanted = pd.MultiIndex.from_arrays([forecasts["department_id"].fillna(""), days])
        return np.asarray(actual.reindex(wanted, fill_value=0.0), dtype=np.float64)

    lead = (forecasts["target_date"] - forecasts["origin"]).dt.days
    week = (lead - 1) // 7
    # Seasonal naive: the same weekday of the last week that the run knew.
    known = forecasts["origin"] - pd.to_timedelta(6 - (lead - 1) % 7, unit="D")
    # A weekly forecast is dated by its first day and spread evenly over the week.
    step = forecasts["step_days"].to_numpy()
    days = forecasts.assign(
        actual=sold(forecasts["target_date"]) * step,
        naive=sold(known) * step,
        period_end=forecasts["origin"] + pd.to_timedelta(7 * (week + 1), unit="D"),
    )
    days = days[days["period_end"] <= last_day]
    days = days.assign(
        error=days["mean"] - days["actual"],
        absolute=(days["mean"] - days["actual"]).abs(),
        absolute_naive=(days["naive"] - days["actual"]).abs(),
        inside=((days["actual"] >= days["low"]) & (days["actual"] <= days["high"])).where(days["low"].notna()),
    )
    keys = ["run_id", "role", "origin", "published_at", "node_id", "period_end"]
    sums = days.groupby(keys, as_index=False).agg(
        actual=("actual", "sum"), error=("error", "sum"), absolute=("absolute", "sum"),
        absolute_naive=("absolute_naive", "sum"), coverage_95=("inside", "mean"),
    )  # fmt: skip
    traded = sums["actual"].where(sums["actual"] > 0)
    metrics = sums.assign(
        wape=sums["absolute"] / traded,
        wape_against_baseline=sums["absolute"] / sums["absolute_naive"].where(sums["absolute_naive"] > 0),
        bias=sums["error"] / traded,
    )
    long = metrics.melt(keys, list(METRICS), var_name="metric", value_name="value").dropna(subset=["value"])
    return long.rename(columns={"node_id": "subject"}).assign(
        period_end=long["period_end"].dt.date, value=long["value"].astype(float)
    )


def first_day_needed(forecasts: pd.DataFrame) -> date:
    """The first day of sales that `weekly_accuracy` reads."""
    first: date = (forecasts["origin"].min() - timedelta(days=6)).date()
    return first
