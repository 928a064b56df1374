"""Questions to the prediction store: parameterised, set-wise, each reading the runs that it is given."""
