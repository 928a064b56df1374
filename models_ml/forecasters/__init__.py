"""Forecasters, one module each, behind one interface (`base.Forecaster`)."""
