"""Charts over days or weeks: sales, forecasts, overrides, prices and scenarios."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import altair as alt

from dashboard.charts import theme
from dashboard.charts.theme import DATE_TITLES, Palette, Row, Spec


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
    """Sales, forecast and its ranges by day.

    Args:
        rows: one a day, oldest first: `date`, `actual`, `mean`, `model` (the model's, where overrides change it),
            `last_year` and the fields of `bands` (units or none), `event` (text or none), `flag` (true on a regional
            flag's day), and `tip_units`, `tip_range`, `tip_last_year`, `tip_day`, `tip_event`, formatted.
        origin: last day whose sales are known; a rule divides past and future there.
        bands: (low, high) fields, widest first.
        colours: the theme's palette.
        step: what a row is, `day` or `week`.
        height: pixels.
        last_days: days that a headline is about; they are tinted.
    """
    base = alt.Chart().encode(x=theme.dates(rows, step))

    def units(field: str) -> alt.Y:
        return theme.values(field, f"units a {step}", colours)

    layers = []
    if last_days:
        window = {
            "from": theme.at(origin + dt.timedelta(days=1)),
            "to": theme.at(origin + dt.timedelta(days=last_days)),
        }
        tint = theme.rows_of(window).mark_rect(color=colours.forecast, opacity=0.07)
        layers.append(tint.encode(x=alt.X(field="from", type="temporal"), x2=alt.X2(field="to")))
    layers += [
        theme.band(base, units(low), high, colours.forecast, 0.16 + 0.1 * depth, interpolate="monotone")
        for depth, (low, high) in enumerate(bands)
    ]
    pointed = alt.selection_point(name="pointed", on="pointerover", nearest=True, clear="pointerout", encodings=["x"])
    layers += [
        theme.line(base, units("last_year"), color=colours.last_year, strokeDash=[2, 3], strokeWidth=1.5),
        theme.line(base, units("actual"), color=colours.actual, strokeWidth=1.8),
        theme.line(base, units("model"), color=colours.forecast, strokeDash=[5, 4], strokeWidth=1.5),
        theme.line(base, units("mean"), color=colours.forecast, strokeWidth=2.4),
        base.transform_filter("datum.flag")
        .mark_square(color=colours.flag, size=26, opacity=0.9, yOffset=-3)
        .encode(y=alt.value("height")),
        base.transform_filter("isValid(datum.event)")
        .mark_point(shape="triangle-down", filled=True, size=70, color=colours.flag, opacity=1)
        .encode(y=alt.value(-6)),
        theme.rows_of({"date": theme.at(origin)})
        .mark_rule(color=colours.text, strokeDash=[4, 4])
        .encode(x=theme.dates(rows, step)),
        base.add_params(pointed)
        .transform_calculate(shown="isValid(datum.mean) ? datum.mean : datum.actual")
        .mark_point(filled=True, size=60, color=colours.forecast)
        .encode(
            y=units("shown"),
            opacity=alt.OpacityValue(0, condition={"param": "pointed", "empty": False, "value": 1}),
            tooltip=theme.tips(
                tip_day=DATE_TITLES[step],
                tip_units="Units",
                tip_range="95 % range",
                tip_last_year="Year before",
                tip_event="Calendar",
            ),
        ),
    ]
    return theme.layered(rows, layers, colours, height)


def model_and_final(rows: Sequence[Row], *, colours: Palette, changed: bool, step: str = "day") -> Spec:
    """Units a day (or week) of a node: the model's, the final after overrides, and, when `changed`, with one more.

    Args:
        rows: `date` (see `at`), `day` (text), `model`, `final`, `changed` (or none), and `tip_` texts of the three.
        colours: the theme's palette.
        changed: whether the rows have the third line.
        step: what a row is, `day` or `week`.
    """
    base = alt.Chart().encode(x=theme.dates(rows, step))

    def units(field: str) -> alt.Y:
        return theme.values(field, f"units a {step}", colours)

    layers = [
        theme.line(base, units("model"), color=colours.last_year, strokeDash=[4, 3], strokeWidth=2),
        theme.line(base, units("final"), color=colours.forecast, strokeWidth=2.2),
    ]
    titles = {"day": DATE_TITLES[step], "tip_model": "Model", "tip_final": "Final"}
    if changed:
        layers.append(theme.line(base, units("changed"), color=colours.baseline, strokeWidth=2.2))
        titles["tip_changed"] = "With this override"
    over = base.mark_point(filled=True, size=60, opacity=0).encode(y=units("final"), tooltip=theme.tips(**titles))
    return theme.layered(rows, [*layers, over], colours, 240)


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
        above: rows of the chart above, whose ticks are repeated here.
    """
    days = alt.Scale(domain=[theme.at(domain[0]), theme.at(domain[1])])
    base = alt.Chart().encode(x=theme.dates(above or rows, step, days))
    scale = alt.Scale(zero=False, nice=True, padding=6)
    price = theme.values("price", "price", colours, number_format=".2f", scale=scale, ticks=3)
    layers = [
        base.mark_line(interpolate="step-after", color=colours.actual, strokeWidth=1.8).encode(y=price),
        base.mark_rule(strokeWidth=8, opacity=0).encode(
            tooltip=theme.tips(tip_day=DATE_TITLES[step], tip_price="Price")
        ),
    ]
    return theme.layered(rows, layers, colours, 110)


def scenario(rows: Sequence[Row], *, colours: Palette, step: str = "day") -> Spec:
    """The forecast as it is and as it would be, by day or week.

    Args:
        rows: `date`, `base`, `scenario`, `low`, `high`, `tip_day`, `tip_units`; `model` where overrides changed it.
        colours: the theme's palette.
        step: what a row is, `day` or `week`.
    """
    base = alt.Chart().encode(x=theme.dates(rows, step))

    def units(field: str) -> alt.Y:
        return theme.values(field, f"units a {step}", colours)

    layers = [theme.band(base, units("low"), "high", colours.forecast, 0.2, interpolate="monotone")]
    if rows and "model" in rows[0]:
        layers.append(theme.line(base, units("model"), color=colours.baseline, strokeWidth=1.8, strokeDash=[2, 3]))
    layers += [
        theme.line(base, units("base"), color=colours.actual, strokeWidth=1.8),
        theme.line(base, units("scenario"), color=colours.forecast, strokeWidth=2.4, strokeDash=[6, 3]),
        base.mark_rule(strokeWidth=10, opacity=0).encode(
            tooltip=theme.tips(tip_day=DATE_TITLES[step], tip_units="Units")
        ),
    ]
    return theme.layered(rows, layers, colours, 280)
