"""Alembic migrations of the prediction store."""
