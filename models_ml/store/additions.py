"""What is added to a run after it is published: explanations, later backtests, its id in MLflow.

Nothing here changes a row that was there: a reader that saw the run before sees the same, and more.
"""

from __future__ import annotations

import pyarrow as pa
from sqlalchemy import Connection, Engine, delete, select, update

from models_ml.errors import PublishError
from models_ml.store.frames import batches, floats, rows
from models_ml.store.publish import insert_sql
from models_ml.store.schema import MAX_UNITS, model_runs, node_contributions, run_metrics
from models_ml.store.transactions import reading, run_transaction

CONTRIBUTION_COLUMNS = ["node_id", "target_date", "family", "units"]


def write_contributions(engine: Engine, run_id: str, contributions: pa.Table) -> int:
    """Store what moved the forecasts of a published run's nodes, in one transaction, in place of what was there.

    Args:
        engine: of the store.
        run_id: the run.
        contributions: columns `CONTRIBUTION_COLUMNS`.

    Returns:
        Number of rows.

    Raises:
        PublishError: the run is not published, or a value is not finite.
        StoreError: the store cannot be written.
    """
    values = floats(contributions.column("units"))
    if not (abs(values) <= MAX_UNITS).all():
        raise PublishError(f"{run_id}: contributions must be finite numbers. They were not stored.")
    types = [pa.string(), pa.date32(), pa.string(), pa.float64()]
    columns = [contributions.column(n).cast(t) for n, t in zip(CONTRIBUTION_COLUMNS, types, strict=True)]
    typed = pa.table(dict(zip(CONTRIBUTION_COLUMNS, columns, strict=True)))

    def work(connection: Connection) -> None:
        hold_published(connection, run_id)
        connection.execute(delete(node_contributions).where(node_contributions.c.run_id == run_id))
        given = rows(typed, run_id, iso_dates=engine.dialect.name == "sqlite")
        if given:
            connection.exec_driver_sql(insert_sql(connection, node_contributions), given)

    run_transaction(engine, work)
    return int(typed.num_rows)


def has_contributions(engine: Engine, run_id: str) -> bool:
    """Whether a run's explanations are stored."""
    query = select(node_contributions.c.node_id).where(node_contributions.c.run_id == run_id).limit(1)
    with reading(engine) as connection:
        return connection.execute(query).first() is not None


def add_metrics(engine: Engine, run_id: str, metrics: pa.Table) -> int:
    """Add a later backtest's figures to a published run; figures that it has already stay as they are.

    Args:
        engine: of the store.
        run_id: the run.
        metrics: columns of `run_metrics` without run_id.

    Returns:
        Number of rows added.

    Raises:
        PublishError: the run is not published, or a row is not a metric's.
        StoreError: the store cannot be written.
    """
    parts = list(batches("run_metrics", metrics, 50_000))

    def work(connection: Connection) -> int:
        hold_published(connection, run_id)
        key = (run_metrics.c.fold, run_metrics.c.model, run_metrics.c.level, run_metrics.c.metric)
        known = {tuple(row) for row in connection.execute(select(*key).where(run_metrics.c.run_id == run_id))}
        new = [
            {"run_id": run_id, **row}
            for part in parts
            for row in part.to_pylist()
            if (row["fold"], row["model"], row["level"], row["metric"]) not in known
        ]
        if new:
            connection.execute(run_metrics.insert(), new)
        return len(new)

    return run_transaction(engine, work)


def set_mlflow_run_id(engine: Engine, run_id: str, mlflow_run_id: str) -> None:
    """Remember under which id MLflow keeps a run.

    Raises:
        StoreError: the store cannot be written.
    """
    run_transaction(
        engine,
        lambda connection: connection.execute(
            update(model_runs).where(model_runs.c.run_id == run_id).values(mlflow_run_id=mlflow_run_id)
        ),
    )


def hold_published(connection: Connection, run_id: str) -> None:
    """Lock a published run for this transaction, so that it cannot be pruned meanwhile.

    Raises:
        PublishError: it is not published.
    """
    held = connection.execute(
        update(model_runs)
        .where(model_runs.c.run_id == run_id, model_runs.c.status == "published")
        .values(status="published")
    )
    if held.rowcount != 1:
        raise PublishError(f"{run_id} is not published, so nothing can be added to it. Publish it first.")
