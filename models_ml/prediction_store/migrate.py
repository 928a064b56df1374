"""Bring a store's tables to the version of this code, or back (Alembic, without a configuration file)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, MetaData

from models_ml.errors import StoreError
from models_ml.prediction_store.engine import store_name
from models_ml.prediction_store.schema import metadata
from models_ml.prediction_store.transactions import reading, writing

VERSION_TABLE = "store_schema_version"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def revisions() -> list[str]:
    """All revisions of this code, oldest first."""
    script = ScriptDirectory.from_config(_config())
    return [revision.revision for revision in reversed(list(script.walk_revisions()))]


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to `revision`, in one transaction; nothing happens when they are there.

    Raises:
        StoreError: the revision is not known (the store was upgraded by a later version), or the database fails.
    """
    _run(engine, "upgrade", revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to `revision`; `base` drops them all, with everything in them.

    Raises:
        StoreError: as `upgrade`.
    """
    _run(engine, "downgrade", revision)


def _run(engine: Engine, direction: str, revision: str) -> None:
    try:
        with writing(engine) as connection:
            getattr(command, direction)(_config(connection), revision)
    except CommandError as error:
        raise StoreError(
            f"{store_name(engine.url)} cannot be taken to schema revision {revision}: {error}. "
            f"This version knows {', '.join(revisions())}; install the version that made the store."
        ) from None


def current_revision(engine: Engine) -> str | None:
    """The store's revision; None for a database without the store's tables.

    Raises:
        StoreError: the store cannot be reached.
    """
    with reading(engine) as connection:
        return _context(connection).get_current_revision()


def is_current(engine: Engine) -> bool:
    """Whether the store is at the newest revision of this code."""
    return current_revision(engine) == revisions()[-1]


def differences(engine: Engine) -> list[object]:
    """What Alembic finds different between the database and the schema module; other tables are not ours."""
    with reading(engine) as connection:
        schema = _schema(connection)
        if schema is None:
            return list(compare_metadata(_context(connection), metadata))
        # Alembic looks where the tables say they are, not where the connection sends their statements.
        placed = MetaData(naming_convention=metadata.naming_convention)
        for table in metadata.sorted_tables:
            table.to_metadata(placed, schema=schema)
        return list(compare_metadata(_context(connection), placed))


def _context(connection: Connection) -> MigrationContext:
    schema = _schema(connection)
    ours = set(metadata.tables)

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return name == schema if kind == "schema" else kind != "table" or name in ours

    return MigrationContext.configure(
        connection,
        opts={
            "version_table": VERSION_TABLE,
            "version_table_schema": schema,
            "compare_type": True,
            "include_schemas": schema is not None,
            "include_name": is_ours,
        },
    )


def _schema(connection: Connection) -> str | None:
    """The schema that the engine's tables are in; None: the login's default."""
    translate: dict[str | None, str] = connection.get_execution_options().get("schema_translate_map") or {}
    return translate.get(None)


def advice(engine: Engine) -> str | None:
    """What the server's administrator should change, in a sentence; None if nothing.

    Raises:
        StoreError: the store cannot be reached.
    """
    if engine.dialect.name != "mssql":
        return None
    with reading(engine) as connection:
        versions = connection.exec_driver_sql(
            "select is_read_committed_snapshot_on from sys.databases where name = db_name()"
        ).scalar_one()
    if versions:
        return None
    return (
        "readers of this database wait while a publish writes (Azure SQL does not). Once: "
        "alter database current set read_committed_snapshot on with rollback immediate"
    )
