"""The long source as `models_ml.sources` offers it."""

from __future__ import annotations

from models_ml.sources.long.ingest import ingest
from models_ml.sources.long.simulate import simulate

__all__ = ["ingest", "simulate"]
