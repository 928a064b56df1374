"""Every chart is valid Vega-Lite (checked by Altair) and every colour pair can be told apart."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import altair as alt
import pytest

from dashboard import charts

ORIGIN = dt.date(2016, 5, 22)
DAY = {"date": charts.at(ORIGIN), "last_year": 1.0, "event": None, "flag": True}
TIPS = dict.fromkeys(("tip_day", "tip_units", "tip_range", "tip_last_year", "tip_event"), "x")
COMPARED = dict.fromkeys(("forecast", "low", "high", "last_period", "last_year"), 1.0)


def specifications(colours: charts.Palette) -> dict[str, charts.Spec]:
    return {
        "timeline": charts.timeline(
            [DAY | TIPS | {"actual": 2.0}, DAY | TIPS | {"mean": 2.0, "q_0_025": 1.0, "q_0_975": 3.0}],
            origin=ORIGIN,
            bands=[("q_0_025", "q_0_975")],
            colours=colours,
            last_days=7,
        ),
        "price": charts.price_steps(
            [{"date": charts.at(ORIGIN), "price": 1.0, "tip_day": "x", "tip_price": "1"}],
            domain=(ORIGIN, ORIGIN),
            colours=colours,
        ),
        "model_and_final": charts.model_and_final(
            [{"date": charts.at(ORIGIN), "day": "x", "model": 1.0, "final": 2.0, "changed": 3.0}],
            colours=colours,
            changed=True,
            step="week",
        ),
        "scenario": charts.scenario(
            [{"date": charts.at(ORIGIN), "base": 1.0, "scenario": 2.0, "low": 0.0, "high": 3.0, "model": 1.0}],
            colours=colours,
        ),
        "price_response": charts.price_response(
            [{"price": -10.0, "elasticity": 5.0, "low": 1.0, "high": 9.0, "model": None}], chosen=-5.0, colours=colours
        ),
        "comparison": charts.comparison([{"name": "a", **COMPARED}], colours=colours, unit="units"),
        "stock": charts.stock_values([{"name": "a", "value": 1.0, "label": "1"}], colours=colours, unit="money"),
        "dumbbell": charts.dumbbell(
            [{"name": "a", "ours": 1.0, "baseline": None}], colours=colours, unit="x", target=0.95, percent=True
        ),
        "bias": charts.signed_bars([{"name": "a", "value": -0.1}], colours=colours, unit="x", limit=0.05),
        "folds": charts.lines_by_model(
            [{"x": "a", "model": "m", "value": 1.0, "ours": True, "tip_value": "1"}],
            hues=charts.model_hues("m", "b", ["c"], colours),
            colours=colours,
            x_title="x",
            unit="y",
        ),
        "causes": charts.waterfall(
            [{"name": "a", "start": 0.0, "end": 3.0, "kind": "total", "tip": "3"}], colours=colours, unit="units"
        ),
        "checks": charts.stacked_checks([{"suite": "a", "outcome": "passed", "count": 3, "rank": 0}], colours=colours),
        "runs": charts.run_scores(
            [{"run": "a", "full": "a", "wrmsse": 1.0, "baseline": None, "role": "champion"}], colours=colours
        ),
    }


@pytest.mark.parametrize("colours", [charts.LIGHT, charts.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", sorted(specifications(charts.LIGHT)))
def test_specifications_are_valid(name: str, colours: charts.Palette) -> None:
    spec = specifications(colours)[name]
    assert "datasets" not in spec
    assert all(set(layer.get("data", {})) <= {"values"} for layer in spec["layer"]), "a layer has lost its rows"
    alt.LayerChart.from_dict({key: value for key, value in spec.items() if key != "usermeta"}, validate=True)


def test_a_day_stays_that_day_in_every_time_zone() -> None:
    # a date alone would be read as midnight in Greenwich, which is the day before in America
    assert charts.at(ORIGIN) == "2016-05-22T00:00:00"


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [charts.LIGHT, charts.DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_the_background(colours: charts.Palette) -> None:
    for name in ("text", "good", "bad", "actual"):
        assert contrast(getattr(colours, name), colours.background) >= 4.5, name  # WCAG AA, text
    for name in ("forecast", "last_year", "baseline", "flag"):
        assert contrast(getattr(colours, name), colours.background) >= 3.0, name  # WCAG AA, graphics


def seen_without_red_or_green(colour: str, kind: str) -> tuple[float, ...]:
    """Linear RGB as a person with protanopia or deuteranopia sees it (Viénot, Brettel, Mollon 1999)."""
    red, green, blue = ((int(colour[at : at + 2], 16) / 255) ** 2.2 for at in (1, 3, 5))
    if kind == "protan":
        mixed = 0.1124 * red + 0.8876 * green
        return mixed, mixed, 0.004 * red - 0.004 * green + blue
    mixed = 0.2927 * red + 0.7073 * green
    return mixed, mixed, -0.0223 * red + 0.0223 * green + blue


@pytest.mark.parametrize("kind", ["protan", "deutan"])
@pytest.mark.parametrize("colours", [charts.LIGHT, charts.DARK], ids=["light", "dark"])
def test_lines_that_meet_can_be_told_apart_by_the_colour_blind(colours: charts.Palette, kind: str) -> None:
    meeting: list[Any] = [colours.actual, colours.forecast, colours.baseline]
    for one, other in itertools.combinations(meeting, 2):
        a, b = seen_without_red_or_green(one, kind), seen_without_red_or_green(other, kind)
        assert sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 > 0.12
