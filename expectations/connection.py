"""Great Expectations over this product's own connections.

Every data source takes its connections from an engine that is made here, so that the checks sign in as all else does:
with an Entra token at SQL Server, with a token or the process's identity at Databricks.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from expectations.sql import DialectName, Sql
from models_ml.errors import InputError
from models_ml.prediction_store.engine import make_engine, named_schema
from models_ml.prediction_store.transactions import reading
from models_ml.settings import Settings
from models_ml.warehouse.connection import DatabricksWarehouse, DuckDBWarehouse

CONNECTION_MEMORY_GB = 3.0
"""Upper bound of DuckDB's memory: the checks promise to stay under 4 GB, Python included."""


def open_engine(settings: Settings, zone: str) -> tuple[Engine, Sql]:
    """Engine and SQL of the database that a zone is in. The caller disposes of the engine.

    Raises:
        WarehouseError: the DuckDB file is missing, locked or no DuckDB file.
        StoreError: the store is missing or cannot be read, or its URL names an unsupported database.
        InputError: the warehouse's URL names an unsupported database.
    """
    return _store_engine(settings) if zone == "store" else _warehouse_engine(settings)


def add_source(context: Any, zone: str, engine: Engine) -> Any:
    """A Great Expectations data source on connections of an engine."""
    from great_expectations.datasource.fluent import GxDatasourceWarning

    def connect() -> Any:
        connection = engine.raw_connection()
        connection.detach()
        return connection.dbapi_connection

    with warnings.catch_warnings():
        # Great Expectations recommends its SQLite and Databricks sources, which would open connections of their own.
        warnings.simplefilter("ignore", GxDatasourceWarning)
        return context.data_sources.add_sql(
            zone, connection_string=f"{engine.dialect.name}://", kwargs={"creator": connect}
        )


def _warehouse_engine(settings: Settings) -> tuple[Engine, Sql]:
    url = settings.effective_warehouse_url
    scheme, _, rest = url.partition("://")
    if scheme == "duckdb":
        DuckDBWarehouse(Path(rest.removeprefix("/"))).refuse_unreadable()
        config = {
            "threads": settings.threads,
            "memory_limit": f"{min(settings.memory_limit_gb, CONNECTION_MEMORY_GB)}GB",
        }
        return create_engine(f"duckdb://{rest}", connect_args={"read_only": True, "config": config}), Sql("duckdb")
    if scheme == "databricks":
        warehouse = DatabricksWarehouse(url)
        sql = Sql("databricks", prefix=warehouse.schema_prefix)
        return create_engine("databricks://", creator=warehouse.connect), sql
    raise InputError(
        f"DEMAND_WAREHOUSE_URL: {scheme} is neither duckdb nor databricks. Give one such as duckdb:///data/warehouse.duckdb."
    )


def _store_engine(settings: Settings) -> tuple[Engine, Sql]:
    engine = make_engine(settings.effective_store_url, read_only=True)
    dialect: DialectName = "sqlite" if engine.dialect.name == "sqlite" else "mssql"
    if dialect == "sqlite":
        with reading(engine) as connection:
            connection.execute(text("select count(*) from sqlite_master"))  # a damaged or foreign file fails here
    return engine, Sql(dialect, named_schema(engine))
