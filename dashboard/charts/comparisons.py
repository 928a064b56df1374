"""Charts with a row for each member: departments, levels, items, suites."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from dashboard.charts import theme
from dashboard.charts.theme import Palette, Row, Spec


def comparison(rows: Sequence[Row], *, colours: Palette, unit: str, sort: Sequence[str] | None = None) -> Spec:
    """A bar of the forecast for each member, its range as a whisker, the period before and the year before as marks.

    Args:
        rows: `name`, `forecast`, `low`, `high`, `last_period`, `last_year` (units or none) and `tip_forecast`,
            `tip_range`, `tip_last_period`, `tip_last_year`.
        colours: the theme's palette.
        unit: title of the value axis.
        sort: names in the order to show; by forecast, largest first, when none.
    """
    order = list(sort) if sort else alt.EncodingSortField(field="forecast", op="max", order="descending")
    base = alt.Chart().encode(
        y=theme.names(130, order),
        tooltip=theme.tips(
            name="Name",
            tip_forecast="Forecast",
            tip_range="95 % range",
            tip_last_period="Period before",
            tip_last_year="Year before",
        ),
    )

    def units(field: str) -> alt.X:
        return theme.lengths(field, unit, colours, format="~s", labelExpr=theme.ZERO_LABEL, tickCount=4)

    layers = [
        base.mark_bar(
            color=colours.forecast, opacity=0.85, height=alt.RelativeBandSize(0.56), cornerRadiusEnd=2
        ).encode(x=units("forecast")),
        base.mark_rule(color=colours.actual, strokeWidth=1.6).encode(x=units("low"), x2=alt.X2(field="high")),
        base.mark_tick(color=colours.baseline, thickness=3, height=alt.RelativeBandSize(0.78)).encode(
            x=units("last_period")
        ),
        base.mark_point(
            shape="diamond", size=60, color=colours.actual, fill=colours.background, strokeWidth=1.5, opacity=1
        ).encode(x=units("last_year")),
    ]
    return theme.layered(rows, layers, colours, max(90, 34 * len(rows) + 40))


def stock_values(rows: Sequence[Row], *, colours: Palette, unit: str) -> Spec:
    """A bar of the stock's value for each member, largest first, with its figure at the end.

    Args:
        rows: `name`, `value`, `label`, `tip_value`, `tip_units`, in the order to show.
        colours: the theme's palette.
        unit: title of the value axis.
    """
    largest = max((row["value"] for row in rows), default=0.0)
    # Room for the figure at the end of the longest bar, on a narrow screen too.
    scale = alt.Scale(domain=[0, largest * 1.25 or 1.0], nice=False)
    base = alt.Chart().encode(
        y=theme.names(130),
        x=theme.lengths("value", unit, colours, scale=scale, format="~s", labelExpr=theme.ZERO_LABEL, tickCount=4),
        tooltip=theme.tips(name="Name", tip_value="Value of the mean stock", tip_units="Units"),
    )
    layers = [
        base.mark_bar(color=colours.forecast, opacity=0.85, height=alt.RelativeBandSize(0.6), cornerRadiusEnd=2),
        base.mark_text(align="left", dx=5, color=colours.text, fontSize=12).encode(
            text=alt.Text(field="label", type="nominal")
        ),
    ]
    return theme.layered(rows, layers, colours, max(90, 30 * len(rows) + 40))


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
    base = alt.Chart().encode(
        y=theme.names(150),
        tooltip=theme.tips(
            name="Level", tip_ours="Our forecast", tip_baseline="Last week repeated", tip_change="Difference"
        ),
    )
    scale = alt.Scale(zero=target is None, nice=True)

    def figure(field: str) -> alt.X:
        return theme.lengths(field, unit, colours, scale=scale, tickCount=5, format=".0%" if percent else ".2f")

    layers = []
    if target is not None:
        rule = theme.rows_of({"target": target}).mark_rule(color=colours.good, strokeDash=[5, 3], strokeWidth=1.6)
        layers.append(rule.encode(x=figure("target")))
    layers += [
        base.mark_rule(color=colours.last_year, strokeWidth=2).encode(x=figure("ours"), x2=alt.X2(field="baseline")),
        base.mark_point(
            shape="diamond", size=90, color=colours.baseline, fill=colours.background, strokeWidth=2, opacity=1
        ).encode(x=figure("baseline")),
        base.mark_point(filled=True, size=110, color=colours.forecast, opacity=1).encode(x=figure("ours")),
    ]
    return theme.layered(rows, layers, colours, max(110, 27 * len(rows) + 46))


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
    reach = max([abs(row["value"]) for row in rows] + [limit or 0.0]) * 1.15

    def figure(field: str) -> alt.X:
        scale = alt.Scale(domain=[-reach, reach])
        return theme.lengths(
            field, unit, colours, scale=scale, format=number_format, labelExpr=theme.ZERO_LABEL, tickCount=5
        )

    hue = alt.ColorValue(colours.forecast)
    if limit is not None:
        hue["condition"] = {"test": f"abs(datum.value) > {limit}", "value": colours.bad}
    bars = alt.Chart().mark_bar(height=alt.RelativeBandSize(0.6), cornerRadiusEnd=2)
    tooltip = theme.tips(name=titles[0], tip_value=titles[1])
    layers = [bars.encode(y=theme.names(150), x=figure("value"), color=hue, tooltip=tooltip)]
    if limit is not None:
        rules = theme.rows_of({"limit": -limit}, {"limit": limit}).mark_rule(color=colours.text, strokeDash=[3, 4])
        layers.append(rules.encode(x=figure("limit")))
    layers.append(theme.rows_of({"zero": 0}).mark_rule(color=colours.text).encode(x=figure("zero")))
    return theme.layered(rows, layers, colours, max(110, 27 * len(rows) + 46))


def waterfall(rows: Sequence[Row], *, colours: Palette, unit: str) -> Spec:
    """Bars that each begin where the one above ends, between totals that begin at zero.

    Args:
        rows: `name`, `start`, `end`, `kind` (`total`, `more` or `fewer`), `tip`, in the order to show.
        colours: the theme's palette.
        unit: title of the value axis.
    """
    moved = [value for row in rows for value in (row["start"], row["end"]) if row["kind"] != "total"]
    ends = [row["end"] for row in rows if row["kind"] == "total"]
    kinds = alt.Scale(domain=["total", "more", "fewer"], range=[colours.forecast, colours.good, colours.bad])
    axis = theme.lengths(
        "start",
        unit,
        colours,
        scale=alt.Scale(domain=[min([0.0, *moved]), max([*moved, *ends])]),
        format="~s",
        tickCount=5,
    )
    bars = (
        alt.Chart()
        .mark_bar(height=alt.RelativeBandSize(0.6))
        .encode(
            y=theme.names(170),
            x=axis,
            x2=alt.X2(field="end"),
            color=alt.Color(field="kind", type="nominal", scale=kinds, legend=None),
            tooltip=theme.tips(name="Cause", tip="Units"),
        )
    )
    return theme.layered(rows, [bars], colours, max(110, 27 * len(rows) + 46))


def stacked_checks(rows: Sequence[Row], *, colours: Palette) -> Spec:
    """Passed, warned and failed checks of each suite as one bar.

    Args:
        rows: `suite`, `outcome` (`passed`, `warning`, `failed`), `count`, `rank` (order of the outcomes).
        colours: the theme's palette.
    """
    suites = list(dict.fromkeys(row["suite"] for row in rows))
    count = theme.lengths(
        "count", "checks", colours, scale=alt.Scale(nice=True), format="d", tickMinStep=1, tickCount=5
    )
    count["stack"] = "zero"
    outcomes = alt.Scale(
        domain=["passed", "warning", "failed"], range=[colours.forecast, colours.baseline, colours.actual]
    )
    bars = (
        alt.Chart()
        .mark_bar(height=alt.RelativeBandSize(0.62))
        .encode(
            y=theme.names(150, suites, "suite"),
            x=count,
            color=alt.Color(field="outcome", type="nominal", scale=outcomes, legend=None),
            order=alt.Order(field="rank", type="quantitative"),
            tooltip=theme.tips(suite="Suite", outcome="Outcome", count="Checks"),
        )
    )
    return theme.layered(rows, [bars], colours, max(90, 34 * len(suites) + 40))
