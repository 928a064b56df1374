"""Demand forecasting for retail: from a warehouse's feature marts to published forecasts."""

__version__ = "0.1.0"
