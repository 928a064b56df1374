"""Publishing: decide whether to serve a run, store it, check it, serve it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from models_ml.errors import PublishError, QualityError
from models_ml.forecasters.registry import CLASSES
from models_ml.job import promotion
from models_ml.job.checks import CheckRun
from models_ml.job.wording import served_text
from models_ml.runs import artifact
from models_ml.runs.backtest import Backtest
from models_ml.runs.folds import backtest_tables
from models_ml.runs.plan import Plan
from models_ml.settings import Settings


@dataclass(frozen=True)
class Published:
    """A run in the store.

    Attributes:
        role: champion or challenger.
        text: one-sentence summary.
        notes: messages about the comparison with the champion.
    """

    role: str
    text: str
    notes: tuple[str, ...]


def publish_artifact(
    settings: Settings, folder: Path, *, check: CheckRun, activate: bool = True, replay: bool = False
) -> Published:
    """Publish a trained run's rows, check them, and serve the run unless it is worse than the champion.

    A run is first stored without being served. It is served if its checks pass and `promotion` allows it; a run that
    fails its checks is deleted from the store.

    Args:
        settings: the store, and the home with an optional thresholds file.
        folder: folder of the trained run.
        check: the data-quality checks of the stored run.
        activate: False publishes it as a challenger, whatever its backtest says.
        replay: the user asked for a past day: if the served run is newer, publish as a challenger instead of failing.

    Raises:
        InputError: the folder has no trained run, or the thresholds cannot be read.
        PublishError: the store rejects the run; the served run does not change.
        QualityError: the run failed its checks; the served run does not change.
    """
    from models_ml.prediction_store import additions, pointers, runs
    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.publish import publish
    from models_ml.prediction_store.transactions import reading

    run = artifact.load(folder)
    thresholds = promotion.read_thresholds(promotion.thresholds_path(settings.home))
    record = artifact.record_of(run)
    engine = make_engine(settings.effective_store_url)
    try:
        if activate:
            champion, absence = promotion.served_champion(engine, record.scope, record.horizon_days)
            metrics = run.tables["run_metrics"].to_pandas()
            decision = promotion.decide(run.run_id, record.model, metrics, champion, absence, thresholds)
        else:
            decision = promotion.Decision("challenger", "Published without serving, as requested.")
        before = promotion.published_role(engine, run.run_id)
        with reading(engine) as connection:
            served = pointers.current(connection, record.scope)
            refused = pointers.rolled_back(connection, run.run_id)
            if decision.serve and refused.keys() >= set(record.scope):
                said = f"It was {max(refused.values(), key=lambda one: one.at)}."
                decision = promotion.Decision("challenger", said, (f"`demand promote {run.run_id}` serves it again.",))
            if decision.serve:
                try:
                    pointers.refuse_older(connection, run.run_id, record.origin, served)
                except PublishError:
                    if not replay:
                        raise
                    reason = f"It replays {record.origin}, and the served run includes later sales."
                    decision = promotion.Decision("challenger", reason)
        record = replace(record, role=decision.role, reason=decision.reason)
        done = publish(engine, record, artifact.frames_of(run), activate=False)
        contributions = run.tables.get("node_contributions")
        if contributions is not None and not additions.has_contributions(engine, run.run_id):
            additions.write_contributions(engine, run.run_id, contributions)
        try:
            checked = check(settings, run.run_id)
        except QualityError as error:
            if runs.reject(engine, run.run_id, f"failed its data-quality checks: {error}"):
                raise QualityError(f"{run.run_id} was deleted from the store and is not served. {error}") from None
            raise
        moved: tuple[str, ...] = ()
        if decision.serve:
            again = "no longer worse than the champion" if before == "challenger" else None
            moved = runs.promote(engine, run.run_id, reason=again, instead_of=served, by_name=False)
    finally:
        engine.dispose()
    role = decision.role if before is None or decision.serve else before
    notes = (f"{run.run_id} is a challenger and not served. {decision.reason}",) if role == "challenger" else ()
    known = f"{run.run_id} was a challenger" if moved and before == "challenger" else f"{done.run_id} {done.outcome}"
    text = f"{known}, {done.forecast_rows:,} forecasts, {checked}, {served_text(moved)}"
    return Published(role, text, (*notes, *decision.notes))


def rivals(settings: Settings, plan: Plan, fold: date) -> list[str]:
    """Forecasters to backtest beside the run's own, for the comparison with the champion."""
    from models_ml.prediction_store.engine import make_engine

    engine = make_engine(settings.effective_store_url)
    try:
        champion, _ = promotion.served_champion(engine, plan.scope, plan.marts.horizon_days)
    finally:
        engine.dispose()
    return [name for name in promotion.rivals(champion, plan.model, fold) if name in CLASSES]


def keep_backtest(settings: Settings, folder: Path, scored: Backtest) -> str:
    """Store a backtest with its run: in its folder and, if it is published, in the store.

    Returns:
        A one-sentence summary.

    Raises:
        InputError: the folder has no trained run.
    """
    from models_ml.prediction_store import additions
    from models_ml.prediction_store.engine import make_engine

    tables = backtest_tables(scored)
    artifact.add_backtest(folder, tables)
    engine = make_engine(settings.effective_store_url)
    try:
        if promotion.published_role(engine, folder.name) is None:
            return f"Saved with {folder.name}, which is not published yet."
        added = additions.add_backtest(engine, folder.name, tables)
    finally:
        engine.dispose()
    return f"Saved with {folder.name}: {added} metrics added to the store."
