"""What becomes of runs in the store: trained runs are made up here, everything after that is real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from sqlalchemy import Engine, update

from models_ml.errors import PublishError
from models_ml.job import promotion, publishing, retention
from models_ml.job.publishing import Published, keep_backtest
from models_ml.prediction_store import read, runs
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.schema import activations
from models_ml.prediction_store.transactions import reading
from models_ml.runs import artifact
from models_ml.runs.backtest import Backtest
from models_ml.settings import Settings
from tests.synthetic import synthetic_run

ORIGIN, FOLD = date(2016, 5, 22), date(2016, 4, 24)
STORES = ("CA_1", "TX_1")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings.effective_store_url)
    upgrade(engine)
    yield engine
    engine.dispose()


def publish_artifact(settings: Settings, folder: Path, *, activate: bool = True, replay: bool = False) -> Published:
    """As the pipeline does, but for the checks: these made-up runs would not pass them."""
    return publishing.publish_artifact(
        settings, folder, activate=activate, check=lambda _settings, _run: "unchecked", replay=replay
    )


def metric_rows(model: str, wrmsse: float, fold: date = FOLD) -> pa.Table:
    rows = [(fold, model, 0, "wrmsse", wrmsse), (fold, model, 1, "bias", 0.0)]
    frame = pd.DataFrame(rows, columns=["fold", "model", "level", "metric", "value"])
    return pa.Table.from_pandas(frame, preserve_index=False).cast(ARROW_SCHEMAS["run_metrics"])


def trained(
    home: Path,
    seed: int,
    wrmsse: float,
    *,
    fold: date = FOLD,
    stores: tuple[str, ...] = STORES,
    model: str = "m",
    origin: date = ORIGIN,
    horizon_days: int = 7,
) -> Path:
    record, frames = synthetic_run(
        stores=stores, seed=seed, items=2, horizon_days=horizon_days, history_days=14, origin=origin
    )
    tables = {name: getattr(frames, name) for name in ARROW_SCHEMAS}
    tables["run_metrics"] = metric_rows(model, wrmsse, fold)
    manifest = {
        "run_id": record.run_id,
        "model": model,
        "version": record.version,
        "origin": record.origin.isoformat(),
        "horizon_days": record.horizon_days,
        "scope": list(record.scope),
        "git_commit": record.git_commit,
        "data_fingerprint": record.data_fingerprint,
        "parameters": {},
        "metrics": {},
    }
    return artifact.save(artifact.RunArtifact(manifest, tables), home / "models")


def served(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(read.pointers(connection).values())


def rules(home: Path, mode: str) -> None:
    (home / promotion.THRESHOLDS).write_text(f'mode = "{mode}"\n[[rules]]\nmetric = "wrmsse"\nrelative = 0.02\n')


def test_a_worse_run_is_published_but_not_served_until_it_is_promoted(
    home: Path, settings: Settings, engine: Engine
) -> None:
    champion, worse = trained(home, 1, 0.50), trained(home, 2, 0.52)
    assert publish_artifact(settings, champion).role == "champion"
    published = publish_artifact(settings, worse)
    assert published.role == "challenger"
    assert served(engine) == {champion.name}
    row = runs.show(engine, worse.name)
    assert (row.status, row.role) == ("published", "challenger")
    assert row.reason is not None
    assert "0.5200" in row.reason
    assert champion.name in row.reason
    assert worse.name in published.notes[0]

    runs.promote(engine, worse.name, reason="the planner prefers it")
    assert served(engine) == {worse.name}
    assert runs.show(engine, worse.name).role == "champion"


def test_a_run_within_the_threshold_replaces_the_champion(home: Path, settings: Settings, engine: Engine) -> None:
    publish_artifact(settings, trained(home, 1, 0.50))
    better = trained(home, 2, 0.509)
    assert publish_artifact(settings, better).role == "champion"
    assert served(engine) == {better.name}


@pytest.mark.parametrize(
    ("mode", "said"), [("dry-run", "would have been a challenger"), ("disabled", "no active rule")]
)
def test_other_modes_serve_a_worse_run(home: Path, settings: Settings, engine: Engine, mode: str, said: str) -> None:
    rules(home, mode)
    publish_artifact(settings, trained(home, 1, 0.50))
    worse = trained(home, 2, 5.0)
    published = publish_artifact(settings, worse)
    assert published.role == "champion"
    assert served(engine) == {worse.name}
    assert said in " ".join(published.notes)


def test_publishing_a_challenger_again_changes_nothing_unless_the_rules_changed(
    home: Path, settings: Settings, engine: Engine
) -> None:
    champion, worse = trained(home, 1, 0.50), trained(home, 2, 0.60)
    publish_artifact(settings, champion)
    publish_artifact(settings, worse)
    again = publish_artifact(settings, worse)
    assert again.role == "challenger"
    assert "unchanged" in again.text
    assert served(engine) == {champion.name}
    rules(home, "disabled")
    assert publish_artifact(settings, worse).role == "champion"
    assert served(engine) == {worse.name}
    assert runs.show(engine, worse.name).role == "champion"


def test_a_run_asked_not_to_be_served_is_a_challenger(home: Path, settings: Settings, engine: Engine) -> None:
    publish_artifact(settings, trained(home, 1, 0.50))
    better = trained(home, 2, 0.10)
    assert publish_artifact(settings, better, activate=False).role == "challenger"
    assert better.name not in served(engine)


def test_a_replay_is_published_beside_the_run_that_is_served(home: Path, settings: Settings, engine: Engine) -> None:
    today, past = trained(home, 1, 0.50), trained(home, 2, 0.40, origin=FOLD)
    publish_artifact(settings, today)
    with pytest.raises(PublishError, match="knows them up to 2016-05-22"):
        publish_artifact(settings, past)
    published = publish_artifact(settings, past, replay=True)
    assert (published.role, served(engine)) == ("challenger", {today.name})
    assert "It replays 2016-04-24, and the served run includes later sales." in published.notes[0]
    row = runs.show(engine, past.name)
    assert (row.status, row.role) == ("published", "challenger")


def test_other_folds_stores_and_horizons_are_not_compared_and_it_says_so(
    home: Path, settings: Settings, engine: Engine
) -> None:
    publish_artifact(settings, trained(home, 1, 0.50))
    other_fold = publish_artifact(settings, trained(home, 2, 5.0, fold=date(2016, 3, 27)))
    assert (other_fold.role, "different folds" in other_fold.notes[0]) == ("champion", True)
    other_stores = publish_artifact(settings, trained(home, 3, 5.0, stores=("CA_1",)))
    assert (other_stores.role, "covers other stores" in other_stores.notes[0]) == ("champion", True)
    longer = publish_artifact(settings, trained(home, 5, 9.0, stores=("CA_1",), horizon_days=14))
    assert (longer.role, "forecasts 7 days and this one 14" in longer.notes[0]) == ("champion", True)
    split = publish_artifact(settings, trained(home, 4, 9.0))
    assert (split.role, "stores serve different runs" in split.notes[0]) == ("champion", True)


def test_a_later_backtest_is_kept_with_its_run_and_changes_nothing_that_was_there(
    home: Path, settings: Settings, engine: Engine
) -> None:
    folder = trained(home, 1, 0.50)
    before = date(2016, 3, 27)
    both = pa.concat_tables([metric_rows("m", 0.40, FOLD), metric_rows("m", 0.45, before)]).to_pandas()
    publish_artifact(settings, folder)
    assert "2 metrics added" in keep_backtest(settings, folder, replace(Backtest.none(), metrics=both))
    with reading(engine) as connection:
        stored = read.metrics(connection, folder.name).to_pylist()
    by_fold = {row["fold"]: row["value"] for row in stored if row["metric"] == "wrmsse"}
    assert by_fold == {FOLD: 0.50, before: 0.45}
    kept = artifact.load(folder).tables["run_metrics"].to_pylist()
    assert {row["fold"]: row["value"] for row in kept if row["metric"] == "wrmsse"} == {FOLD: 0.50, before: 0.45}


def test_18_08_a_job_leaves_a_run_that_was_rolled_back_alone(home: Path, settings: Settings, engine: Engine) -> None:
    first, second = trained(home, 1, 0.50), trained(home, 2, 0.49)
    publish_artifact(settings, first)
    publish_artifact(settings, second)
    runs.rollback(engine, list(STORES), reason="doubles Mondays", author="ann")
    again = publish_artifact(settings, second)
    assert again.role == "challenger"
    assert "by ann: doubles Mondays" in again.notes[0]
    assert f"`demand promote {second.name}`" in again.notes[1]
    assert served(engine) == {first.name}
    runs.promote(engine, second.name, author="ann")
    assert publish_artifact(settings, second).role == "champion"
    assert served(engine) == {second.name}


def test_18_09_a_job_a_day_keeps_the_last_runs_and_what_they_need(
    home: Path, settings: Settings, engine: Engine
) -> None:
    folders = [trained(home, seed, 0.5, origin=ORIGIN + timedelta(days=seed)) for seed in range(1, 6)]
    for folder in folders:
        publish_artifact(settings, folder)
    with engine.begin() as connection:  # a store stops serving a run only in one step; readers have an hour
        connection.execute(update(activations).values(activated_at=datetime(2016, 1, 1)))
    said = retention.prune(settings, keep=2)
    assert len(said) == 2
    kept = {folder.name for folder in folders[-2:]}
    assert {run.run_id for run in runs.list_runs(engine)} == kept
    assert {path.name for path in (home / "models").iterdir()} == kept
    assert all(folder.name in " ".join(said) for folder in folders[:3])
    assert retention.prune(settings, keep=2) == []
