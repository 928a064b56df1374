"""Results of the checks in the prediction store, where the API and the dashboard find them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, delete, insert, inspect

from expectations.checks import CheckResult, report_setting
from models_ml.prediction_store.engine import make_engine, named_schema
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import quality_results
from models_ml.prediction_store.transactions import run_transaction
from models_ml.settings import Settings


def record(settings: Settings, results: Sequence[CheckResult]) -> None:
    """Append the results to `quality_results`, and remove those that are too old to matter.

    Raises:
        StoreError: the store cannot be written.
    """
    engine = make_engine(settings.effective_store_url)
    now = utc_now()
    rows = [
        {
            "run_id": result.run_id,
            "suite": result.suite,
            "dataset": result.dataset,
            "expectation": result.expectation,
            "severity": result.severity,
            "success": int(result.success),
            "observed": result.observed,
            "checked_at": now,
        }
        for result in results
    ]

    oldest = now - timedelta(days=report_setting("recorded_days"))

    def work(connection: Connection) -> None:
        connection.execute(delete(quality_results).where(quality_results.c.checked_at < oldest))
        connection.execute(insert(quality_results), rows)

    try:
        if rows and inspect(engine).has_table(quality_results.name, schema=named_schema(engine)):
            run_transaction(engine, work)
    finally:
        engine.dispose()
