"""The long source as `models_ml.sources` offers it."""

from __future__ import annotations

from models_ml.sources.long.ingest import ingest

__all__ = ["ingest"]
