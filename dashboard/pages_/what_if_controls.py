"""Controls of What-if: price, days, event and flags of a scenario, kept in the address."""

from __future__ import annotations

import datetime as dt
from typing import Any

import streamlit as st

from api import schemas
from dashboard import data, formats, state
from dashboard.data import Serving

NOTHING = "none"
SCENARIO = ("price", "from", "to", "event", "event_day")
"""Picks that make a scenario, besides one for each flag."""


def changes(serving: Serving, plain: schemas.WhatIf, method: str) -> dict[str, Any]:
    """What is changed, from controls that do not reach beyond what history has seen."""
    changes: dict[str, Any] = {}
    pick = f"{plain.store_id}_{plain.department_id}_{plain.item_id}"
    if st.session_state.setdefault("what_if_of", pick) != pick:  # another pick begins without a scenario
        st.session_state["what_if_of"] = pick
        for name in (*SCENARIO, *map(flag_pick, plain.flags)):
            state.remember(name, None)
    first, last, step_days = plain.days[0].date, plain.days[-1].date, plain.run.step_days
    with st.container(horizontal=True, vertical_alignment="bottom"):
        percent = _price_slider(plain, pick, method) if plain.base.revenue is not None else 0.0
        days = (first, last)
        if first < last:  # a horizon of one week leaves nothing to choose
            title, by = f"{formats.step(step_days).capitalize()}s", dt.timedelta(days=step_days)
            wanted = [_day(state.picked(name)) for name in ("from", "to")]
            known = [day if day and first <= day <= last else end for day, end in zip(wanted, days, strict=True)]
            days = st.slider(
                title, first, last, (min(known), max(known)), by, format="D MMM", key=f"days_{pick}", width=300
            )
        last_day = days[1] + dt.timedelta(days=step_days - 1)
        events = _event(serving, plain, pick)
    state.remember("price", f"{percent:g}" if percent else None)
    for name, day, end in (("from", days[0], first), ("to", days[1], last)):
        state.remember(name, None if day == end else day.isoformat())
    if percent:
        changes["price_change_percent"] = percent
    changes["first_date"], changes["last_date"] = days[0].isoformat(), last_day.isoformat()
    if events:
        changes["events"] = events
    flags = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in plain.flags:
            label = name.replace("_", " ").capitalize()
            states, wanted_state = ["as planned", "on", "off"], state.picked(flag_pick(name))
            chosen = st.segmented_control(
                label,
                states,
                default=wanted_state if wanted_state in states else states[0],
                required=True,
                key=f"flag_{name}_{pick}",
            )
            state.remember(flag_pick(name), None if chosen == states[0] else chosen)
            if chosen in ("on", "off"):
                flags[name] = chosen == "on"
    if flags:
        changes["flags"] = flags
    return changes


def _price_slider(plain: schemas.WhatIf, pick: str, method: str) -> float:
    trusted = plain.trusted
    answers = plain.elasticity if method == "elasticity" else plain.by_model
    if trusted is None or answers is None or trusted.highest_ratio - trusted.lowest_ratio < 0.005:
        return 0.0  # said above the controls
    low, high = (_inside(100 * (ratio - 1)) for ratio in (trusted.lowest_ratio, trusted.highest_ratio))
    try:
        wanted = min(max(float(state.picked("price") or 0), low), high)
    except ValueError:
        wanted = 0.0
    seen = "this item" if trusted.seen_by == "item" else "items of this department"
    planned = "" if trusted.price is None else f", planned: {trusted.price:.2f}"
    return float(
        st.slider(
            f"Price against plan (%){planned}",
            low,
            high,
            wanted,
            0.5,
            format="%+.1f %%",
            key=f"price_{pick}_{low}_{high}",  # another range begins at the planned price again
            width=300,
            help=f"0 is the planned price. Only prices that {seen} had in the last two years can be asked for, "
            "without those of clearances.",
        )
    )


def _inside(percent: float) -> float:
    """A bound of the slider in half percents, never outside the range."""
    steps = int(abs(percent) * 2 + 1e-9)
    return steps / 2 if percent > 0 or not steps else -steps / 2


def _event(serving: Serving, plain: schemas.WhatIf, pick: str) -> list[dict[str, Any]]:
    calendar = data.calendar(serving.run_key)
    planned = [
        (day.date, name)
        for day in plain.days
        if (known := calendar.get(day.date)) is not None and (name := known.event_name) in plain.events
    ]
    if not plain.events:
        return []
    options = [NOTHING, *(f"without {name}" for _, name in planned), *plain.events]
    linked = state.picked("event")
    chosen = st.selectbox(
        "Event",
        options,
        index=options.index(linked) if linked in options else 0,
        key=f"event_{pick}",
        width=230,
        format_func=lambda text: "As planned" if text == NOTHING else text,
    )
    state.remember("event", None if chosen == NOTHING else chosen)
    state.remember("event_day", state.picked("event_day") if chosen in plain.events else None)
    if chosen == NOTHING or chosen is None:
        return []
    for day, name in planned:
        if chosen == f"without {name}":
            return [{"date": day.isoformat(), "event_name": name, "on": False}]
    taken = {day for day, name in planned if name == chosen}
    free = [day.date for day in plain.days if day.date not in taken]
    linked_day = _day(state.picked("event_day"))
    day = st.selectbox(
        "on" if plain.run.step_days == 1 else "in the week from",
        free,
        index=free.index(linked_day) if linked_day in free else 0,
        key=f"event_day_{pick}",
        width=180,
        format_func=formats.day,
    )
    state.remember("event_day", day.isoformat() if day else None)
    return [{"date": day.isoformat(), "event_name": chosen, "on": True}] if day else []


def flag_pick(name: str) -> str:
    """Name of the pick of a flag."""
    return f"flag_{name}"


def _day(text: str | None) -> dt.date | None:
    """A day of the address; none where it is not one."""
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        return None
