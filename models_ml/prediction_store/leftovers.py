"""Rows of runs that will never be published: found by their dead claims, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from sqlalchemy import Connection, Engine, delete, exists, select, update

from models_ml.errors import PublishError
from models_ml.prediction_store import claims
from models_ml.prediction_store.schema import (
    backtest_leads,
    backtest_nodes,
    backtest_series,
    department_elasticities,
    forecasts,
    inventory_policy,
    model_runs,
    node_contributions,
    node_forecasts,
    node_history,
    node_period_forecasts,
    override_effects,
    override_node_units,
    publish_claims,
    run_features,
    run_metrics,
    run_nodes,
    run_series,
    scenario_events,
    scenario_flags,
    scenario_series,
    staged_sales_history,
)
from models_ml.prediction_store.transactions import run_transaction

STOPPED = "its publisher stopped before the run was complete"


def sweep(engine: Engine, *, except_run: str | None = None) -> list[str]:
    """Mark runs whose publisher is dead as failed and delete the rows of failed runs; returns those run_ids.

    `except_run` is left alone: the caller is about to take it over.
    """
    dead = run_transaction(engine, lambda connection: _bury(connection, except_run))
    for run_id in dead:
        with suppress(PublishError):  # it is being published again, by someone who removes its rows themselves
            delete_rows(engine, run_id, partial(hold_failed, run_id=run_id))
    return dead


def _bury(connection: Connection, except_run: str | None) -> list[str]:
    running = connection.execute(
        select(model_runs.c.run_id).where(model_runs.c.status == "running", model_runs.c.run_id != (except_run or ""))
    ).scalars()
    for run_id in list(running):
        claim = claims.holder(connection, run_id)
        if claim is not None and claims.is_alive(claim):
            continue
        connection.execute(delete(publish_claims).where(publish_claims.c.run_id == run_id))
        connection.execute(
            update(model_runs)
            .where(model_runs.c.run_id == run_id, model_runs.c.status == "running")
            .values(status="failed", reason=STOPPED)
        )
    # Rows are deleted children first, so a failed run that still has some has its series, nodes or metrics.
    holds_rows = [
        exists().where(table.c.run_id == model_runs.c.run_id) for table in (run_series, run_nodes, run_metrics)
    ]
    return list(
        connection.execute(
            select(model_runs.c.run_id).where(
                model_runs.c.status == "failed",
                model_runs.c.run_id != (except_run or ""),
                holds_rows[0] | holds_rows[1] | holds_rows[2],
            )
        ).scalars()
    )


def hold_failed(connection: Connection, run_id: str) -> None:
    """Lock a failed run for this transaction, so that nobody starts to publish it again meanwhile.

    Raises:
        PublishError: the run is not failed (any more).
    """
    held = connection.execute(
        update(model_runs).where(model_runs.c.run_id == run_id, model_runs.c.status == "failed").values(status="failed")
    )
    if held.rowcount != 1:
        raise PublishError(f"{run_id} is not failed any more: its rows are left alone.")


def delete_rows(engine: Engine, run_id: str, hold: Callable[[Connection], None]) -> None:
    """Delete all rows of a run that is not published, a store a transaction (short locks), parents last.

    `hold` is called first in every transaction: it locks the right to delete, or raises.
    """
    of_stores = select(run_series.c.store_id).where(run_series.c.run_id == run_id).distinct()
    stores = run_transaction(engine, lambda connection: list(connection.execute(of_stores).scalars()), write=False)
    for store in sorted(stores):

        def of_store(connection: Connection, store: str = store) -> None:
            hold(connection)
            of_series = (forecasts, inventory_policy, backtest_series, staged_sales_history)
            for table in (*of_series, scenario_flags, scenario_series):
                connection.execute(delete(table).where(table.c.run_id == run_id, table.c.store_id == store))

        run_transaction(engine, of_store)

    def of_run(connection: Connection) -> None:
        hold(connection)
        of_nodes = (node_contributions, backtest_nodes, node_forecasts, node_history, node_period_forecasts)
        of_overrides = (override_effects, override_node_units)
        of_run_alone = (backtest_leads, run_metrics, run_features, department_elasticities, scenario_events)
        for table in (*of_nodes, *of_overrides, *of_run_alone, run_series, run_nodes):
            connection.execute(delete(table).where(table.c.run_id == run_id))

    run_transaction(engine, of_run)
