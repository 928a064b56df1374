"""A run whose model is worse than seasonal naive in its own backtest is forecast by the best simple forecaster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from models_ml.job import main
from models_ml.runs import stand_in
from models_ml.runs.backtest import METRIC_COLUMNS, Backtest
from models_ml.runs.plan import Plan
from models_ml.settings import Settings

FOLD = date(2024, 1, 1)
SIMPLE = {"recent_weeks": 0.8, "moving_average": 0.7}


def scored(wrmsse: dict[str, float]) -> Backtest:
    """A backtest of nothing but these figures."""
    metrics = pd.DataFrame([(FOLD, name, 0, "wrmsse", value) for name, value in wrmsse.items()], columns=METRIC_COLUMNS)
    return Backtest(metrics, metrics[["fold", "model"]], metrics[["fold", "model"]])


def plan_of(model: str = "middle_out") -> Plan:
    marts: Any = SimpleNamespace(origin=FOLD, horizon_days=28, stores=(), series=[1, 2])
    return Plan(marts, model, {"seed": 1}, ("A",), "data", pd.DataFrame(), "run-1")


@pytest.mark.parametrize(
    ("figures", "beaten"),
    [
        ({"middle_out": 1.01, "seasonal_naive": 1.0}, True),
        ({"middle_out": 1.0, "seasonal_naive": 1.0}, False),
        ({"middle_out": 0.5, "seasonal_naive": 1.0}, False),
        ({"middle_out": 2.0}, False),
        ({"seasonal_naive": 1.0}, False),
    ],
)
def test_only_a_model_that_was_scored_worse_is_beaten(figures: dict[str, float], beaten: bool) -> None:
    assert stand_in.is_beaten(scored(figures).metrics, "middle_out") is beaten


@pytest.mark.parametrize(("own", "model"), [(0.5, "middle_out"), (1.2, "moving_average")])
def test_the_job_serves_the_best_simple_forecaster_and_says_why(
    own: float, model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    backtested: list[tuple[str, ...]] = []
    trained: list[Plan] = []

    def fold(_settings: Settings, _origin: date, _stores: Any, _fold: date, models: tuple[str, ...]) -> Backtest:
        backtested.append(models)
        known = {"middle_out": own, **SIMPLE}
        return scored({"seasonal_naive": 1.0, **{name: known[name] for name in models}})

    def train(plan: Plan, _settings: Settings, folder: Path) -> str:
        folder.mkdir()  # fails if what another model wrote is still there
        trained.append(plan)
        return plan.model

    saved: list[tuple[Plan, Any, Any]] = []

    def save(plan: Plan, forecast: Any, tables: Any, models: Path) -> Path:
        saved.append((plan, forecast, tables))
        return models / plan.run_id

    monkeypatch.setattr(main, "processes", ThreadPoolExecutor)
    monkeypatch.setattr(main, "rivals", lambda *_: [])
    monkeypatch.setattr(main, "fold_in_process", fold)
    monkeypatch.setattr(main, "train_in_process", train)
    monkeypatch.setattr(main, "save", save)
    monkeypatch.setattr(main, "backtest_tables", lambda found: found.metrics)
    checks: Any = SimpleNamespace(wait=lambda _report: None)
    report: Any = SimpleNamespace(step=lambda _name: nullcontext(SimpleNamespace(note="")))
    notes: list[str] = []
    plan, folder = main.make_run(Settings(home=tmp_path), plan_of(), checks, report, notes)
    [(kept, forecast, metrics)] = saved
    assert plan.model == kept.model == forecast == model
    assert folder.name == kept.run_id == "run-1"
    if model == "middle_out":
        assert (backtested, notes) == ([("middle_out",)], [])
        return
    assert backtested == [("middle_out",), stand_in.CANDIDATES]
    assert sorted(metrics["model"]) == ["middle_out", "moving_average", "recent_weeks", "seasonal_naive"]
    assert [one.model for one in trained] == ["middle_out", model]
    assert kept.parameters == {"window_days": 28}
    [note] = notes
    assert "1.200 against 1.000" in note
    assert "moving_average (0.700) is used instead" in note
