"""Lineage of one forecast: its run, code, data, overrides, checks and features."""

from __future__ import annotations

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout
from dashboard.outlook import Days

MOST_FEATURES = 3
ITEMS = "items"
"""The part of a model that allocates nodes to items; its importances are shares."""


def render(item: str, store: str, days: Days) -> None:
    """Lineage of one day's number as a table; loaded only when opened."""
    st.header("Where does this number come from?", anchor=False)
    chosen = st.selectbox(
        charts.DATE_TITLES[days.step],
        [None, *(day.date for day in days.forecast)],
        format_func=lambda day: f"Pick a {days.step}" if day is None else formats.day(day),
        key=f"lineage_{store}_{item}",
        width=230,
    )
    if chosen is None:
        return
    found = data.lineage(item, store, chosen)
    record = found.track_record
    facts = [
        ("Model's forecast", f"{found.mean:.2f} units, {_ahead(found.lead_days, days)} after the last known sales"),
        ("Final", f"{found.final:.2f} units" + (" after overrides" if found.overrides else ", no override")),
        *(
            (
                f"Override {one.override.override_id}",
                f"{one.override.node_id}, {one.override.reason} ({one.override.author}): "
                + (f"times {one.factor:.3f}" if one.factor is not None else f"set to {one.units_each:.2f}"),
            )
            for one in found.overrides
        ),
        ("Run", f"{found.run.run_id}, {found.run.model}, package {found.version}"),
        ("Code", found.git_commit),
        ("Data", found.data_fingerprint),
        ("dbt invocation", found.dbt_invocation_id or "not recorded"),
        ("MLflow run", found.mlflow_run_id or "not recorded"),
        ("Data-quality checks", f"{found.checks.passed} passed, {len(found.checks.failed)} not"),
        *((f"Not passed: {one.expectation}", one.observed or "") for one in found.checks.failed),
        *((f"Backtest of this item, {formats.day(one.fold)}", _wape(one)) for one in record.series),
        (f"Backtest of all {found.demand_class} items", _wape(record.demand_class)),
        (f"Backtest of all items {_ahead(found.lead_days, days)} ahead", _wape(record.lead_day)),
        *(
            (f"{one.node_id}, week to {formats.day(one.period_end)}", f"WAPE {formats.percent(one.wape)}, {one.run_id}")
            for one in record.monitored
        ),
        *((f"Features: {formats.cause(one.family)}", _features(one)) for one in found.features),
    ]
    layout.table(
        [{"what": what, "value": value} for what, value in facts],
        name=f"lineage_{store}_{item}_{chosen}",
        title=f"{item} in {store} on {formats.day(chosen)}",
        opened=True,
        columns={"what": "What", "value": "Value"},
    )


def _features(family: schemas.LineageFeature) -> str:
    """A family's contribution, and its most important features in each part of the model."""
    parts: dict[str, list[schemas.UsedFeature]] = {}
    for one in family.features:
        parts.setdefault(one.part, []).append(one)
    listed = []
    for part, used in parts.items():
        names = ", ".join(
            f"{one.feature} ({formats.percent(one.importance) if part == ITEMS else f'{one.importance:.2f}'})"
            for one in used[:MOST_FEATURES]
        )
        more = f" and {len(used) - MOST_FEATURES} more" if len(used) > MOST_FEATURES else ""
        listed.append(f"{part}: {names}{more}")
    moved = "in the item's share" if family.units is None else f"{family.units:+.3f} units"
    return "; ".join([moved, *listed])


def _ahead(lead_days: int, days: Days) -> str:
    return formats.span(formats.steps_ahead(lead_days, days.step_days) * days.step_days, days.step_days)


def _wape(errors: schemas.Errors | None) -> str:
    if errors is None or errors.wape is None:
        return "not known"
    return f"WAPE {formats.percent(errors.wape)}, bias {formats.percent(errors.bias, signed=True)}"
