"""Watching the system after it has published: does the demand drift, and do the forecasts come true?

Drift compares the newest weeks of the feature marts with the year before them; accuracy compares every published
run with the sales that have come in since. One bad week proves little, so an alarm needs k of the last n.
"""
