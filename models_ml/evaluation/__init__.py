"""Forecast evaluation: WRMSSE and its companions, errors by node and lead day, demand classes, count distributions."""
