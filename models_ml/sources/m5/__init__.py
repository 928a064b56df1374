"""The Walmart M5 competition's files: the simulator of their format and their ingest."""
