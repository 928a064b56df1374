"""Backtest errors."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.base import RunId, RunRef, Schema, Units
from api.schemas.hierarchy import Node


class Errors(Schema):
    """Errors of forecasts of past days (or weeks), in units, summed over days and rows."""

    actual_units: Units
    forecast_units: Units
    absolute_error_units: float = Field(ge=0, description="Sum of the days' (or weeks') absolute errors.")
    wape: float | None = Field(description="absolute_error_units / actual_units; null if nothing was sold.")
    bias: float | None = Field(
        description="(forecast_units - actual_units) / actual_units, positive if too high; null if nothing was sold."
    )


class BacktestErrors(Errors):
    """Errors of one series or node in a backtest."""

    rmsse: float | None = Field(
        description="Root mean squared error divided by that of repeating the previous day (or week); null "
        "if sales never changed."
    )


class SeriesBacktest(BacktestErrors):
    """Errors of a series on the newest fold, for the run's model."""

    fold: date = Field(description="Origin of the fold: last day of sales known to its model.")


class MetricValue(Schema):
    """One figure of a backtest."""

    run_id: RunId
    fold: date = Field(description="Origin of the fold: last day of sales known to its model.")
    model: str = Field(examples=["middle_out"])
    level: int = Field(ge=0, le=12, description="1 to 12; 0 is the average of the levels.")
    metric: str = Field(examples=["wrmsse"])
    value: float | None


class ModelScore(Schema):
    """A model's figure averaged over the folds, at the average of the levels."""

    model: str
    metric: str
    folds: int
    value: float | None


class Accuracy(Schema):
    """Backtest of one run: its model and the baselines."""

    run: RunRef
    summary: list[ModelScore]
    values: list[MetricValue]


class NodeError(Node, BacktestErrors):
    """Errors of a node over the requested folds."""

    tracking_signal: float | None = Field(
        description="Tracking signal: sum of errors divided by the mean absolute error of a day or week; "
        "beyond about 4, the bias is systematic. Null if all errors are zero."
    )
    baseline_rmsse: float | None = Field(description="RMSSE of seasonal naive on the same folds.")


class NodeErrors(Schema):
    """Nodes of one level of a run's backtest, worst first."""

    run: RunRef
    model: str = Field(examples=["middle_out"])
    folds: list[date] = Field(description="Folds of the errors, newest first.")
    nodes: list[NodeError]


class LeadError(Errors):
    """Errors of all forecasts with one lead time, at one level; a week counts by its first day."""

    model: str = Field(examples=["middle_out"])
    level: int = Field(ge=1, le=12)
    lead_days: int = Field(ge=1, description="1 is the day after the origin.")


class LeadErrors(Schema):
    """A run's backtest by lead day."""

    run: RunRef
    folds: list[date] = Field(description="Folds of the errors, newest first.")
    leads: list[LeadError]
