"""HTTP access to the forecasts that are served now."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("retail-demand")
