"""The M5 source as `models_ml.sources` offers it."""

from __future__ import annotations

from models_ml.sources.m5.ingest import ingest
from models_ml.sources.m5.simulate import simulate

__all__ = ["ingest", "simulate"]
