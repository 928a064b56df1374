"""Alembic's entry: runs the revisions on the connection that `models_ml.prediction_store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from models_ml.prediction_store.schema import metadata

connection = context.config.attributes["connection"]
translate = connection.get_execution_options().get("schema_translate_map") or {}

context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table="store_schema_version",
    version_table_schema=translate.get(None),
    # SQLite cannot alter a table in place: later revisions copy it.
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
