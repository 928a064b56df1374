"""Every chart of the dashboard through one theme: rows in, Vega-Lite specifications out; nothing is read or drawn here.

Vega-Lite is what Altair writes; it is written here directly because Altair's own validation costs a tenth of a
second a chart, which a planner who walks through items would feel (the tests validate every specification instead).

Colours are Okabe and Ito's, which people with any kind of colour blindness can tell apart, in a light and a dark
variant of equal meaning: ink for what was sold, blue for the forecast, grey for the year before, orange for a
baseline or a warning. Dash and shape repeat what colour says, so that a print in grey still reads.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard import formats

Spec = dict[str, Any]
Row = dict[str, Any]

AXIS_WIDTH = 46
"""Pixels kept for the labels of a value axis, so that charts below each other share their days."""

DATE_TITLES = {"day": "Day", "week": "Week from"}
"""What a date is, by the step of a run."""


ZERO_LABEL = "datum.value == 0 ? '0' : datum.label"
"""Vega expression of an axis label: a plain zero instead of `0k`."""


@dataclass(frozen=True)
class Palette:
    """Colours by meaning, as hex."""

    actual: str
    forecast: str
    last_year: str
    baseline: str
    good: str
    bad: str
    flag: str
    grid: str
    text: str
    background: str


LIGHT = Palette(
    actual="#17212B",
    forecast="#0072B2",
    last_year="#8693A0",
    baseline="#D55E00",
    good="#00795A",
    bad="#C25400",
    flag="#B8618F",
    grid="#E4EAF0",
    text="#44525F",
    background="#FFFFFF",
)
DARK = Palette(
    actual="#E7EDF3",
    forecast="#56B4E9",
    last_year="#8496A6",
    baseline="#F0A04B",
    good="#2FC296",
    bad="#F0A04B",
    flag="#E29BC4",
    grid="#26323E",
    text="#B4C0CB",
    background="#10171F",
)


def palette(theme_type: str | None) -> Palette:
    """Palette of Streamlit's theme type (`light`, `dark`, or none before the browser has said)."""
    return DARK if theme_type == "dark" else LIGHT


def timeline(
    rows: Sequence[Row],
    *,
    origin: dt.date,
    bands: Sequence[tuple[str, str]],
    colours: Palette,
    step: str = "day",
    height: int = 320,
    last_days: int | None = None,
) -> Spec:
    """What was sold, what is forecast, and how sure that is, by day.

    Args:
        rows: one a day, oldest first: `date`, `actual`, `mean`, `model` (the model's, where overrides change it),
            `last_year` and the fields of `bands` (units or none), `event` (text or none), `flag` (true on a regional
            flag's day), and `tip_units`, `tip_range`, `tip_last_year`, `tip_day`, ready to be read.
        origin: last day whose sales are known; a rule divides past and future there.
        bands: (low, high) fields, widest first.
        colours: the theme's palette.
        step: what a row is, `day` or `week`.
        height: pixels.
        last_days: days that a headline is about; they are tinted.
    """
    x = _date_axis(rows, step)
    y = _value_axis(f"units a {step}", colours)
    layers: list[Spec] = []
    if last_days:
        first = origin + dt.timedelta(days=1)
        layers.append(
            {
                "data": {"values": [{"from": _at(first), "to": _at(first + dt.timedelta(days=last_days - 1))}]},
                "mark": {"type": "rect", "color": colours.forecast, "opacity": 0.07},
                "encoding": {
                    "x": {"field": "from", "type": "temporal"},
                    "x2": {"field": "to"},
                },
            }
        )
    for depth, (low, high) in enumerate(bands):
        layers.append(
            {
                "transform": [{"filter": f"isValid(datum['{low}'])"}],
                "mark": {
                    "type": "area",
                    "color": colours.forecast,
                    "opacity": 0.16 + 0.1 * depth,
                    "interpolate": "monotone",
                },
                "encoding": {"x": x, "y": {"field": low, **y}, "y2": {"field": high}},
            }
        )
    layers += [
        _line(x, y, "last_year", {"color": colours.last_year, "strokeDash": [2, 3], "strokeWidth": 1.5}),
        _line(x, y, "actual", {"color": colours.actual, "strokeWidth": 1.8}),
        _line(x, y, "model", {"color": colours.forecast, "strokeDash": [5, 4], "strokeWidth": 1.5}),
        _line(x, y, "mean", {"color": colours.forecast, "strokeWidth": 2.4}),
        {
            "transform": [{"filter": "datum.flag"}],
            "mark": {"type": "square", "color": colours.flag, "size": 26, "opacity": 0.9, "yOffset": -3},
            "encoding": {"x": x, "y": {"value": "height"}},
        },
        {
            "transform": [{"filter": "isValid(datum.event)"}],
            "mark": {
                "type": "point",
                "shape": "triangle-down",
                "filled": True,
                "size": 70,
                "color": colours.flag,
                "opacity": 1,
            },
            "encoding": {"x": x, "y": {"value": -6}},
        },
        {
            "data": {"values": [{"date": _at(origin), "label": "known until"}]},
            "mark": {"type": "rule", "color": colours.text, "strokeDash": [4, 4]},
            "encoding": {"x": x},
        },
        {
            "params": [
                {
                    "name": "pointed",
                    "select": {
                        "type": "point",
                        "on": "pointerover",
                        "nearest": True,
                        "clear": "pointerout",
                        "encodings": ["x"],
                    },
                }
            ],
            "transform": [{"calculate": "isValid(datum.mean) ? datum.mean : datum.actual", "as": "shown"}],
            "mark": {"type": "point", "filled": True, "size": 60, "color": colours.forecast},
            "encoding": {
                "x": x,
                "y": {"field": "shown", **y},
                "opacity": {"condition": {"param": "pointed", "empty": False, "value": 1}, "value": 0},
                "tooltip": [
                    {"field": "tip_day", "title": DATE_TITLES[step]},
                    {"field": "tip_units", "title": "Units"},
                    {"field": "tip_range", "title": "95 % range"},
                    {"field": "tip_last_year", "title": "Year before"},
                    {"field": "tip_event", "title": "Calendar"},
                ],
            },
        },
    ]
    return _spec(list(rows), layers, colours, height)


