"""What if: another price, promotion or event in the next days, compared with the forecast."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, state
from dashboard.client import ApiRefused
from dashboard.data import Serving
from dashboard.hierarchy import NO_LEVEL
from dashboard.pages_ import what_if_controls as controls

ALL = "all"
METHODS = {"elasticity": "By elasticity", "model": "By the model"}
PRICE_QUESTION = "What if the price were different?"
OTHER_QUESTION = "What if the plan were different?"


def render(serving: Serving) -> None:
    """Draw the page."""
    title = st.empty()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        store = _pick_store(serving)
        department = _pick_department(serving, store)
        item = _pick_item(serving, store, department)
        where = {"item_id": item, "store_id": store} if item else {"department_id": department, "store_id": store}
        try:
            plain = data.what_if(serving.run_key, {**where, "method": "elasticity"})
        except ApiRefused as refused:
            title.title(PRICE_QUESTION, anchor=False)
            layout.empty("This pick has no scenarios.", str(refused))
            return
        priced = plain.base.revenue is not None
        method = state.toggle("Prices", "method", tuple(METHODS), show=METHODS.__getitem__) if priced else "elasticity"
    title.title(PRICE_QUESTION if priced else OTHER_QUESTION, anchor=False)
    layout.unavailable_picks()
    if not (priced or plain.events or plain.flags):
        layout.empty(
            "There is nothing to change.",
            "These sales have no prices, events or promotions (0/1 columns known in advance). Add them to source.yml "
            "to compare plans here.",
        )
        return
    if method == "model" and plain.by_model is None:
        layout.empty("The run's model does not estimate the effect of prices.", "Pick “By elasticity” above.")
        return
    if priced:
        _reliance(serving, plain, method)
    asked: dict[str, Any] = {**where, "method": method, **controls.changes(serving, plain, method)}
    state.write_address("place", "product", "item", "method", *controls.SCENARIO, *map(controls.flag_pick, plain.flags))
    try:
        answer = data.what_if(serving.run_key, asked)
    except ApiRefused as refused:
        layout.empty("This scenario cannot be answered.", str(refused))
        return
    layout.cards(_cards(answer))
    _picture(answer, item or department)
    _curve(answer)
    _tables(answer, "_".join(part for part in (store or ALL, item or department) if part))
    layout.share()


def _pick_store(serving: Serving) -> str | None:
    options = [*(f"store:{store.store_id}" for store in serving.stores), ALL]
    chosen = state.choose(
        "Store",
        "place",
        options,
        show=lambda text: "All stores" if text == ALL else f"Store {text.partition(':')[2]}",
        tell_missing=False,
    )
    return None if chosen == ALL else chosen.partition(":")[2]


def _pick_department(serving: Serving, store: str | None) -> str:
    if len(serving.departments) == 1:
        return serving.departments[0].department_id
    sold = {name for one in serving.stores if store in (None, one.store_id) for name in one.departments}
    options = [f"department:{name}" for name in sorted(sold)]
    chosen = state.choose(
        "Department",
        "product",
        options,
        show=lambda text: f"Department {text.partition(':')[2]}",
        width=230,
        tell_missing=False,
    )
    return chosen.partition(":")[2]


def _pick_item(serving: Serving, store: str | None, department: str) -> str | None:
    if store is None:
        return None
    listed = [one.item_id for one in data.items(serving.run_key, store, department, "volume")[0]]
    if listed == [NO_LEVEL]:
        return None
    whole = "The whole department" if 5 in serving.levels else "All items"
    chosen = state.choose(
        "Item",
        "item",
        [ALL, *listed],
        show=lambda name: whole if name == ALL else name,
        help_text="Best sellers first. Type to search.",
        tell_missing=False,
    )
    return None if chosen == ALL else chosen


def _reliance(serving: Serving, plain: schemas.WhatIf, method: str) -> None:
    """Both elasticities, how often each named the direction of past moves, and whether to rely on either."""
    moves = data.price_moves(serving.run_key, plain.department_id, plain.store_id)
    found = plain.elasticity
    ours = {"elasticity": None if found is None else found.elasticity, "model": _implied(plain)}
    checks = {"elasticity": moves.elasticity, "model": moves.model}
    answered = ours["elasticity"] if method == "elasticity" else ours["model"]
    if answered is None:
        other = next((name for name in METHODS if name != method and ours[name] is not None), None)
        layout.note(
            f"{METHODS[method]}, the effect of a price change is not known here: no price changed on its own."
            + (f" “{METHODS[other]}” has an answer." if other else ""),
            tone="warning",
        )
    said = [
        f"{METHODS[name]}: {_signed(ours[name])} percent of units for a percent of price"
        + (
            f", right about {check.right} of {check.moves} past price moves ({formats.percent(check.share)})"
            if check
            else ""
        )
        for name, check in checks.items()
        if ours[name] is not None
    ]
    if not said:
        return
    relied = [f"the {name}" for name, check in checks.items() if check and check.relied_on]
    verdict = (
        f"Rely on the direction that {' and '.join(relied)} gives: it beats guessing."
        if relied
        else "Rely on neither: neither names the direction of past price moves more often than guessing does."
        if moves.moves
        else "Whether to rely on either is not known: no item here sold at two prices in the published weeks."
    )
    layout.note(f"{verdict} {'. '.join(said)}.", tone="plain" if relied else "warning")


def _implied(plain: schemas.WhatIf) -> float | None:
    """The elasticity that the model's answer comes to between the ends of the trusted range."""
    known = [point for point in plain.curve if point.model]
    if len(known) < 2 or known[0].price_ratio == known[-1].price_ratio:
        return None
    low, high = known[0], known[-1]
    return math.log(high.model / low.model) / math.log(high.price_ratio / low.price_ratio)  # type: ignore[operator]


