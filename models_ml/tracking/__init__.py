"""MLflow beside the forecast: what is recorded of a run, in a process of its own."""