def model_and_final(rows: Sequence[Row], *, colours: Palette, changed: bool, step: str = "day") -> Spec:
    """Units a day (or week) of a node: the model's, the final after overrides, and, when `changed`, with one more.

    Args:
        rows: `date` (see `at`), `day` (text), `model`, `final`, `changed` (or none), and `tip_` texts of the three.
        colours: the theme's palette.
        changed: whether the rows have the third line.
        step: what a row is, `day` or `week`.
    """
    x, y = _date_axis(rows, step), _value_axis(f"units a {step}", colours)
    lines = [("model", {"color": colours.last_year, "strokeDash": [4, 3], "strokeWidth": 2})]
    lines.append(("final", {"color": colours.forecast, "strokeWidth": 2.2}))
    if changed:
        lines.append(("changed", {"color": colours.baseline, "strokeWidth": 2.2}))
    titles = {"model": "Model", "final": "Final", "changed": "With this override"}
    over: Spec = {
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0},
        "encoding": {
            "x": x,
            "y": {"field": "final", **y},
            "tooltip": [
                {"field": "day", "title": DATE_TITLES[step]},
                *({"field": f"tip_{name}", "title": titles[name]} for name, _ in lines),
            ],
        },
    }
    return _spec(list(rows), [*(_line(x, y, name, mark) for name, mark in lines), over], colours, 240)


def price_steps(
    rows: Sequence[Row],
    *,
    domain: tuple[dt.date, dt.date],
    colours: Palette,
    step: str = "day",
    above: Sequence[Row] = (),
) -> Spec:
    """Price by day (or week) as steps, under a timeline of the same days.

    Args:
        rows: `date`, `price`, `tip_day`, `tip_price`.
        domain: first and last day of the chart above.
        colours: the theme's palette.
        step: what a row is, `day` or `week`.
        above: rows of the chart above, whose marks are repeated here.
    """
    x = {**_date_axis(above or rows, step), "scale": {"domain": [_at(domain[0]), _at(domain[1])]}}
    y: Spec = {
        "field": "price",
        "type": "quantitative",
        "scale": {"zero": False, "nice": True, "padding": 6},
        "axis": {**_value_axis("price", colours)["axis"], "format": ".2f", "tickCount": 3},
    }
    mark = {"type": "line", "interpolate": "step-after", "color": colours.actual, "strokeWidth": 1.8}
    tooltip = [{"field": "tip_day", "title": DATE_TITLES[step]}, {"field": "tip_price", "title": "Price"}]
    layers: list[Spec] = [
        {"mark": mark, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "rule", "strokeWidth": 8, "opacity": 0},
            "encoding": {"x": x, "tooltip": tooltip},
        },
    ]
    return _spec(list(rows), layers, colours, 110)


