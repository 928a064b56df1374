"""Charts of models and runs against each other, and of a price's effect."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from dashboard.charts import theme
from dashboard.charts.theme import Palette, Row, Spec


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
    scale = alt.Scale(domain=[name for name, _ in hues], range=[colour for _, colour in hues])
    axis = alt.Axis(
        title=x_title,
        labelAngle=0,
        labelOverlap=True,
        labelLimit=0,
        labelExpr="split(datum.label, ', ')",
        grid=False,
    )
    base = alt.Chart().encode(
        x=alt.X(field="x", type="ordinal", sort=None, axis=axis),
        y=theme.values("value", unit, colours, number_format=number_format, scale=alt.Scale(zero=from_zero)),
        color=alt.Color(field="model", type="nominal", scale=scale, legend=None),
    )
    layers = [
        base.mark_line(strokeWidth=2.2).encode(
            strokeDash=alt.StrokeDashValue([4, 3], condition={"test": "datum.ours", "value": [1, 0]}),
            detail=alt.Detail(field="model", type="nominal"),
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            tooltip=theme.tips(model="Model", x=x_title, tip_value=unit)
        ),
    ]
    return theme.layered(rows, layers, colours, 240)


def model_hues(ours: str, baseline: str | None, others: Sequence[str], colours: Palette) -> list[tuple[str, str]]:
    """(model, colour): ours in the forecast's colour, the baseline in its own on every page, then the others."""
    rest = zip(sorted(others), [colours.last_year, colours.flag, colours.good] * 3, strict=False)
    return [(ours, colours.forecast), *([(baseline, colours.baseline)] if baseline else []), *rest]


def run_scores(rows: Sequence[Row], *, colours: Palette) -> Spec:
    """Backtest error of each run in order of its making, beside the baseline of the same folds.

    Args:
        rows: `run` (short name, oldest first), `full` name, `wrmsse`, `baseline` (or none), `role`, `tip_score`,
            `tip_baseline`.
        colours: the theme's palette.
    """
    axis = alt.Axis(title=None, labelAngle=0, labelOverlap=True, labelLimit=110)
    base = alt.Chart().encode(x=alt.X(field="run", type="ordinal", sort=None, axis=axis))
    scale = alt.Scale(zero=False, padding=12)

    def score(field: str) -> alt.Y:
        return theme.values(field, "WRMSSE (lower is better)", colours, number_format=".2f", scale=scale)

    tooltip = theme.tips(full="Run", role="Role", tip_score="WRMSSE", tip_baseline="Last week repeated")
    champion = {"test": "datum.role == 'champion'", "value": colours.forecast}
    layers = [
        base.mark_rule(color=colours.last_year, strokeWidth=1.6).encode(y=score("wrmsse"), y2=alt.Y2(field="baseline")),
        base.mark_point(
            shape="diamond", size=80, color=colours.baseline, fill=colours.background, strokeWidth=2, opacity=1
        ).encode(y=score("baseline"), tooltip=tooltip),
        base.mark_point(
            filled=True, size=120, opacity=1, color=colours.forecast, stroke=colours.forecast, strokeWidth=2
        ).encode(y=score("wrmsse"), fill=alt.FillValue(colours.background, condition=champion), tooltip=tooltip),
    ]
    return theme.layered(rows, layers, colours, 240)


def price_response(rows: Sequence[Row], *, chosen: float, colours: Palette) -> Spec:
    """Change of units by change of price, both in percent.

    Args:
        rows: `price`, `elasticity`, `low`, `high`, and `model` or none.
        chosen: the price of the scenario, drawn as a rule.
        colours: the theme's palette.
    """
    axis = alt.Axis(title="price against plan (%)", format="+d", grid=False, tickCount=6)
    price = alt.X(field="price", type="quantitative", scale=alt.Scale(zero=False), axis=axis)
    base = alt.Chart().encode(x=price)

    def change(field: str) -> alt.Y:
        return theme.values(field, "units against forecast (%)", colours, number_format="+d")

    titles = {
        "price": "Price (%)",
        "elasticity": "By elasticity (%)",
        "low": "Low (%)",
        "high": "High (%)",
        "model": "By the model (%)",
    }
    tooltip = [
        alt.Tooltip(field=name, type="quantitative", title=title, format="+.1f") for name, title in titles.items()
    ]
    layers = [
        theme.band(base, change("low"), "high", colours.forecast, 0.2),
        theme.line(base, change("elasticity"), color=colours.forecast, strokeWidth=2.4),
        theme.line(
            base,
            change("model"),
            color=colours.baseline,
            strokeWidth=2,
            strokeDash=[5, 3],
            point=alt.OverlayMarkDef(color=colours.baseline),
        ),
        theme.rows_of({"price": chosen}).mark_rule(color=colours.text, strokeDash=[3, 4]).encode(x=price),
        base.mark_rule(strokeWidth=14, opacity=0).encode(tooltip=tooltip),
    ]
    return theme.layered(rows, layers, colours, 240)
