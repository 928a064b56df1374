"""Retention: a home deletes old runs, so that a daily job does not fill the disk."""

from __future__ import annotations

from models_ml.prediction_store import runs
from models_ml.prediction_store.engine import make_engine
from models_ml.runs import artifact
from models_ml.settings import Settings


def prune(settings: Settings, keep: int) -> list[str]:
    """Delete old runs in the store and in `models/`; returns one sentence for each place.

    Kept in the store: see `runs.prune`. Kept in `models/`: the runs kept in the store, the `keep` latest ones, and runs
    whose model a kept run uses.

    Raises:
        InputError: `keep` is below 1.
        StoreError: the store cannot be written.
    """
    engine = make_engine(settings.effective_store_url)
    try:
        stored = runs.prune(engine, keep=keep)
        published = [run.run_id for run in runs.list_runs(engine, status="published", limit=10_000)]
    finally:
        engine.dispose()
    trained = artifact.prune(settings.home / "models", keep=keep, needed=published)
    of_store = (
        [f"Deleted from the store, because older than the last {keep} runs: {', '.join(stored)}."] if stored else []
    )
    of_disk = [f"Deleted from models/, because no kept run needs them: {', '.join(trained)}."] if trained else []
    return [*of_store, *of_disk]
