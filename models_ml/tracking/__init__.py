"""Recording of runs in MLflow, in a separate process."""
