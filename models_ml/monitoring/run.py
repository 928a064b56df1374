"""Monitoring as one call."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from models_ml.monitoring import accuracy, drift
from models_ml.monitoring.alarms import Alarm, judged, raised
from models_ml.monitoring.override_value import override_errors
from models_ml.monitoring.record import record
from models_ml.monitoring.watches import read_watches, watches_path
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.transactions import reading
from models_ml.settings import Settings
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.marts import last_sale_day


@dataclass(frozen=True)
class Monitored:
    """Findings of one monitoring run.

    Attributes:
        weeks: judged weeks: metric, subject, period_end, run_id, value, low, high, bad.
        alarms: those that hold now.
        runs: published runs with at least one whole week of sales since.
        overrides: overrides with a day that has been sold since.
    """

    weeks: pd.DataFrame
    alarms: tuple[Alarm, ...]
    runs: int
    overrides: int

    @property
    def text(self) -> str:
        """The outcome in a line."""
        found = [a for a in self.alarms if a.mode == "enabled"]
        parts = [f"{len(self.weeks)} weekly figures, {self.runs} runs with sales to compare with"]
        if self.overrides:
            parts.append(f"{self.overrides} override{'s' if self.overrides > 1 else ''} measured")
        if found:
            parts.append(f"{len(found)} alarm{'s' if len(found) > 1 else ''}")
        return ", ".join(parts) + ("" if found else ", no alarm")

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence an alarm."""
        return tuple(
            f"{'alarm' if a.mode == 'enabled' else 'dry-run, would be an alarm'}: {a.message}" for a in self.alarms
        )


def monitor(settings: Settings) -> Monitored:
    """Measure drift and accuracy up to the last day of sales, judge them, and record both in the store.

    The value added by overrides is recorded too; it raises no alarm.

    Safe to repeat: the same data gives the same records.

    Raises:
        InputError: the thresholds cannot be read.
        WarehouseError, StoreError: a database cannot be read or written.
    """
    watches = read_watches(watches_path(settings.home))
    warehouse = warehouse_of(settings)
    engine = make_engine(settings.effective_store_url)
    try:
        last_day = last_sale_day(warehouse)
        weeks = max((w.of_last for w in watches), default=0)
        shifted = drift.weekly_drift(warehouse, last_day, weeks, settings.store_list)
        with reading(engine) as connection:
            forecasts = accuracy.published_forecasts(connection, last_day)
            errors = override_errors(connection, warehouse, last_day)
        measured = [shifted.assign(run_id=None)]
        if not forecasts.empty:
            sales = accuracy.store_department_sales(warehouse, accuracy.first_day_needed(forecasts))
            measured.append(accuracy.weekly_accuracy(forecasts, sales, last_day))
        parts = [judged(part, watches) for part in measured if not part.empty]
        alarms = tuple(alarm for part in parts for alarm in raised(part, watches))
        found = pd.concat([part.astype({"run_id": object}) for part in parts], ignore_index=True) if parts else None
        if found is None:
            found = judged(measured[0], ())
        record(engine, found, alarms, errors)
    finally:
        engine.dispose()
    runs = int(found["run_id"].nunique()) if len(found) else 0
    return Monitored(found, alarms, runs, int(errors["subject"].nunique()))
