"""Every chart of the dashboard: rows in, Vega-Lite made by Altair out; nothing is read or drawn here."""

from dashboard.charts.comparisons import comparison, dumbbell, signed_bars, stacked_checks, stock_values, waterfall
from dashboard.charts.days import model_and_final, price_steps, scenario, timeline
from dashboard.charts.models import lines_by_model, model_hues, price_response, run_scores
from dashboard.charts.theme import DARK, DATE_TITLES, LIGHT, PICK, Palette, Row, Spec, at, clickable, day_text, palette

__all__ = [
    "DARK",
    "DATE_TITLES",
    "LIGHT",
    "PICK",
    "Palette",
    "Row",
    "Spec",
    "at",
    "clickable",
    "comparison",
    "day_text",
    "dumbbell",
    "lines_by_model",
    "model_and_final",
    "model_hues",
    "palette",
    "price_response",
    "price_steps",
    "run_scores",
    "scenario",
    "signed_bars",
    "stacked_checks",
    "stock_values",
    "timeline",
    "waterfall",
]
