"""What all charts share: colours by meaning, axes, and the frame around the layers.

Colours are Okabe and Ito's, which people with any kind of colour blindness can tell apart, in a light and a dark
variant of equal meaning: ink for what was sold, blue for the forecast, grey for the year before, orange for a
baseline or a warning. Dash and shape repeat what colour says, so that a print in grey still reads.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
from altair.utils import schemapi

from dashboard import formats

Row = dict[str, Any]
Spec = dict[str, Any]
"""A chart as Vega-Lite."""

AXIS_WIDTH = 46
"""Pixels kept for the labels of a value axis, so that charts below each other share their days."""

DATE_TITLES = {"day": "Day", "week": "Week from"}
"""What a date is, by the step of a run."""

ZERO_LABEL = "datum.value == 0 ? '0' : datum.label"
"""Vega expression of an axis label: a plain zero instead of `0k`."""

alt.theme.enable("none")  # the colours and sizes below are all that a chart is told
# Streamlit moves a chart's rows about, and loses those of layers that Altair has put under `datasets`.
alt.data_transformers.enable("default", consolidate_datasets=False)
schemapi.DEBUG_MODE = False  # Altair would validate each part of each chart as it is made; the tests validate instead


PICK = "pick"
"""Name of the selection of a clickable chart."""


def clickable(spec: Spec) -> Spec:
    """The chart with its bars, or else its last marks, selectable by `name`."""
    layers = [dict(layer) for layer in spec["layer"]]
    at = next((n for n, layer in enumerate(layers) if layer["mark"]["type"] == "bar"), len(layers) - 1)
    select = {"type": "point", "fields": ["name"]}
    layers[at] |= {
        "params": [{"name": PICK, "select": select}],
        "mark": {**layers[at]["mark"], "cursor": "pointer"},
    }
    return {**spec, "layer": layers}


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


def at(day: dt.date) -> str:
    """A day as Vega reads it: midnight on the reader's own clock, so that no time zone moves it to another day."""
    return f"{day.isoformat()}T00:00:00"


def day_text(day: dt.date) -> str:
    """A day for a tooltip, with its weekday."""
    return f"{day:%a} {formats.day(day)}"


def dates(rows: Sequence[Row], step: str, scale: Any = alt.Undefined) -> alt.X:
    """The days of rows. Weeks are marked where they begin, because Vega's own weeks begin on Sundays."""
    axis = alt.Axis(title=None, format="%-d %b", labelFlush=True, labelOverlap=True, grid=False)
    if step == "day":
        axis.tickCount = 8
    else:
        begins = [dt.date.fromisoformat(row["date"][:10]) for row in rows]
        axis.values = [alt.DateTime(year=day.year, month=day.month, date=day.day) for day in begins]
    return alt.X(field="date", type="temporal", axis=axis, scale=scale)


def values(
    field: str, title: str, colours: Palette, *, number_format: str = "~s", scale: Any = alt.Undefined, ticks: int = 5
) -> alt.Y:
    """A column of numbers up the left side, with its title above it."""
    axis = alt.Axis(
        title=title,
        titleAnchor="end",
        titleAngle=0,
        titleAlign="left",
        titleX=-AXIS_WIDTH + 4,
        titleY=-10,
        titleFontWeight="normal",
        format=number_format,
        labelExpr=ZERO_LABEL,
        gridColor=colours.grid,
        domain=False,
        ticks=False,
        tickCount=ticks,
        minExtent=AXIS_WIDTH,
        maxExtent=AXIS_WIDTH,
    )
    return alt.Y(field=field, type="quantitative", axis=axis, scale=scale)


def names(label_limit: int, sort: Any = None, field: str = "name") -> alt.Y:
    """Names down the left side, in the order given unless `sort` says otherwise."""
    axis = alt.Axis(title=None, labelLimit=label_limit, ticks=False, domain=False, labelPadding=6)
    return alt.Y(field=field, type="nominal", sort=sort, axis=axis)


def lengths(field: str, title: str, colours: Palette, *, scale: Any = alt.Undefined, **axis: Any) -> alt.X:
    """A column of numbers along the bottom, beside `names`."""
    return alt.X(
        field=field, type="quantitative", scale=scale, axis=alt.Axis(title=title, gridColor=colours.grid, **axis)
    )


def tips(**titles: str) -> list[alt.Tooltip]:
    """Texts of a tooltip: title by field."""
    return [alt.Tooltip(field=field, type="nominal", title=title) for field, title in titles.items()]


def line(base: alt.Chart, y: alt.Y, **mark: Any) -> alt.Chart:
    """A line through the rows that have a value."""
    known = base.transform_filter(f"isValid(datum['{y['field']}'])")
    drawn: alt.Chart = known.mark_line(strokeJoin="round", **mark).encode(y=y)
    return drawn


def band(base: alt.Chart, low: alt.Y, high: str, colour: str, opacity: float, **mark: Any) -> alt.Chart:
    """The area between two columns."""
    known = base.transform_filter(f"isValid(datum['{low['field']}'])")
    drawn: alt.Chart = known.mark_area(color=colour, opacity=opacity, **mark).encode(y=low, y2=alt.Y2(field=high))
    return drawn


def rows_of(*rows: Row) -> alt.Chart:
    """A chart of its own rows, for rules and tints."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def layered(rows: Sequence[Row], layers: Sequence[alt.Chart], colours: Palette, height: int) -> Spec:
    """Layers over the same rows, in the theme's colours, as Vega-Lite."""
    # Rows and configuration come last, because Altair copies all that a chart holds with every step.
    axis = alt.AxisConfig(
        labelColor=colours.text,
        titleColor=colours.text,
        labelFontSize=12,
        titleFontSize=12,
        labelFlush=False,
        gridColor=colours.grid,
        domainColor=colours.grid,
        tickColor=colours.grid,
    )
    return {
        **alt.layer(*layers, data=alt.NamedData(name="rows"), height=height).to_dict(validate=False),
        "data": {"values": list(rows)},
        "config": {"view": {"stroke": None}, "axis": axis.to_dict(validate=False)},
        # SVG, so that screen readers meet the marks and a print stays sharp.
        "usermeta": {"embedOptions": {"renderer": "svg"}},
    }