def scenario(rows: Sequence[Row], *, colours: Palette, step: str = "day") -> Spec:
    """The forecast as it is and as it would be, by day or week.

    Args:
        rows: `date`, `base`, `scenario`, `low`, `high`, `tip_day`, `tip_units`; `model` where overrides changed it.
        colours: the theme's palette.
        step: what a row is, `day` or `week`.
    """
    x, y = _date_axis(rows, step), _value_axis(f"units a {step}", colours)
    band = {"type": "area", "color": colours.forecast, "opacity": 0.2, "interpolate": "monotone"}
    dotted = {"type": "line", "color": colours.baseline, "strokeWidth": 1.8, "strokeDash": [2, 3]}
    layers: list[Spec] = [
        {"mark": band, "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}}},
        *([_line(x, y, "model", dotted)] if rows and "model" in rows[0] else []),
        _line(x, y, "base", {"type": "line", "color": colours.actual, "strokeWidth": 1.8}),
        _line(x, y, "scenario", {"type": "line", "color": colours.forecast, "strokeWidth": 2.4, "strokeDash": [6, 3]}),
        {
            "mark": {"type": "rule", "strokeWidth": 10, "opacity": 0},
            "encoding": {
                "x": x,
                "tooltip": [{"field": "tip_day", "title": DATE_TITLES[step]}, {"field": "tip_units", "title": "Units"}],
            },
        },
    ]
    return _spec(list(rows), layers, colours, 280)


def price_response(rows: Sequence[Row], *, chosen: float, colours: Palette) -> Spec:
    """Change of units by change of price, both in percent.

    Args:
        rows: `price`, `elasticity`, `low`, `high`, and `model` or none.
        chosen: the price of the scenario, drawn as a rule.
        colours: the theme's palette.
    """
    axis = {"title": "price against plan (%)", "format": "+d", "grid": False, "tickCount": 6}
    x: Spec = {"field": "price", "type": "quantitative", "scale": {"zero": False}, "axis": axis}
    y = _value_axis("units against forecast (%)", colours, number_format="+d")
    band = {"type": "area", "color": colours.forecast, "opacity": 0.2}
    solid = {"type": "line", "color": colours.forecast, "strokeWidth": 2.4}
    dots = {"color": colours.baseline}
    dashed = {"type": "line", "color": colours.baseline, "strokeWidth": 2, "strokeDash": [5, 3], "point": dots}
    layers: list[Spec] = [
        {
            "transform": [{"filter": "isValid(datum.low)"}],
            "mark": band,
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {"transform": [{"filter": "isValid(datum.elasticity)"}], **_line(x, y, "elasticity", solid)},
        {"transform": [{"filter": "isValid(datum.model)"}], **_line(x, y, "model", dashed)},
        {
            "data": {"values": [{"price": chosen}]},
            "mark": {"type": "rule", "color": colours.text, "strokeDash": [3, 4]},
            "encoding": {"x": x},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 14, "opacity": 0},
            "encoding": {
                "x": x,
                "tooltip": [
                    {"field": name, "title": title, "format": "+.1f"}
                    for name, title in (
                        ("price", "Price (%)"),
                        ("elasticity", "By elasticity (%)"),
                        ("low", "Low (%)"),
                        ("high", "High (%)"),
                        ("model", "By the model (%)"),
                    )
                ],
            },
        },
    ]
    return _spec(list(rows), layers, colours, 240)


def comparison(rows: Sequence[Row], *, colours: Palette, unit: str, sort: Sequence[str] | None = None) -> Spec:
    """A bar of the forecast for each member, its range as a whisker, the period before and the year before as marks.

    Args:
        rows: `name`, `forecast`, `low`, `high`, `last_period`, `last_year` (units or none) and `tip_forecast`,
            `tip_range`, `tip_last_period`, `tip_last_year`.
        colours: the theme's palette.
        unit: title of the value axis.
        sort: names in the order to show; by forecast, largest first, when none.
    """
    y = _names_axis(130, list(sort) if sort else {"field": "forecast", "op": "max", "order": "descending"})
    x: Spec = {
        "type": "quantitative",
        "axis": {
            "title": unit,
            "format": "~s",
            "labelExpr": ZERO_LABEL,
            "tickCount": 4,
            "gridColor": colours.grid,
        },
    }
    tooltip = [
        {"field": "name", "title": "Name"},
        {"field": "tip_forecast", "title": "Forecast"},
        {"field": "tip_range", "title": "95 % range"},
        {"field": "tip_last_period", "title": "Period before"},
        {"field": "tip_last_year", "title": "Year before"},
    ]

    def layer(mark: Spec, encoding: Spec) -> Spec:
        return {"mark": mark, "encoding": {"y": y, **encoding, "tooltip": tooltip}}

    layers = [
        layer(
            {"type": "bar", "color": colours.forecast, "opacity": 0.85, "height": {"band": 0.56}, "cornerRadiusEnd": 2},
            {"x": {"field": "forecast", **x}},
        ),
        layer(
            {"type": "rule", "color": colours.actual, "strokeWidth": 1.6},
            {"x": {"field": "low", **x}, "x2": {"field": "high"}},
        ),
        layer(
            {"type": "tick", "color": colours.baseline, "thickness": 3, "height": {"band": 0.78}},
            {"x": {"field": "last_period", **x}},
        ),
        layer(
            {
                "type": "point",
                "shape": "diamond",
                "size": 60,
                "color": colours.actual,
                "fill": colours.background,
                "strokeWidth": 1.5,
                "opacity": 1,
            },
            {"x": {"field": "last_year", **x}},
        ),
    ]
    return _spec(list(rows), layers, colours, max(90, 34 * len(rows) + 40))


def stock_values(rows: Sequence[Row], *, colours: Palette, unit: str) -> Spec:
    """A bar of the stock's value for each member, largest first, with its figure at the end.

    Args:
        rows: `name`, `value`, `label`, `tip_value`, `tip_units`, in the order to show.
        colours: the theme's palette.
        unit: title of the value axis.
    """
    y = _names_axis(130)
    largest = max((row["value"] for row in rows), default=0.0)
    x: Spec = {
        "field": "value",
        "type": "quantitative",
        # Room for the figure at the end of the longest bar, on a narrow screen too.
        "scale": {"domain": [0, largest * 1.25 or 1.0], "nice": False},
        "axis": {"title": unit, "format": "~s", "labelExpr": ZERO_LABEL, "tickCount": 4, "gridColor": colours.grid},
    }
    tooltip = [
        {"field": "name", "title": "Name"},
        {"field": "tip_value", "title": "Value of the mean stock"},
        {"field": "tip_units", "title": "Units"},
    ]
    bar = {"type": "bar", "color": colours.forecast, "opacity": 0.85, "height": {"band": 0.6}, "cornerRadiusEnd": 2}
    figure = {"type": "text", "align": "left", "dx": 5, "color": colours.text, "fontSize": 12}
    layers: list[Spec] = [
        {"mark": bar, "encoding": {"y": y, "x": x, "tooltip": tooltip}},
        {"mark": figure, "encoding": {"y": y, "x": x, "text": {"field": "label"}, "tooltip": tooltip}},
    ]
    return _spec(list(rows), layers, colours, max(90, 30 * len(rows) + 40))


def dumbbell(
    rows: Sequence[Row], *, colours: Palette, unit: str, target: float | None = None, percent: bool = False
) -> Spec:
    """Our figure and the baseline's for each member, joined by a line: the gap is the value added.

    Args:
        rows: `name`, `ours`, `baseline` (none where the baseline has no figure), `tip_ours`, `tip_baseline`,
            `tip_change`; shown in the order given.
        colours: the theme's palette.
        unit: title of the value axis.
        target: where the figure should be, drawn as a rule (coverage).
        percent: whether the figures are ratios.
    """
    y = _names_axis(150)
    x: Spec = {
        "type": "quantitative",
        "scale": {"zero": target is None, "nice": True},
        "axis": {
            "title": unit,
            "tickCount": 5,
            "format": ".0%" if percent else ".2f",
            "gridColor": colours.grid,
        },
    }
    tooltip = [
        {"field": "name", "title": "Level"},
        {"field": "tip_ours", "title": "Our forecast"},
        {"field": "tip_baseline", "title": "Last week repeated"},
        {"field": "tip_change", "title": "Difference"},
    ]

    def layer(mark: Spec, encoding: Spec) -> Spec:
        return {"mark": mark, "encoding": {"y": y, **encoding, "tooltip": tooltip}}

    layers = [
        layer(
            {"type": "rule", "color": colours.last_year, "strokeWidth": 2},
            {"x": {"field": "ours", **x}, "x2": {"field": "baseline"}},
        ),
        layer(
            {
                "type": "point",
                "shape": "diamond",
                "size": 90,
                "color": colours.baseline,
                "fill": colours.background,
                "strokeWidth": 2,
                "opacity": 1,
            },
            {"x": {"field": "baseline", **x}},
        ),
        layer(
            {"type": "point", "filled": True, "size": 110, "color": colours.forecast, "opacity": 1},
            {"x": {"field": "ours", **x}},
        ),
    ]
    if target is not None:
        layers.insert(
            0,
            {
                "data": {"values": [{"target": target}]},
                "mark": {"type": "rule", "color": colours.good, "strokeDash": [5, 3], "strokeWidth": 1.6},
                "encoding": {"x": {"field": "target", **x}},
            },
        )
    return _spec(list(rows), layers, colours, max(110, 27 * len(rows) + 46))


def signed_bars(
    rows: Sequence[Row],
    *,
    colours: Palette,
    unit: str,
    limit: float | None = None,
    number_format: str = "+.0%",
    titles: tuple[str, str] = ("Level", "Bias"),
) -> Spec:
    """Bars left and right of zero; those beyond the limit in the warning colour.

    Args:
        rows: `name`, `value`, `tip_value`; shown in the order given.
        colours: the theme's palette.
        unit: title of the value axis.
        limit: absolute value from which a bar is a warning, drawn as two rules; none: no bar is.
        number_format: of the value axis.
        titles: of the name and the value in the tooltip.
    """
    y = _names_axis(150)
    reach = max([abs(row["value"]) for row in rows] + [limit or 0.0]) * 1.15
    x: Spec = {
        "type": "quantitative",
        "scale": {"domain": [-reach, reach]},
        "axis": {
            "title": unit,
            "format": number_format,
            "labelExpr": ZERO_LABEL,
            "tickCount": 5,
            "gridColor": colours.grid,
        },
    }
    hue: Spec = {"value": colours.forecast}
    rules: list[Spec] = []
    if limit is not None:
        hue["condition"] = {"test": f"abs(datum.value) > {limit}", "value": colours.bad}
        rules.append(
            {
                "data": {"values": [{"limit": -limit}, {"limit": limit}]},
                "mark": {"type": "rule", "color": colours.text, "strokeDash": [3, 4]},
                "encoding": {"x": {"field": "limit", **x}},
            }
        )
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "height": {"band": 0.6}, "cornerRadiusEnd": 2},
            "encoding": {
                "y": y,
                "x": {"field": "value", **x},
                "color": hue,
                "tooltip": [{"field": "name", "title": titles[0]}, {"field": "tip_value", "title": titles[1]}],
            },
        },
        *rules,
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": colours.text},
            "encoding": {"x": {"field": "zero", **x}},
        },
    ]
    return _spec(list(rows), layers, colours, max(110, 27 * len(rows) + 46))


