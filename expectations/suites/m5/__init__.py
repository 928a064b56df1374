"""Raw tables of the M5 source."""
