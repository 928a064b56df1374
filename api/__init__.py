"""HTTP access to the forecasts that are served now."""