def lines_by_model(
    rows: Sequence[Row],
    *,
    hues: Sequence[tuple[str, str]],
    colours: Palette,
    x_title: str,
    unit: str,
    number_format: str = ".2f",
    from_zero: bool = False,
) -> Spec:
    """One line a model over the tests or lead days; the run's own solid, the others dashed.

    Args:
        rows: `x` (text or number, in the order to show), `model`, `value`, `tip_value`, `ours` (the run's own model).
        hues: model and its colour (see `model_hues`).
        colours: the theme's palette.
        x_title: title of the other axis.
        unit: title of the value axis.
        number_format: of the value axis.
        from_zero: whether the value axis begins at zero.
    """
    domain = [name for name, _ in hues]
    colour_of = [colour for _, colour in hues]
    colour: Spec = {
        "field": "model",
        "type": "nominal",
        "scale": {"domain": domain, "range": colour_of},
        "legend": None,
    }
    x: Spec = {
        "field": "x",
        "type": "ordinal",
        "sort": None,
        "axis": {
            "title": x_title,
            "labelAngle": 0,
            "labelOverlap": True,
            "labelLimit": 0,
            "labelExpr": "split(datum.label, ', ')",
            "grid": False,
        },
    }
    y: Spec = {
        "field": "value",
        "scale": {"zero": from_zero},
        **_value_axis(unit, colours, number_format=number_format),
    }
    dash: Spec = {"condition": {"test": "datum.ours", "value": [1, 0]}, "value": [4, 3]}
    layers: list[Spec] = [
        {
            "mark": {"type": "line", "strokeWidth": 2.2},
            "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash, "detail": {"field": "model"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y,
                "color": colour,
                "tooltip": [
                    {"field": "model", "title": "Model"},
                    {"field": "x", "title": x_title},
                    {"field": "tip_value", "title": unit},
                ],
            },
        },
    ]
    return _spec(list(rows), layers, colours, 240)


