"""Great Expectations data sources for the warehouse and the store, by database URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from expectations.sql import Sql
from models_ml.errors import InputError, StoreError, WarehouseError
from models_ml.prediction_store.engine import make_engine
from models_ml.settings import Settings

CONNECTION_MEMORY_GB = 3.0
"""DuckDB's share at most: the checks promise to stay under 4 GB with Python beside it."""


def warehouse_source(context: Any, settings: Settings) -> tuple[Any, Sql]:
    """Data source of the warehouse: DuckDB (read-only) or Databricks SQL.

    Raises:
        WarehouseError: the DuckDB file is not there.
        InputError: the URL names another database.
    """
    url = settings.effective_warehouse_url
    scheme, _, rest = url.partition("://")
    if scheme == "duckdb":
        from expectations import duckdb_dialect

        path = Path(rest.removeprefix("/"))
        if not path.is_file():
            raise WarehouseError(
                f"There is no warehouse at {path}. Run `demand ingest` and `demand build` first, or set DEMAND_HOME."
            )
        duckdb_dialect.register()
        config = {
            "threads": settings.threads,
            "memory_limit": f"{min(settings.memory_limit_gb, CONNECTION_MEMORY_GB)}GB",
        }
        source = context.data_sources.add_sql(
            "warehouse",
            connection_string=f"{duckdb_dialect.DRIVER}://{rest}",
            kwargs={"connect_args": {"config": config}},
        )
        return source, Sql("duckdb")
    if scheme == "databricks":
        return context.data_sources.add_databricks_sql("warehouse", connection_string=databricks_dsn(url)), Sql(
            "databricks"
        )
    raise InputError(
        f"DEMAND_WAREHOUSE_URL: {scheme} is neither duckdb nor databricks. Give one such as duckdb:///data/warehouse.duckdb."
    )


def store_source(context: Any, settings: Settings) -> tuple[Any, Sql]:
    """Data source of the prediction store: SQLite or SQL Server.

    Raises:
        StoreError: the SQLite file is not there, or the URL names another database.
    """
    url = settings.effective_store_url
    backend = url.partition("://")[0].partition("+")[0]
    if backend == "sqlite":
        path = Path(url.partition(":///")[2])
        if not path.is_file():
            raise StoreError(
                f"No prediction store at {path}. Publish a run first (demand run), or set DEMAND_STORE_URL."
            )
        return context.data_sources.add_sqlite("store", connection_string=url), Sql("sqlite")
    if backend == "mssql":
        # Our engine knows the ODBC driver; the generic source takes its URL as it is.
        return context.data_sources.add_sql("store", connection_string=mssql_url(url)), Sql("mssql")
    raise StoreError(f"DEMAND_STORE_URL: {backend} is neither sqlite nor mssql.")


def databricks_dsn(url: str) -> str:
    """`databricks://<host>/<http_path>?catalog=<catalog>` as SQLAlchemy's Databricks dialect has it.

    The token stays in the environment: Great Expectations reads it from there when it connects.
    """
    parts = urlsplit(url)
    catalog = parse_qs(parts.query).get("catalog", ["hive_metastore"])[0]
    query = urlencode({"http_path": parts.path, "catalog": catalog, "schema": "core"})
    return f"databricks://token:${{DATABRICKS_TOKEN}}@{parts.hostname}:{parts.port or 443}?{query}"


def mssql_url(url: str) -> str:
    """The store's URL with ODBC driver and encryption named."""
    engine = make_engine(url)
    engine.dispose()
    return engine.url.render_as_string(hide_password=False)
