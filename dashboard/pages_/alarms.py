"""What is wrong now, told alike on every page: stale forecasts, drift, failed checks, biased backtests."""

from __future__ import annotations

from api import schemas
from dashboard import data, formats, layout, outlook
from dashboard.data import Serving
from models_ml.hierarchy.levels import node_label

BIAS_LEVELS = {5: "no department is biased", 3: "no store is biased", 1: "the forecast is not biased"}
"""Levels at which a bias is looked for: the first that differs from the others."""
MOST_NAMED = 8
DRIFT = "psi_"
"""Prefix of the metrics that compare sales with the year before; the others compare forecasts with sales."""


def show(serving: Serving) -> None:
    """Every alarm, or that there is none and what is not known yet."""
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
            f"None: the run is fresh, every data check passed, {BIAS_LEVELS[level]}, sales are distributed as in the "
            "year before, and forecasts have held.",
            tone="good",
        )
    elif not found:
        layout.note("No alarm among what is known.", tone="plain")
    if unknown:
        layout.note(f"Not known yet: {'; '.join(unknown)}.", tone="plain")


def not_known(watched: schemas.Monitoring, quality: schemas.Quality, errors: schemas.NodeErrors | None) -> list[str]:
    """What no alarm can be raised about, because nothing has been measured."""
    found = []
    if quality.status == "unknown":
        found.append("whether the data of the served run is sound (no check is recorded)")
    if not any(week.metric.startswith(DRIFT) for week in watched.weeks):
        found.append("whether sales are distributed as in the year before")
    if not any(not week.metric.startswith(DRIFT) for week in watched.weeks):
        found.append("whether forecasts hold (no forecast day has been compared with its sales)")
    if errors is None or not errors.nodes:
        found.append("whether the backtest is biased")
    return found


def _quality_alarms(quality: schemas.Quality) -> list[str]:
    errors = sum(suite.errors for suite in quality.suites)
    warnings = sum(suite.warnings for suite in quality.suites)
    found = []
    if errors:
        found.append(f"{errors} data check{'s' if errors > 1 else ''} failed.")
    if warnings:
        found.append(f"{warnings} data check{'s' if warnings > 1 else ''} gave a warning.")
    return found


def bias_alarms(errors: schemas.NodeErrors) -> list[str]:
    """One sentence for the nodes of a level that the backtest forecast too high, and one for those too low."""
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
            said.append(f"The backtest was too {side} systematically, in: {', '.join(names[:MOST_NAMED])}{more}.")
    return said