def model_hues(ours: str, baseline: str | None, others: Sequence[str], colours: Palette) -> list[tuple[str, str]]:
    """(model, colour): ours in the forecast's colour, the baseline in its own on every page, then the others."""
    rest = zip(sorted(others), [colours.last_year, colours.flag, colours.good] * 3, strict=False)
    return [(ours, colours.forecast), *([(baseline, colours.baseline)] if baseline else []), *rest]


def stacked_checks(rows: Sequence[Row], *, colours: Palette) -> Spec:
    """Passed, warned and failed checks of each suite as one bar.

    Args:
        rows: `suite`, `outcome` (`passed`, `warning`, `failed`), `count`.
        colours: the theme's palette.
    """
    suites = list(dict.fromkeys(row["suite"] for row in rows))
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "height": {"band": 0.62}},
            "encoding": {
                "y": {
                    "field": "suite",
                    "type": "nominal",
                    "sort": suites,
                    "axis": {"title": None, "labelLimit": 150, "ticks": False, "domain": False, "labelPadding": 6},
                },
                "x": {
                    "field": "count",
                    "type": "quantitative",
                    "stack": "zero",
                    "scale": {"nice": True},
                    "axis": {
                        "title": "checks",
                        "format": "d",
                        "tickMinStep": 1,
                        "tickCount": 5,
                        "gridColor": colours.grid,
                    },
                },
                "color": {
                    "field": "outcome",
                    "type": "nominal",
                    "scale": {
                        "domain": ["passed", "warning", "failed"],
                        "range": [colours.forecast, colours.baseline, colours.actual],
                    },
                    "legend": None,
                },
                "order": {"field": "rank", "type": "quantitative"},
                "tooltip": [
                    {"field": "suite", "title": "Suite"},
                    {"field": "outcome", "title": "Outcome"},
                    {"field": "count", "title": "Checks"},
                ],
            },
        }
    ]
    return _spec(list(rows), layers, colours, max(90, 34 * len(suites) + 40))


