"""What is added to a run after it is published: explanations, later backtests, its id in MLflow.

Nothing here changes a row that was there: a reader that saw the run before sees the same, and more.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from sqlalchemy import Connection, Engine, delete, select, update

from models_ml.errors import PublishError
from models_ml.prediction_store.bounds import MAX_UNITS
from models_ml.prediction_store.frames import FRAME_TABLES, as_decimals, batches, floats, insert_sql, rows
from models_ml.prediction_store.schema import model_runs, node_contributions
from models_ml.prediction_store.transactions import reading, run_transaction

CONTRIBUTION_COLUMNS = ["node_id", "target_date", "family", "units"]
BACKTEST_TABLES = ("run_metrics", "backtest_series", "backtest_nodes", "backtest_leads")


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
    columns[-1] = as_decimals(columns[-1])
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


def add_backtest(engine: Engine, run_id: str, tables: Mapping[str, pa.Table]) -> int:
    """Add a later backtest to a published run; rows of a fold and model that a table has already stay as they are.

    Args:
        engine: of the store.
        run_id: the run.
        tables: any of `BACKTEST_TABLES`, with its columns without run_id.

    Returns:
        Number of rows added to `run_metrics`.

    Raises:
        PublishError: the run is not published, or a row is not one of the table's.
        StoreError: the store cannot be written.
    """
    parts = {name: list(batches(name, tables[name], 50_000)) for name in BACKTEST_TABLES if name in tables}

    def work(connection: Connection) -> int:
        hold_published(connection, run_id)
        added = dict.fromkeys(BACKTEST_TABLES, 0)
        for name, batch in parts.items():
            table = FRAME_TABLES[name]
            known = select(table.c.fold, table.c.model).where(table.c.run_id == run_id).distinct()
            had = {tuple(row) for row in connection.execute(known)}
            for part in batch:
                of = zip(part.column("fold").to_pylist(), part.column("model").to_pylist(), strict=True)
                new = part.filter(pa.array([pair not in had for pair in of], pa.bool_()))
                given = rows(new, run_id, iso_dates=engine.dialect.name == "sqlite")
                if given:
                    connection.exec_driver_sql(insert_sql(connection, table), given)
                added[name] += len(given)
        return added["run_metrics"]

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
