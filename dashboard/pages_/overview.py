"""Overview: what will sell, how certain it is, and how accurate the last forecast was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, navigation, outlook, state
from dashboard.data import Serving
from dashboard.hierarchy import LEVEL_TITLES, Place, Product, level_of, node_id, shown_level
from dashboard.layout import Card
from dashboard.outlook import Days, Outlook, OwnBacktest, Verdict
from dashboard.pages_ import alarms, picks
from models_ml.hierarchy.levels import node_label

HISTORY_DAYS = {"day": 56, "week": 364}
DEPARTMENTS_OF_STORES = 9
"""The finest level with its own forecast models."""
WINDOWS = (7, 28)
"""Windows in days; the whole horizon is added if it differs."""
RANGE_WORDS = {
    "week": "19 of 20 such weeks fall within it, calibrated on the errors of the past year",
    "horizon": "19 of 20 such totals fall within it, calibrated on the errors of past horizons",
    "weeks": "the sum of the weeks' 95 % ranges, which is conservative",
    "days": "the sum of the days' 95 % ranges, which is conservative",
}
BANDS = (("0.025", "0.975"), ("0.25", "0.75"))


def render(serving: Serving) -> None:
    """Draw the page."""
    st.title("What will sell next?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = picks.pick_place(serving)
        product = picks.pick_product(serving, place)
        window = pick_window(serving)
    state.write_address("place", "product", "days")
    layout.unavailable_picks()

    page = data.node(serving.run_key, place, product, None)
    days = Days.of_node(page.nodes[0], page.run) if page.nodes else None
    ahead = outlook.outlook(days, window) if days else None
    if days is None or ahead is None:
        layout.empty(
            f"Nothing is served for {place.title}, {product.title}.",
            "Pick another store or department; Runs says which stores each run covers.",
        )
        return
    level = shown_level(level_of(place, product)[0], serving.levels)
    accuracy = data.accuracy(serving.run_key, page.run.run_id)
    verdict = outlook.verdict(accuracy, level) if accuracy else None
    own = own_backtest(serving, page.run, place, product)
    below = lost_below(serving, page.run, place, product)
    layout.cards([what_will_sell(ahead), how_sure(ahead, verdict), any_good(own, page.run, below)])
    _picture(serving, days, place, product, window)
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.link(
            "explore",
            "Drill down to an item" if serving.has_items else "Drill down to a store",
            {"place": place.text, "product": product.text},
        )
        navigation.link("accuracy", "Accuracy by level")
        layout.share()
    _alarms(serving)
    _comparisons(serving, place, product, window)


def pick_window(serving: Serving) -> int:
    """The window to look ahead: one week, four weeks, or the whole horizon."""
    horizon = max((run.horizon_days for run in serving.runs), default=WINDOWS[-1])
    options = [*(days for days in WINDOWS if days < horizon), horizon]
    words = {str(days): formats.next_span(days, serving.step_days).capitalize() for days in options}
    return int(state.toggle("Look ahead", "days", tuple(words), show=words.__getitem__))


def what_will_sell(ahead: Outlook) -> Card:
    """The total forecast, against the preceding days and last year."""
    window_days = (ahead.last - ahead.first).days + 1
    against = [
        f"{formats.percent(change, signed=True)} against {name}"
        for change, name in (
            (ahead.against_last_period, formats.span_before(window_days, ahead.step_days)),
            (ahead.against_last_year, f"the same {ahead.step}s a year before"),
        )
        if change is not None
    ]
    return Card(
        f"What will sell {formats.day_range(ahead.first, ahead.last)}?",
        f"{formats.short_units(ahead.units)} units",
        "; ".join(against) or "There is no history to compare with.",
        f"{formats.units(ahead.units * ahead.step_days / window_days)} units a {ahead.step} on average.",
    )


def how_sure(ahead: Outlook, verdict: Verdict | None) -> Card:
    """The range, its width, and its coverage in the backtest."""
    question = "How certain is it?"
    if ahead.low is None or ahead.high is None:
        return Card(
            question, "No range here", "Ranges cannot be added up over stores; pick one store to see this item's range."
        )
    kind, coverage = f"{ahead.step}s", verdict.coverage if verdict else None
    of_sums = {} if verdict is None else {"week": verdict.week_coverage, "horizon": verdict.horizon_coverage}
    if of_sums.get(ahead.range_of) is not None:
        kind, coverage = f"{ahead.range_of}s", of_sums[ahead.range_of]
    held = (
        f"In the last backtest of this level, {formats.percent(coverage)} of {kind} fell within their 95 % range."
        if coverage is not None
        else "The coverage of such ranges has not been measured."
    )
    return Card(
        question,
        f"{formats.short_units(ahead.low)} to {formats.short_units(ahead.high)}",
        f"±{formats.percent(ahead.half_width)}: {RANGE_WORDS[ahead.range_of]}.",
        held,
    )


def own_backtest(serving: Serving, run: schemas.RunRef, place: Place, product: Product) -> OwnBacktest | None:
    """The backtest of this pick (not of an item); none if the run stored no errors for it."""
    level, _ = level_of(place, product)
    errors = data.own_errors(serving.run_key, run.run_id, shown_level(level, serving.levels))
    return OwnBacktest.of_node(errors, node_id(place, product)) if errors else None


def any_good(own: OwnBacktest | None, run: schemas.RunRef, below: str = "") -> Card:
    """The pick's own backtest against a naive forecast.

    Args:
        own: the pick's errors, if stored.
        run: the tested run.
        below: a sentence on the members of the pick.
    """
    question = "How accurate was the last forecast?"
    if own is None:
        return Card(question, "Not measured", "The run has no backtest of this pick.", below)
    step = formats.step(run.step_days)
    facts = []
    if own.wape is not None:
        facts.append(f"a {step} was off by {formats.miss(own.wape)} on average")
    if own.bias is not None:
        side = "too high" if own.bias > 0 else "too low"
        facts.append(f"all {step}s together were {formats.miss(abs(own.bias), digits=1)} {side}")
    newest = own.folds[0]
    first, last = newest + dt.timedelta(days=1), newest + dt.timedelta(days=run.horizon_days)
    tests = "one test" if len(own.folds) == 1 else f"{len(own.folds)} tests, the newest"
    against = f"Against repeating {own.naive} (RMSSE)" if own.skill is not None else "No naive forecast to compare with"
    sentence = f"{' and '.join(facts)}." if facts else ""
    return Card(
        question,
        own.headline,
        f"{against}; {tests} on {formats.day_range(first, last)}, unseen by the model.",
        f"For this pick, {sentence} {below}".strip() if sentence else below,
        tone="plain" if own.skill is None else "bad" if own.is_worse else "good",
    )


def lost_below(serving: Serving, run: schemas.RunRef, place: Place, product: Product) -> str:
    """A sentence on the departments of stores within a pick in which the naive forecast was better."""
    level = max((level for level in serving.levels if level <= DEPARTMENTS_OF_STORES), default=1)
    errors = data.own_errors(serving.run_key, run.run_id, level)
    if errors is None or level <= shown_level(level_of(place, product)[0], serving.levels):
        return ""
    wanted = {**place.filters(), **product.filters()}
    inside = errors.model_copy(
        update={"nodes": [n for n in errors.nodes if all(getattr(n, key) == wanted[key] for key in wanted)]}
    )
    if not inside.nodes:
        return ""
    lost = outlook.lost(inside)
    kind = "departments in stores" if level == DEPARTMENTS_OF_STORES else f"{LEVEL_TITLES[level].lower()}s"
    if not lost:
        return f"In none of its {len(inside.nodes)} {kind} was repeating last week better."
    named = node_label(lost[0])
    return f"Repeating last week was better in {len(lost)} of its {len(inside.nodes)} {kind}, most in {named}."


def _lead(kind: str, name: str) -> None:
    """Show a bar's store or department here."""
    navigation.lead("overview", {"place" if kind == "store" else "product": f"{kind}:{name}"})


