"""The page where a planner decides; it reads only the API (`python -m dashboard`)."""
