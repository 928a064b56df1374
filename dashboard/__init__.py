"""The planner's dashboard; it reads only the API (`python -m dashboard`)."""