def _lead_row(kind: str, names: Sequence[str], row: int) -> None:
    _lead(kind, names[row])


def _picture(serving: Serving, days: Days, place: Place, product: Product, window: int) -> None:
    shade = layout.colours()
    rows = outlook.timeline_rows(
        days,
        history_days=HISTORY_DAYS[days.step],
        calendar=data.calendar(serving.run_key),
        region=picks.region_of(serving, place),
        bands=BANDS,
    )
    before: list[layout.LegendEntry] = [("model, before overrides", "dash", shade.forecast)] if days.model else []
    layout.legend(
        [
            ("sold", "line", shade.actual),
            ("forecast", "line", shade.forecast),
            (f"half of {days.step}s fall here", "strong_area", shade.forecast),
            (f"19 of 20 {days.step}s fall here", "area", shade.forecast),
            *before,
            ("year before", "dash", shade.last_year),
            *marks_in(rows, shade),
        ]
    )
    spec = charts.timeline(
        rows,
        origin=days.origin,
        bands=outlook.band_fields(BANDS),
        colours=shade,
        step=days.step,
        last_days=window,
    )
    layout.chart(
        spec,
        alt=f"Units a {days.step} in {place.title}, {product.title}: "
        f"{formats.span(HISTORY_DAYS[days.step], days.step_days)} sold, then the forecast.",
        key="overview_timeline",
    )
    layout.table(
        [
            {
                "date": day.date,
                "forecast": round(day.mean, 2),
                **({"model": days.model.get(day.date, day.mean)} if days.model else {}),
                "low_95": (day.quantiles or {}).get("0.025"),
                "high_95": (day.quantiles or {}).get("0.975"),
                "year_before": days.sold.get(day.date - dt.timedelta(days=outlook.YEAR_DAYS)),
            }
            for day in days.forecast
        ],
        name=f"forecast_{place.name or 'all'}_{product.name or 'all'}",
        title=f"Forecast by {days.step} as a table",
        columns={
            "date": st.column_config.DateColumn(charts.DATE_TITLES[days.step], format="ddd D MMM YYYY"),
            "forecast": st.column_config.NumberColumn("Forecast (units)", format="%.1f"),
            "model": st.column_config.NumberColumn("Model, before overrides", format="%.1f"),
            "low_95": st.column_config.NumberColumn("95 % from", format="%.1f"),
            "high_95": st.column_config.NumberColumn("95 % to", format="%.1f"),
            "year_before": st.column_config.NumberColumn("Year before (units)", format="%.0f"),
        },
    )