def run_scores(rows: Sequence[Row], *, colours: Palette) -> Spec:
    """Backtest error of each run in order of its making, beside the baseline of the same folds.

    Args:
        rows: `run` (short name, oldest first), `full` name, `wrmsse`, `baseline` (or none), `role`, `tip_score`,
            `tip_baseline`.
        colours: the theme's palette.
    """
    x: Spec = {
        "field": "run",
        "type": "ordinal",
        "sort": None,
        "axis": {"title": None, "labelAngle": 0, "labelOverlap": True, "labelLimit": 110},
    }
    y: Spec = {
        "scale": {"zero": False, "padding": 12},
        **_value_axis("WRMSSE (lower is better)", colours, number_format=".2f"),
    }
    tooltip = [
        {"field": "full", "title": "Run"},
        {"field": "role", "title": "Role"},
        {"field": "tip_score", "title": "WRMSSE"},
        {"field": "tip_baseline", "title": "Last week repeated"},
    ]
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "color": colours.last_year, "strokeWidth": 1.6},
            "encoding": {"x": x, "y": {"field": "wrmsse", **y}, "y2": {"field": "baseline"}},
        },
        {
            "mark": {
                "type": "point",
                "shape": "diamond",
                "size": 80,
                "color": colours.baseline,
                "fill": colours.background,
                "strokeWidth": 2,
                "opacity": 1,
            },
            "encoding": {"x": x, "y": {"field": "baseline", **y}, "tooltip": tooltip},
        },
        {
            "mark": {
                "type": "point",
                "filled": True,
                "size": 120,
                "opacity": 1,
                "color": colours.forecast,
                "stroke": colours.forecast,
                "strokeWidth": 2,
            },
            "encoding": {
                "x": x,
                "y": {"field": "wrmsse", **y},
                "fill": {
                    "condition": {"test": "datum.role == 'champion'", "value": colours.forecast},
                    "value": colours.background,
                },
                "tooltip": tooltip,
            },
        },
    ]
    return _spec(list(rows), layers, colours, 240)


