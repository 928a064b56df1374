"""A run: planned, backtested, fitted and turned into the rows of the prediction store."""
