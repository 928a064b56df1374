"""Records published runs in MLflow and syncs its aliases with the served runs; neither can fail a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models_ml.errors import StoreError
from models_ml.job.reporting import Reporter
from models_ml.runs import artifact
from models_ml.settings import Settings


@contextmanager
def recorded(
    settings: Settings, folder: Path, report: Reporter, notes: list[str], *, track: bool = True
) -> Iterator[None]:
    """Record a published run in MLflow in the background, and wait briefly for it; never fails a job."""
    from models_ml.prediction_store import additions, runs
    from models_ml.prediction_store.engine import make_engine
    from models_ml.tracking import recording as tracking

    if not track:
        yield
        return
    run_id = artifact.load(folder).run_id
    engine = make_engine(settings.effective_store_url)
    recording: tracking.Recording | None = None
    try:
        try:
            aliases = tracking.wanted_aliases(engine)
            if runs.show(engine, run_id).mlflow_run_id is None:
                recording = tracking.start(settings.home, run_folder=folder, aliases=aliases)
        except (OSError, StoreError) as error:
            notes.append(f"warning: MLflow did not record {run_id}: {error}")
        try:
            yield
        except BaseException:
            if recording is not None:
                recording.stop()
            raise
        if recording is None:
            return
        with report.step("MLflow") as step:
            said = recording.finish()
            if said.warning:
                notes.append(f"warning: {said.warning}")
            if said.mlflow_run_id:
                step.note = f"recorded as {said.mlflow_run_id}"
                try:
                    additions.set_mlflow_run_id(engine, run_id, said.mlflow_run_id)
                except StoreError as error:
                    notes.append(f"warning: {run_id} is recorded in MLflow, but the store does not know it: {error}")
    finally:
        engine.dispose()


def move_aliases(settings: Settings) -> str | None:
    """Point MLflow's aliases at the served runs, with a timeout.

    Returns:
        A one-line error; None on success, or if MLflow is not in use.
    """
    from models_ml.prediction_store.engine import make_engine
    from models_ml.tracking import recording as tracking

    if not tracking.in_use(settings.home):
        return None
    engine = make_engine(settings.effective_store_url)
    try:
        aliases = tracking.wanted_aliases(engine)
        return tracking.start(settings.home, run_folder=None, aliases=aliases).finish().warning
    except (OSError, StoreError) as error:
        return f"MLflow's aliases were not moved: {error}"
    finally:
        engine.dispose()
