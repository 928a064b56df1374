"""Backtest errors."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.base import RunId, RunRef, Schema, Units
from api.schemas.hierarchy import Node


class Errors(Schema):
    """How far forecasts of past days (or weeks) were off, in units summed over them and over rows."""

    actual_units: Units
    forecast_units: Units
    absolute_error_units: float = Field(ge=0, description="Sum of the days' (or weeks') absolute errors.")
    wape: float | None = Field(description="absolute_error_units / actual_units; null where nothing was sold.")
    bias: float | None = Field(
        description="(forecast_units - actual_units) / actual_units, above 0 when too high; null as WAPE is."
    )


class BacktestErrors(Errors):
    """Errors of one series or node in a backtest."""

    rmsse: float | None = Field(
        description="Root mean squared error over that of repeating the day (or week) before; null where sales never "
        "moved."
    )


class SeriesBacktest(BacktestErrors):
    """Errors of a series on the newest fold, of the run's own model."""

    fold: date = Field(description="Last day that the fold's model knew.")


class MetricValue(Schema):
    """One figure of a backtest."""

    run_id: RunId
    fold: date = Field(description="Last day that the fold's model knew.")
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
    """Backtest of one run, its model beside the baselines."""

    run: RunRef
    summary: list[ModelScore]
    values: list[MetricValue]


class NodeError(Node, BacktestErrors):
    """Errors of a node, over the folds that were asked for."""

    tracking_signal: float | None = Field(
        description="Sum of errors over the mean absolute error of a day or week: beyond about 4 a bias is no "
        "accident. Null where no day was off."
    )
    baseline_rmsse: float | None = Field(description="RMSSE of seasonal naive on the same folds.")


class NodeErrors(Schema):
    """Nodes of one level of a run's backtest, the worst first."""

    run: RunRef
    model: str = Field(examples=["middle_out"])
    folds: list[date] = Field(description="Folds that the errors are over, newest first.")
    nodes: list[NodeError]


class LeadError(Errors):
    """Errors of all forecasts made so many days ahead, at one level; of a week, by its first day."""

    model: str = Field(examples=["middle_out"])
    level: int = Field(ge=1, le=12)
    lead_days: int = Field(ge=1, description="1 is the day after the origin.")


class LeadErrors(Schema):
    """A run's backtest by lead day."""

    run: RunRef
    folds: list[date] = Field(description="Folds that the errors are over, newest first.")
    leads: list[LeadError]
