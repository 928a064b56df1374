"""Tests of `models_ml.job`."""
