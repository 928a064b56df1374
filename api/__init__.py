"""HTTP API for the served forecasts."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("retail-demand")
