"""Monitoring after a publish: drift of demand, and accuracy of published forecasts.

Drift compares the newest weeks of the feature marts with the year before them. Accuracy compares every published run
with the sales since its origin. One bad week proves little, so an alarm needs k of the last n weeks.
"""
