"""Tests of `models_ml.hierarchy`."""
