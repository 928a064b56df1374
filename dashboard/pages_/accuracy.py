"""Accuracy: how good the forecast was, where, and with what bias."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, outlook, state
from dashboard.data import Serving
from dashboard.hierarchy import LEVEL_TITLES
from dashboard.layout import Card
from dashboard.pages_ import accuracy_detail

MEASURES = {
    "wrmsse": "WRMSSE",
    "wape": "Error (WAPE)",
    "coverage_95": "95 % range of steps",
    "coverage_95_week": "of weeks",
    "coverage_95_horizon": "of horizons",
}
MEASURE_HELP = {
    "wrmsse": "Weighted root mean squared scaled error: error relative to a naive forecast's, weighted by sales in "
    "money, or in units where there are no prices. Lower is better.",
    "wape": "Sum of absolute errors of all days (or weeks) divided by units sold. Lower is better.",
    "coverage_95": "Share of days (or weeks) whose sales fell within the 95 % range. It should be near 95 %; above "
    "that, ranges are too wide.",
    "coverage_95_week": "Share of weeks whose total fell within its 95 % range. It should be near 95 %.",
    "coverage_95_horizon": "Share of horizons whose total fell within its 95 % range, one horizon per node and test. "
    "It should be near 95 %.",
}
IN_PERCENT = frozenset(MEASURES) - {"wrmsse"}


def render(serving: Serving) -> None:
    """Draw the page."""
    st.title("Was the forecast any good?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        runs = [run.run_id for run in serving.runs]
        run_id = state.choose("Run", "run", runs, show=lambda text: text, width=340) if len(runs) > 1 else runs[0]
        steps = formats.step(serving.step_days)
        measure = state.toggle(
            "Measure", "measure", tuple(MEASURES), show=lambda name: MEASURES[name].replace("steps", f"{steps}s")
        )
    accuracy = data.accuracy(serving.run_key, run_id)
    if accuracy is None:
        state.write_address("run", "measure")
        layout.empty(
            "This run was published without a backtest.",
            "`demand backtest` measures its accuracy on unseen months; the next `demand run` includes a backtest.",
        )
        return
    layout.cards(_cards(serving, accuracy))
    titles = ["By level", "By test", "By time ahead", "By place and product"]
    tabs = st.tabs([*titles, "Items"] if serving.has_items else titles)
    with tabs[0]:
        _by_level(serving, accuracy, measure)
        _bias(serving, accuracy)
    with tabs[1]:
        _by_fold(accuracy)
    with tabs[2]:
        accuracy_detail.by_lead(serving, accuracy)
    with tabs[3]:
        accuracy_detail.by_node(serving, accuracy)
    if serving.has_items:
        with tabs[4]:
            accuracy_detail.by_item(serving, accuracy)
    state.write_address("run", "measure", "lead_level", "by")
    layout.unavailable_picks()
    layout.share()


def _cards(serving: Serving, accuracy: schemas.Accuracy) -> list[Card]:
    baseline = outlook.baseline_of(accuracy)
    model = accuracy.run.model
    ours = outlook.fold_mean(accuracy, model, "wrmsse", 0)
    theirs = outlook.fold_mean(accuracy, baseline, "wrmsse", 0) if baseline else None
    skill = 1 - ours / theirs if ours is not None and theirs else None
    folds = sorted({value.fold for value in accuracy.values if value.model == model})
    step = formats.step(accuracy.run.step_days)
    tested = f"{len(folds)} test{'s' if len(folds) != 1 else ''} on {step}s unseen by the model"
    level, of = (
        (5, "a department") if 5 in serving.levels else (3, "a store") if 3 in serving.levels else (1, "the total")
    )
    newest = outlook.verdict(accuracy, level)
    cards = [
        Card(
            "Better than repeating last week?",
            "Not compared" if skill is None else f"{formats.percent(skill, signed=True)}",
            f"WRMSSE {formats.score(ours)} against {formats.score(theirs)}, average of all levels.",
            f"{tested}, the newest after {formats.day(folds[-1])}." if folds else "",
            tone="plain" if skill is None else "good" if skill > 0 else "bad",
        )
    ]
    if newest and newest.wape is not None:
        cards.append(
            Card(
                f"How far off is {of} in a {step}?",
                formats.miss(newest.wape),
                "is the average miss, in the newest test.",
                f"In total, the forecast was {formats.percent(abs(newest.bias), digits=1)} "
                f"{'too high' if newest.bias > 0 else 'too low'}."
                if newest.bias is not None
                else "",
            )
        )
    coverage = outlook.fold_mean(accuracy, model, "coverage_95", 0)
    if coverage is None:
        coverage = outlook.fold_mean(accuracy, model, "coverage_95", 12)
    cards.append(
        Card(
            "Are the ranges reliable?",
            formats.percent(coverage),
            f"of {step}s fell within their 95 % range." if coverage is not None else "This run measured no ranges.",
            f"{_of_sums(accuracy)}It should be 95 %; more means too wide ranges." if coverage is not None else "",
        )
    )
    return cards


def _of_sums(accuracy: schemas.Accuracy) -> str:
    """A sentence on the coverage of weekly and horizon totals."""
    held = [
        f"{formats.percent(share)} of {name}"
        for name, metric in (("weeks", "coverage_95_week"), ("horizons", "coverage_95_horizon"))
        if (share := outlook.fold_mean(accuracy, accuracy.run.model, metric, 0)) is not None
    ]
    return f"So did {' and '.join(held)}. " if held else ""


def _by_level(serving: Serving, accuracy: schemas.Accuracy, measure: str) -> None:
    shade = layout.colours()
    model, baseline = accuracy.run.model, outlook.baseline_of(accuracy)
    rows = []
    for level in [*sorted(serving.levels - {0}), 0]:
        ours = outlook.fold_mean(accuracy, model, measure, level)
        if ours is None:
            continue
        theirs = outlook.fold_mean(accuracy, baseline, measure, level) if baseline else None
        change = formats.change(ours, theirs)
        write = (lambda value: formats.miss(value, digits=1)) if measure in IN_PERCENT else formats.score
        rows.append(
            {
                "name": LEVEL_TITLES[level],
                "ours": ours,
                "baseline": theirs,
                "tip_ours": write(ours),
                "tip_baseline": write(theirs),
                "tip_change": formats.percent(change, signed=True),
                "added": None if change is None else -change,
            }
        )
    st.header("By level: from everything to one item in one store", anchor=False)
    st.caption(MEASURE_HELP[measure])
    if not rows:
        layout.empty(f"{MEASURES[measure]} was not measured for this run.", "Pick another measure.")
        return
    is_coverage = measure.startswith("coverage_95")
    entries: list[layout.LegendEntry] = [("our forecast", "dot", shade.forecast)]
    if any(row["baseline"] is not None for row in rows):
        entries.append(("last week repeated", "diamond", shade.baseline))
    if is_coverage:
        entries.append(("95 %, the target", "dash", shade.good))
    layout.legend(entries)
    layout.chart(
        charts.dumbbell(
            rows,
            colours=shade,
            unit=MEASURES[measure],
            target=0.95 if is_coverage else None,
            percent=measure in IN_PERCENT,
        ),
        alt=f"{MEASURES[measure]} of our forecast and of repeating last week, by level.",
        key="accuracy_levels",
    )
    layout.table(
        [
            {
                "level": row["name"],
                "ours": row["ours"],
                "last_week_repeated": row["baseline"],
                "forecast_value_added": row["added"],
            }
            for row in rows
        ],
        name=f"accuracy_{measure}_by_level",
        columns={
            "level": "Level",
            "ours": st.column_config.NumberColumn("Our forecast", format="%.3f"),
            "last_week_repeated": st.column_config.NumberColumn("Last week repeated", format="%.3f"),
            "forecast_value_added": st.column_config.NumberColumn("Forecast value added", format="percent"),
        },
    )


def _by_fold(accuracy: schemas.Accuracy) -> None:
    shade = layout.colours()
    model = accuracy.run.model
    rows = [
        {
            "x": _fold_title(value.fold, accuracy.run.horizon_days),
            "model": value.model,
            "value": value.value,
            "ours": value.model == model,
            "tip_value": formats.score(value.value),
            "fold": value.fold,
        }
        for value in sorted(accuracy.values, key=lambda value: (value.fold, value.model))
        if value.metric == "wrmsse" and value.level == 0 and value.value is not None
    ]
    st.header("Test by test", anchor=False)
    if not rows:
        layout.empty("No test measured the average of all levels.", "`demand backtest` measures it.")
        return
    st.caption("WRMSSE, average of all levels, by the days that were tested. Lower is better.")
    baseline = outlook.baseline_of(accuracy)
    others = {str(row["model"]) for row in rows} - {model, baseline}
    hues = charts.model_hues(model, baseline, sorted(others), shade)
    entries: list[layout.LegendEntry] = [
        (
            f"{formats.model(name)} (last week repeated)" if name == baseline else formats.model(name),
            "line" if name == model else "dash",
            hue,
        )
        for name, hue in hues
    ]
    layout.legend(entries)
    layout.chart(
        charts.lines_by_model(
            [{key: row[key] for key in row if key != "fold"} for row in rows],
            hues=hues,
            colours=shade,
            x_title="tested days",
            unit="WRMSSE",
        ),
        alt="WRMSSE of each model, test by test.",
        key="accuracy_folds",
    )
    layout.table(
        [{"model_knew_until": row["fold"], "model": row["model"], "wrmsse": row["value"]} for row in rows],
        name="accuracy_by_test",
        columns={
            "model_knew_until": st.column_config.DateColumn("Model knew until", format="D MMM YYYY"),
            "model": "Model",
            "wrmsse": st.column_config.NumberColumn("WRMSSE", format="%.3f"),
        },
    )


def _bias(serving: Serving, accuracy: schemas.Accuracy) -> None:
    shade = layout.colours()
    rows = []
    for level in sorted(serving.levels - {0}):
        value = outlook.fold_mean(accuracy, accuracy.run.model, "bias", level)
        if value is not None:
            rows.append(
                {
                    "name": LEVEL_TITLES[level],
                    "value": value,
                    "tip_value": formats.percent(value, signed=True, digits=1),
                }
            )
    st.header("Too high or too low", anchor=False)
    if not rows:
        layout.empty("Bias was not measured for this run.", "`demand backtest` measures it.")
        return
    st.caption(
        "Forecast minus sales, divided by sales: mean of the tests. Beyond the dashed lines (5 %) an alarm is raised."
    )
    layout.chart(
        charts.signed_bars(rows, colours=shade, unit="too low ← bias → too high", limit=outlook.BIAS_LIMIT),
        alt="Bias of the forecast by level.",
        key="accuracy_bias",
    )
    layout.table(
        [{"level": row["name"], "bias": row["value"]} for row in rows],
        name="bias_by_level",
        columns={"level": "Level", "bias": st.column_config.NumberColumn("Bias", format="percent")},
    )


def _fold_title(fold: dt.date, horizon_days: int) -> str:
    """The days of a test; the axis breaks the line at the comma before the year."""
    first, last = fold + dt.timedelta(days=1), fold + dt.timedelta(days=horizon_days)
    return f"{first.day} {first:%b} – {last.day} {last:%b}, {last:%Y}"
