"""When the model that is served may forecast again, and when a model must be fitted anew."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from models_ml import provenance
from models_ml.job.refit import with_served_model
from models_ml.runs import artifact
from models_ml.runs.plan import Plan, plan_training, run_id_of
from models_ml.settings import Settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts

pytestmark = pytest.mark.dbt


@pytest.fixture(scope="module")
def settings(published_home: Path) -> Settings:
    return Settings(home=published_home)


@pytest.fixture(scope="module")
def today(settings: Settings) -> Plan:
    """The plan of the run that is served."""
    return plan_training(settings, open_warehouse(settings.effective_warehouse_url))


@pytest.fixture(scope="module")
def served(settings: Settings) -> Path:
    return artifact.latest(settings.home / "models")


def later(plan: Plan, days: int) -> Plan:
    """The plan from a later origin, before anything is read from there."""
    marts = Marts(plan.marts.warehouse, plan.marts.origin + timedelta(days=days), plan.marts.horizon_days)
    marts.__dict__.update(series=plan.marts.series, step_days=plan.marts.step_days)
    return replace(plan, marts=marts)


def own_copy(settings: Settings, served: Path, folder: Path) -> tuple[Settings, Path]:
    """The run alone, to change, in a home that has the same store."""
    shutil.copytree(served, folder / "models" / served.name)
    return settings.model_copy(
        update={"home": folder, "store_url": settings.effective_store_url}
    ), folder / "models" / served.name


@pytest.mark.parametrize(("days", "goes_on"), [(0, False), (1, True), (6, True), (7, False)])
def test_the_served_model_goes_on_until_it_is_a_week_old(
    settings: Settings, today: Plan, served: Path, days: int, goes_on: bool
) -> None:
    plan = with_served_model(later(today, days), settings)
    assert plan.fitted == (served if goes_on else None)
    assert (plan.run_id != later(today, days).run_id) == goes_on


def test_every_run_fits_where_that_is_asked_for(settings: Settings, today: Plan) -> None:
    assert with_served_model(later(today, 1), settings.model_copy(update={"refit_days": 1})).fitted is None


def test_the_run_is_named_by_its_model(today: Plan, served: Path, tmp_path: Path) -> None:
    tomorrow = later(today, 1)
    by_one, by_other = (tomorrow.with_model_of(folder) for folder in (served, tmp_path / "run_other"))
    assert len({run_id_of(tomorrow), by_one.run_id, by_other.run_id}) == 3
    assert by_one.with_model_of(None).run_id == run_id_of(tomorrow)


def test_it_is_the_fit_that_grows_old_not_the_run(
    settings: Settings, today: Plan, served: Path, tmp_path: Path
) -> None:
    own, copy = own_copy(settings, served, tmp_path)
    fit = copy.with_name("run_fit")
    shutil.copytree(copy, fit)
    for folder, changes in ((copy, {"fitted_by": fit.name}), (fit, {})):
        manifest = artifact.manifest(folder)
        manifest["parameters"] |= changes
        if folder == fit:
            manifest["origin"] = str(date.fromisoformat(manifest["origin"]) - timedelta(days=5))
        (folder / artifact.MANIFEST).write_text(json.dumps(manifest))
    assert with_served_model(later(today, 1), own).fitted == fit
    assert with_served_model(later(today, 2), own).fitted is None


def test_another_method_is_fitted(settings: Settings, today: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    tomorrow = later(today, 1)
    parameters = {**today.parameters, "seed": today.parameters["seed"] + 1}
    assert with_served_model(replace(tomorrow, parameters=parameters), settings).fitted is None
    assert with_served_model(replace(tomorrow, model="item_lightgbm"), settings).fitted is None
    assert with_served_model(replace(tomorrow, scope=today.scope[:1]), settings).fitted is None
    monkeypatch.setattr(provenance, "code_version", lambda *_: "another")
    assert with_served_model(tomorrow, settings).fitted is None


def test_a_new_series_makes_a_fit_necessary(settings: Settings, today: Plan, served: Path, tmp_path: Path) -> None:
    own, copy = own_copy(settings, served, tmp_path)
    assert with_served_model(later(today, 1), own).fitted == copy
    known = pd.read_parquet(copy / "run_series.parquet")
    known.iloc[1:].to_parquet(copy / "run_series.parquet", index=False)
    assert with_served_model(later(today, 1), own).fitted is None


def test_a_model_that_is_not_here_is_fitted(settings: Settings, today: Plan, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"home": tmp_path, "store_url": settings.effective_store_url})
    assert with_served_model(later(today, 1), elsewhere).fitted is None