def _date_axis(rows: Sequence[Row], step: str) -> Spec:
    """The days of rows; weeks are marked where they begin, for Vega's own weeks begin on Sundays."""
    axis: Spec = {"title": None, "format": "%-d %b", "labelFlush": True, "labelOverlap": True, "grid": False}
    if step == "day":
        axis["tickCount"] = 8
    else:
        begins = [dt.date.fromisoformat(row["date"][:10]) for row in rows]
        axis["values"] = [{"year": day.year, "month": day.month, "date": day.day} for day in begins]
    return {"field": "date", "type": "temporal", "axis": axis}


def day_text(day: dt.date) -> str:
    """A day for a tooltip, with its weekday."""
    return f"{day:%a} {formats.day(day)}"


def at(day: dt.date) -> str:
    """A day as Vega reads it: midnight on the reader's own clock, so that no time zone moves it to another day."""
    return _at(day)


def _at(day: dt.date) -> str:
    return f"{day.isoformat()}T00:00:00"


def _names_axis(label_limit: int, sort: Any = None) -> Spec:
    """Names down the left side, in the order given unless `sort` says otherwise."""
    axis = {"title": None, "labelLimit": label_limit, "ticks": False, "domain": False, "labelPadding": 6}
    return {"field": "name", "type": "nominal", "sort": sort, "axis": axis}


def _value_axis(title: str, colours: Palette, *, number_format: str = "~s") -> Spec:
    return {
        "type": "quantitative",
        "axis": {
            "title": title,
            "titleAnchor": "end",
            "titleAngle": 0,
            "titleAlign": "left",
            "titleX": -AXIS_WIDTH + 4,
            "titleY": -10,
            "titleFontWeight": "normal",
            "format": number_format,
            "labelExpr": ZERO_LABEL,
            "gridColor": colours.grid,
            "domain": False,
            "ticks": False,
            "tickCount": 5,
            "minExtent": AXIS_WIDTH,
            "maxExtent": AXIS_WIDTH,
        },
    }


def _line(x: Spec, y: Spec, field: str, mark: Spec) -> Spec:
    return {
        "transform": [{"filter": f"isValid(datum['{field}'])"}],
        "mark": {"type": "line", "strokeJoin": "round", **mark},
        "encoding": {"x": x, "y": {"field": field, **y}},
    }


def _spec(rows: list[Row], layers: list[Spec], colours: Palette, height: int) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": rows},
        "height": height,
        "layer": layers,
        "config": {
            "view": {"stroke": None},
            "axis": {
                "labelColor": colours.text,
                "titleColor": colours.text,
                "labelFontSize": 12,
                "titleFontSize": 12,
                "labelFlush": False,
                "gridColor": colours.grid,
                "domainColor": colours.grid,
                "tickColor": colours.grid,
            },
        },
        # SVG, so that screen readers meet the marks and a print stays sharp.
        "usermeta": {"embedOptions": {"renderer": "svg"}},
    }
