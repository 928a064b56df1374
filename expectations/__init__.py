"""Data quality: what must hold of the raw tables, the marts and the published forecasts, checked in SQL."""
