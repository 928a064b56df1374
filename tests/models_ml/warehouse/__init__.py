"""Tests of `models_ml.warehouse`."""