def _signed(value: float | None) -> str:
    return formats.NO_VALUE if value is None else f"{value:+.2f}".replace("-", formats.MINUS)


def _cards(answer: schemas.WhatIf) -> list[layout.Card]:
    """Units and revenue, with intervals."""
    outcome = answer.by_elasticity if answer.method == "elasticity" else answer.by_model
    assert outcome is not None
    span = formats.day_range(answer.first_date, answer.last_date)
    units = formats.change(outcome.units, answer.base.units)
    bounds = [formats.change(value, answer.base.units) for value in (outcome.low_units, outcome.high_units)]
    between = (
        f"95 %: {formats.percent(bounds[0], signed=True)} to {formats.percent(bounds[1], signed=True)}"
        if outcome.low_units < outcome.high_units
        else ""
    )
    cards = [
        layout.Card(
            f"Units {span}",
            f"{formats.percent(units, signed=True, digits=1)}",
            f"{formats.units(outcome.units)} instead of {formats.units(answer.base.units)}",
            between,
        )
    ]
    if answer.base.revenue is None:
        return cards
    revenue = formats.change(outcome.revenue, answer.base.revenue)
    cards.append(
        layout.Card(
            f"Revenue {span}",
            formats.percent(revenue, signed=True, digits=1),
            f"{formats.units(outcome.revenue)} instead of {formats.units(answer.base.revenue)}"
            if outcome.revenue is not None
            else "No item here has a price.",
        )
    )
    cards.append(_elasticity_card(answer))
    return cards


def _elasticity_card(answer: schemas.WhatIf) -> layout.Card:
    found = answer.elasticity
    if found is None or found.elasticity is None or found.low is None or found.high is None:
        return layout.Card(
            "Elasticity", formats.NO_VALUE, "No price changed on its own, so no elasticity could be estimated."
        )
    surely = found.high < 0
    return layout.Card(
        "Elasticity",
        f"{found.elasticity:+.2f}".replace("-", formats.MINUS),
        f"95 %: {found.low:+.2f} to {found.high:+.2f} percent of units for a percent of price".replace(
            "-", formats.MINUS
        ),
        ("" if surely else "Its sign is not certain. ")
        + ("" if found.own_estimate else "Its own price hardly changed, so the department's elasticity is used."),
        "plain" if surely else "warning",
    )


