"""Tests of `models_ml.runs`."""
