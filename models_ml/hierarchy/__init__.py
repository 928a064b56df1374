"""Twelve levels, the names of their nodes, and sums of series and days."""

WEEK_DAYS = 7
