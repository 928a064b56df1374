"""Explore: drill down from everything to one item in one store, with its history, forecast and uncertainty."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, navigation, outlook, state
from dashboard.client import ApiRefused
from dashboard.data import Serving
from dashboard.hierarchy import LEVEL_TITLES, Place, Product, level_of, places, products, shown_level
from dashboard.outlook import Days, OwnBacktest
from dashboard.pages_ import causes, lineage, picks
from dashboard.pages_.overview import any_good, how_sure, marks_in, own_backtest, what_will_sell

BANDS = (("0.005", "0.995"), ("0.025", "0.975"), ("0.165", "0.835"), ("0.25", "0.75"))
SPANS = {"56": "8 weeks", "112": "16 weeks", "364": "1 year"}
SORTS = {"volume": "Best sellers first", "name": "By name", "error": "Largest error first"}
MOST_BELOW = 40
ADDRESS = ("place", "product", "item", "back", "sort", "why_from", "why_day")
"""Picks of this page."""


def render(serving: Serving) -> None:
    """Draw the page."""
    st.title("How has it sold, and what is forecast?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = picks.pick_place(serving)
        product = picks.pick_product(serving, place)
        listed = picks.items_of(serving, place, product)
        item = picks.pick_item(product, listed)
        span = int(state.toggle("Look back", "back", tuple(SPANS), show=SPANS.__getitem__))
    state.write_address(*ADDRESS)
    layout.unavailable_picks()
    _trail(serving, place, product, item)

    days, run = _days(serving, place, product, item)
    week = outlook.outlook(days, 7) if days else None
    if days is None or run is None or week is None:
        layout.empty(
            "This pick is not served.",
            "Either the item is not sold there, or the run does not cover it. Pick another store, department or item.",
        )
        return
    level = shown_level(level_of(place, product, item)[0], serving.levels)
    accuracy = data.accuracy(serving.run_key, run.run_id)
    verdict = outlook.verdict(accuracy, level) if accuracy else None
    series = next((one for one in listed if one.item_id == item and one.store_id == place.name), None)
    if item is None:
        own = own_backtest(serving, run, place, product)
    elif series and series.backtest:
        own = OwnBacktest.of_series(series.backtest, days.step)
    else:
        own = None
    layout.cards([what_will_sell(week), how_sure(week, verdict), any_good(own, run)])
    if series:
        _item_facts(series, run.step_days)
    _picture(serving, days, place, product, item, span)
    causes.render(serving, place, product, item, days)
    state.write_address(*ADDRESS)
    if item and place.kind == "store":
        lineage.render(item, place.name, days)
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.link("overview", "This pick in the overview", {"place": place.text, "product": product.text})
        layout.share()
    _go_down(serving, place, product)
    if product.kind == "department" and listed and not item and serving.has_items:
        _item_table(serving, place, product)


def _days(
    serving: Serving, place: Place, product: Product, item: str | None
) -> tuple[Days | None, schemas.RunRef | None]:
    """The picked node or series; none if it is not served."""
    try:
        page = data.node(serving.run_key, place, product, item)
    except ApiRefused as refused:
        if refused.status == 404:
            return None, None
        raise
    return (Days.of_node(page.nodes[0], page.run) if page.nodes else None), page.run


def _trail(serving: Serving, place: Place, product: Product, item: str | None) -> None:
    level = shown_level(level_of(place, product, item)[0], serving.levels)
    parts = [place.title, product.title, *([f"item {item}"] if item else [])]
    st.caption(f"**{' › '.join(parts)}** · level {level} of 12, {LEVEL_TITLES[level].lower()}")


def _item_facts(series: schemas.Series, step_days: int) -> None:
    words = {
        "smooth": "sells steadily",
        "erratic": "sells every day, in varying amounts",
        "intermittent": "sells on some days only",
        "lumpy": "sells rarely, in varying amounts",
        "new": "new: little history yet",
    }
    parts = [] if series.price is None else [f"Price {formats.price(series.price)}"]
    parts.append(words.get(series.demand_class, series.demand_class))
    parts.append(f"{formats.units(series.units_last_28)} units in the last {formats.span(28, step_days)}")
    if series.launch_date:
        parts.append(f"on sale since {formats.day(series.launch_date)}")
    layout.note(" · ".join(parts), tone="plain")


def _picture(serving: Serving, days: Days, place: Place, product: Product, item: str | None, span: int) -> None:
    shade = layout.colours()
    known = min(span, (days.origin - min(days.sold)).days + 1) if days.sold else 0
    rows = outlook.timeline_rows(
        days,
        history_days=known,
        calendar=data.calendar(serving.run_key),
        region=picks.region_of(serving, place),
        bands=BANDS,
    )
    entries: list[layout.LegendEntry] = [("sold", "line", shade.actual), ("forecast", "line", shade.forecast)]
    if any(day.quantiles for day in days.forecast):
        entries.append((f"50, 67, 95 and 99 % of {days.step}s fall here", "area", shade.forecast))
    if days.model:
        entries.append(("model, before overrides", "dash", shade.forecast))
    if any(row["last_year"] is not None for row in rows):
        entries.append(("year before", "dash", shade.last_year))
    layout.legend([*entries, *marks_in(rows, shade)])
    layout.chart(
        charts.timeline(
            rows,
            origin=days.origin,
            bands=outlook.band_fields(BANDS),
            colours=shade,
            step=days.step,
            last_days=7,
        ),
        alt=f"Units a {days.step} of {item or product.title} in {place.title}: "
        f"{formats.span(known, days.step_days)} sold, then the forecast.",
        key="explore_timeline",
    )
    if known < span and days.sold:
        st.caption(f"{formats.span(known, days.step_days)} of sales are published for this pick.")
    prices = outlook.price_rows(days, history_days=known)
    if prices:
        domain = (days.origin - dt.timedelta(days=known - 1), days.forecast[-1].date)
        layout.chart(
            charts.price_steps(prices, domain=domain, colours=shade, step=days.step, above=rows),
            alt=f"Price of {item} by {days.step}.",
            key="explore_price",
        )
    name = "_".join(part for part in (place.name or "all", product.name or "all", item) if part)
    layout.table(
        [
            {"date": day.date, "forecast": round(day.mean, 3)}
            | ({"model": days.model.get(day.date, day.mean)} if days.model else {})
            | {f"q_{quantile}": (day.quantiles or {}).get(quantile) for quantile in data.QUANTILES}
            for day in days.forecast
        ],
        name=f"forecast_{name}",
        title=f"Forecast by {days.step} with all quantiles, as a table",
        columns={
            "date": st.column_config.DateColumn(charts.DATE_TITLES[days.step], format="ddd D MMM YYYY"),
            "forecast": st.column_config.NumberColumn("Forecast (units)", format="%.2f"),
            "model": st.column_config.NumberColumn("Model, before overrides", format="%.2f"),
            **{
                f"q_{quantile}": st.column_config.NumberColumn(
                    formats.percent(float(quantile), digits=1).replace(".0", ""), format="%.2f"
                )
                for quantile in data.QUANTILES
            },
        },
    )
    layout.table(
        [
            {"date": date, "units": units, "price": days.price.get(date)}
            for date, units in sorted(days.sold.items())
            if date > days.origin - dt.timedelta(days=span)
        ],
        name=f"history_{name}",
        title=f"Sales by {days.step} as a table",
        where_known=("price",),
        columns={
            "date": st.column_config.DateColumn(charts.DATE_TITLES[days.step], format="ddd D MMM YYYY"),
            "units": st.column_config.NumberColumn("Sold (units)", format="%.0f"),
            "price": st.column_config.NumberColumn("Price", format="%.2f"),
        },
    )


def _go_down(serving: Serving, place: Place, product: Product) -> None:
    """Buttons to the members of the pick, one level below."""
    below: dict[str, tuple[str, str]] = {}
    options = places(serving.stores)
    first = "region" if any(option.kind == "region" for option in options) else "store"
    for option in options:
        if (place.kind == "all" and option.kind == first) or (
            place.kind == "region"
            and option.kind == "store"
            and any(s.store_id == option.name and s.region_id == place.name for s in serving.stores)
        ):
            below[option.title] = ("place", option.text)
    categories = {d.department_id: d.category_id for d in serving.departments}
    for kind in products(serving.departments):
        if (product.kind == "all" and kind.kind == "category") or (
            product.kind == "category" and kind.kind == "department" and categories[kind.name] == product.name
        ):
            below[kind.title[0].upper() + kind.title[1:]] = ("product", kind.text)
    if not below or len(below) > MOST_BELOW:  # the pickers above can search among many
        return

    def go() -> None:
        chosen = st.session_state.get("go_down")
        if chosen in below:
            state.put(*below[chosen])
        st.session_state["go_down"] = None

    st.pills("Go down to", list(below), key="go_down", on_change=go)


def _item_table(serving: Serving, place: Place, product: Product) -> None:
    st.header(product.items_title, anchor=False)
    sort = state.choose("Sort", "sort", tuple(SORTS), show=SORTS.__getitem__, width=230)
    state.write_address(*ADDRESS)
    store = place.name if place.kind == "store" else None
    found, total = data.items(serving.run_key, store, product.name, sort) if store else ([], 0)
    horizon = next((run.horizon_days for run in serving.runs if store in run.scope), 0)
    if not found or not horizon:
        layout.empty("Pick one store to list its items.", "Items are listed store by store.")
        return
    rows = [
        {
            "item": one.item_id,
            "price": one.price,
            "last_28_days": one.units_last_28,
            "next_days": round(one.forecast_units, 1),
            "change": formats.change(one.forecast_units * 28 / horizon, one.units_last_28),
            "kind": one.demand_class,
            "rmsse": one.backtest.rmsse if one.backtest else None,
        }
        for one in found
    ]
    st.caption(f"{len(rows)} of {total} items; click one to see it.")
    layout.table(
        rows,
        name=f"items_{place.name}_{product.name}",
        title=f"{product.items_title} in {place.name}",
        where_known=("price",),
        opened=True,
        height=360,
        lead=lambda row: navigation.lead("explore", {"item": found[row].item_id}),
        columns={
            "item": "Item",
            "price": st.column_config.NumberColumn("Price", format="%.2f"),
            "last_28_days": st.column_config.NumberColumn(
                f"Last {formats.span(28, serving.step_days)} (units)", format="%.0f"
            ),
            "next_days": st.column_config.NumberColumn(
                f"{formats.next_span(horizon, serving.step_days).capitalize()} (units)", format="%.0f"
            ),
            "change": st.column_config.NumberColumn(
                "Change",
                format="percent",
                help="Root mean squared scaled error of units a day (a week, if sales are weekly).",
            ),
            "kind": "Demand",
            "rmsse": st.column_config.NumberColumn("Backtest error (RMSSE)", format="%.2f"),
        },
    )