def _picture(answer: schemas.WhatIf, name: str) -> None:
    shade, step = layout.colours(), formats.step(answer.run.step_days)
    st.header(f"{step.capitalize()} by {step}", anchor=False)
    changed = bool(answer.overrides)
    entries: list[layout.LegendEntry] = [
        ("as forecast, after overrides" if changed else "as forecast", "line", shade.actual),
        ("scenario", "dash", shade.forecast),
    ]
    if changed:
        entries.append(("the model's, before overrides", "dash", shade.baseline))
    if answer.method == "elasticity" and answer.base.revenue is not None:
        entries.append(("95 % of the elasticity", "area", shade.forecast))
    layout.legend(entries)
    layout.chart(
        charts.scenario(
            [
                {
                    "date": charts.at(day.date),
                    "base": day.base,
                    **({"model": day.model} if changed else {}),
                    "scenario": day.scenario,
                    "low": day.low,
                    "high": day.high,
                    "tip_day": charts.day_text(day.date),
                    "tip_units": f"{formats.units(day.scenario)} instead of {formats.units(day.base)}",
                }
                for day in answer.days
            ],
            colours=shade,
            step=step,
        ),
        alt=f"Units a {step} of {name}: as forecast, and in the scenario.",
        key="what_if_days",
    )
    if changed:
        numbers = ", ".join(map(str, answer.overrides))
        st.caption(
            f"Override{'s' if len(answer.overrides) > 1 else ''} {numbers} are included in both: the scenario scales "
            f"the final forecast of {formats.units(answer.base.units)} units where the model alone has "
            f"{formats.units(answer.model.units)}."
        )


def _curve(answer: schemas.WhatIf) -> None:
    if not answer.curve or answer.trusted is None:
        return
    shade = layout.colours()
    st.header("Effect of other prices", anchor=False)
    entries: list[layout.LegendEntry] = []
    if answer.curve[0].elasticity is not None:
        entries.append(("by elasticity, with 95 %", "line", shade.forecast))
    if all(point.model is not None for point in answer.curve):
        entries.append(("by the model", "dash", shade.baseline))
    layout.legend(entries)
    layout.chart(
        charts.price_response(
            [
                {
                    "price": 100 * (point.price_ratio - 1),
                    **{name: _percent(getattr(point, name)) for name in ("elasticity", "low", "high", "model")},
                }
                for point in answer.curve
            ],
            chosen=100 * (answer.price_ratio - 1),
            colours=shade,
        ),
        alt="Change of units by change of price, by elasticity with its 95 % interval and by the model.",
        key="what_if_curve",
    )
    st.caption(
        "Estimated from historical prices, not from an experiment. Clearances are excluded: cuts at the end of an "
        "item's life, and unusual prices that no promotion explains."
    )
    if not answer.model_is_monotone:
        layout.note("The model sells more at some higher price: noise of its trees.")
    if answer.trusted.share_of_units < 1:
        share = formats.percent(answer.trusted.share_of_units)
        layout.note(
            f"Items with {share} of these units have had every price in this range; for the others, the effect is "
            f"capped at the end of their own range. Elasticities are relative to other items: if all prices of a "
            f"department change at once, units change less."
        )


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else 100 * (ratio - 1)


def _tables(answer: schemas.WhatIf, name: str) -> None:
    step = formats.step(answer.run.step_days)
    layout.table(
        [
            {
                "date": day.date,
                "model": day.model,
                "base": day.base,
                "scenario": day.scenario,
                "low": day.low,
                "high": day.high,
            }
            for day in answer.days
        ],
        name=f"what_if_{name}",
        title=f"{step.capitalize()} by {step}, as a table",
        columns={
            "date": st.column_config.DateColumn(charts.DATE_TITLES[step], format="ddd D MMM YYYY"),
            **{
                key: st.column_config.NumberColumn(title, format="%.2f")
                for key, title in (
                    *(("model", "Model"), ("base", "Final"), ("scenario", "Scenario")),
                    *(("low", "Low"), ("high", "High")),
                )
            },
        },
    )
    layout.table(
        [{"node": one.node_id, "base": one.base, "scenario": one.scenario} for one in answer.levels],
        name=f"what_if_levels_{name}",
        title="Effect on every level above",
        columns={
            "node": "Node",
            "base": st.column_config.NumberColumn("Final", format="%.0f"),
            "scenario": st.column_config.NumberColumn("Scenario", format="%.0f"),
        },
    )
