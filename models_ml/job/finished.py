"""The receipt of a finished job, from which the next job sees that it has nothing to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from models_ml import provenance
from models_ml.errors import StoreError, WarehouseError
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.schema import activations, model_runs, overrides
from models_ml.prediction_store.transactions import reading
from models_ml.settings import Settings
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.identity import marts_identity, raw_identity

CODE = (*provenance.CODE_FOLDERS, "expectations")
"""The code that a job runs: forecasting and checks."""


@dataclass(frozen=True)
class Outcome:
    """What the main job did.

    Attributes:
        run_id: the run that was produced or found.
        role: `champion`: it is served; `challenger`: it is published but the previous run is still served.
        origin: last known day.
        series: number of series forecast.
        scope: its stores.
        wrmsse: WRMSSE of the backtest by model.
        fold: latest origin of the backtest.
        seconds: by step.
        notes: messages for the user.
    """

    run_id: str
    role: str
    origin: date
    series: int
    scope: tuple[str, ...]
    wrmsse: dict[str, float]
    fold: date
    seconds: dict[str, float]
    notes: tuple[str, ...] = ()


def receipt(settings: Settings) -> Path:
    """The file with the receipt of the last finished job."""
    return settings.home / "last_job.json"


def circumstances(settings: Settings) -> str | None:
    """Hash of a job's inputs: settings, code, raw tables, marts, store, and the day of the checks.

    Returns:
        None if raw tables or marts are missing or do not match.
    """
    warehouse = warehouse_of(settings)
    try:
        raw, marts = raw_identity(settings, warehouse), marts_identity(warehouse)
    except WarehouseError:
        return None
    if marts is None or marts.raw != raw:
        return None
    terms = settings.inventory_terms
    known: dict[str, Any] = {
        "settings": settings.model_dump(mode="json"),
        "code": provenance.code_version(CODE),
        "marts": asdict(marts),
        "inventory_terms": sha256(terms.read_bytes()).hexdigest() if terms and terms.exists() else None,
        "store": store_state(settings),
        "day": datetime.now(UTC).date().isoformat(),  # checks and alarms depend on the age of the sales
    }
    return sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()


def store_state(settings: Settings) -> list[str]:
    """Hash of the store's state; changes with every publish, promotion, rollback, pruning and override."""
    engine = make_engine(settings.effective_store_url)
    try:
        with reading(engine) as connection:
            row = connection.execute(
                select(
                    select(func.max(activations.c.id)).scalar_subquery(),
                    select(func.count()).select_from(model_runs).scalar_subquery(),
                    select(func.max(model_runs.c.published_at)).scalar_subquery(),
                    select(func.max(overrides.c.override_id)).scalar_subquery(),
                    select(func.max(overrides.c.revoked_at)).scalar_subquery(),
                )
            ).one()
    finally:
        engine.dispose()
    return [str(value) for value in row]


def remember(settings: Settings, outcome: Outcome) -> None:
    """Write the receipt of a finished job."""
    path = receipt(settings)
    part = path.with_suffix(".part")
    lasting = replace(outcome, seconds={}, notes=())
    part.write_text(json.dumps({"circumstances": circumstances(settings), **asdict(lasting)}, default=str, indent=2))
    part.replace(path)


def forget(settings: Settings) -> None:
    """Delete the receipt when a job starts to work."""
    receipt(settings).unlink(missing_ok=True)


def finished_before(settings: Settings) -> Outcome | None:
    """The last job's result, if this job would only repeat it.

    Call after the ingest.
    """
    try:
        known = json.loads(receipt(settings).read_text())
    except (FileNotFoundError, ValueError):
        return None
    try:
        asked = circumstances(settings)
    except StoreError:  # of another version, or missing: the job prepares it
        return None
    if asked is None or known.pop("circumstances") != asked:
        return None
    if not (settings.home / "models" / known["run_id"]).exists():
        return None
    days = {name: date.fromisoformat(known[name]) for name in ("origin", "fold")}
    return Outcome(**{**known, **days, "scope": tuple(known["scope"])})