def marks_in(rows: Sequence[charts.Row], shade: charts.Palette) -> list[layout.LegendEntry]:
    """Legend entries for events and regional flags, if the chart has any."""
    entries: list[layout.LegendEntry] = []
    if any(row["event"] for row in rows):
        entries.append(("event", "triangle", shade.flag))
    if any(row["flag"] for row in rows):
        entries.append(("regional flag", "strip", shade.flag))
    return entries


def _comparisons(serving: Serving, place: Place, product: Product, window: int) -> None:
    sides: list[tuple[str, str, schemas.NodePage, set[str]]] = []
    if product.kind != "department":
        inside = {
            department.department_id
            for department in serving.departments
            if product.kind == "all" or department.category_id == product.name
        }
        sides.append(("By department", "department", data.departments_of(serving.run_key, place), inside))
    if place.kind != "store" and len(serving.stores) > 1:
        inside = {store.store_id for store in serving.stores if place.kind == "all" or store.region_id == place.name}
        sides.append(("By store", "store", data.stores_of(serving.run_key, product), inside))
    if not sides:
        return
    shade = layout.colours()
    ahead_words = formats.next_span(window, serving.step_days)
    before = formats.span_before(window, serving.step_days)
    st.header(f"By place, {ahead_words}", anchor=False)
    layout.legend(
        [
            ("forecast", "bar", shade.forecast),
            ("95 % range", "line", shade.actual),
            (before, "tick", shade.baseline),
            ("a year before", "diamond", shade.actual),
        ]
    )
    for column, (title, kind, page, inside) in zip(st.columns(len(sides), gap="medium"), sides, strict=True):
        with column:
            st.subheader(title, anchor=False)
            found = [
                (str(node.store_id if kind == "store" else node.department_id), outlook.outlook(days, window))
                for node in page.nodes
                for days in (Days.of_node(node, page.run),)
            ]
            members = [(name, ahead) for name, ahead in found if ahead is not None and name in inside]
            if not members:
                layout.empty("Nothing to compare.", "The served run has no forecast at this level.")
                continue
            rows = [
                {
                    "name": name,
                    "forecast": ahead.units,
                    "low": ahead.low,
                    "high": ahead.high,
                    "last_period": ahead.last_period,
                    "last_year": ahead.last_year,
                    "tip_forecast": formats.units(ahead.units),
                    "tip_range": formats.range_text(ahead.low, ahead.high),
                    "tip_last_period": formats.units(ahead.last_period),
                    "tip_last_year": formats.units(ahead.last_year),
                }
                for name, ahead in sorted(members, key=lambda member: -member[1].units)
            ]
            layout.chart(
                charts.comparison(rows, colours=shade, unit=f"units in {formats.span(window, serving.step_days)}"),
                alt=f"{title}: forecast of the {ahead_words} beside {before} and the year before.",
                key=f"overview_by_{kind}",
                lead=partial(_lead, kind),
            )
            layout.table(
                [{key: row[key] for key in row if not key.startswith("tip_")} for row in rows],
                name=f"next_{window}_days_by_{kind}",
                title=f"{title} as a table",
                lead=partial(_lead_row, kind, [str(row["name"]) for row in rows]),
                columns={
                    "name": kind.capitalize(),
                    "forecast": st.column_config.NumberColumn("Forecast", format="%.0f"),
                    "low": st.column_config.NumberColumn("95 % from", format="%.0f"),
                    "high": st.column_config.NumberColumn("95 % to", format="%.0f"),
                    "last_period": st.column_config.NumberColumn("As long before", format="%.0f"),
                    "last_year": st.column_config.NumberColumn("Year before", format="%.0f"),
                },
            )


def _alarms(serving: Serving) -> None:
    st.header("Alarms", anchor=False)
    alarms.show(serving)
    with st.container(horizontal=True):
        navigation.link("quality", "All data checks")
        navigation.link("runs", "All runs")
