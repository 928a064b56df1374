"""Current alarms, shown alike on every page: stale forecasts, drift, failed checks, biased backtests."""

from __future__ import annotations

from api import schemas
from dashboard import data, formats, layout, outlook
from dashboard.data import Serving
from models_ml.hierarchy.levels import node_label

BIAS_LEVELS = {5: "no department is biased", 3: "no store is biased", 1: "the forecast is not biased"}
"""Levels checked for bias: the first distinct one is used."""
MOST_NAMED = 8
DRIFT = "psi_"
"""Prefix of metrics that compare sales with the year before; other metrics compare forecasts with sales."""


def show(serving: Serving) -> None:
    """All alarms, or a note that there are none and what is not measured yet."""
    level = next(level for level in BIAS_LEVELS if level in serving.levels)
    run_id = serving.runs[0].run_id
    watched = data.monitoring(serving.run_key)
    quality = data.quality(serving.run_key)
    errors = data.own_errors(serving.run_key, run_id, level)
    found = [
        *(["The served forecast is stale."] if serving.status.status == "stale" else []),
        *(alarm.message for alarm in watched.alarms if alarm.cleared_at is None),
        *_quality_alarms(quality),
        *(bias_alarms(errors) if errors else []),
    ]
    if found:
        layout.note(*found, tone="warning")
    unknown = not_known(watched, quality, errors)
    if not found and not unknown:
        layout.note(
            f"None: the run is fresh, every data check passed, {BIAS_LEVELS[level]}, the distribution of sales has not "
            f"changed since last year, and forecasts have been accurate.",
            tone="good",
        )
    elif not found:
        layout.note("No alarms so far.", tone="plain")
    if unknown:
        layout.note(f"Not measured yet: {'; '.join(unknown)}.", tone="plain")


def not_known(watched: schemas.Monitoring, quality: schemas.Quality, errors: schemas.NodeErrors | None) -> list[str]:
    """What has not been measured, so that no alarm can be raised."""
    found = []
    if quality.status == "unknown":
        found.append("the data quality of the served run (no check is recorded)")
    if not any(week.metric.startswith(DRIFT) for week in watched.weeks):
        found.append("drift of sales against last year")
    if not any(not week.metric.startswith(DRIFT) for week in watched.weeks):
        found.append("live accuracy (no forecast day has been compared with its sales)")
    if errors is None or not errors.nodes:
        found.append("bias of the backtest")
    return found


def _quality_alarms(quality: schemas.Quality) -> list[str]:
    errors = sum(suite.errors for suite in quality.suites)
    warnings = sum(suite.warnings for suite in quality.suites)
    found = []
    if errors:
        found.append(f"{errors} data check{'s' if errors > 1 else ''} failed.")
    if warnings:
        found.append(f"{warnings} data check{'s' if warnings > 1 else ''} raised a warning.")
    return found


def bias_alarms(errors: schemas.NodeErrors) -> list[str]:
    """One sentence on the nodes of a level with a positive backtest bias, and one on those with a negative one."""
    biased = [node for node in errors.nodes if outlook.is_biased(node)]
    said = []
    for side, sign in (("high", 1), ("low", -1)):
        names = [
            f"{node_label(node.node_id) or 'everything'} ({formats.percent(node.bias, signed=True)})"
            for node in biased
            if node.bias is not None and node.bias * sign > 0
        ]
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            said.append(f"The backtest was systematically too {side} in: {', '.join(names[:MOST_NAMED])}{more}.")
    return said
