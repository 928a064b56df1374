"""Common elements of the pages: status line, answer cards, legends, tables with CSV, and states without a chart (empty,
unavailable, rejected). Texts come from data, so they are escaped before they become HTML.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard import charts, data, formats, state
from dashboard.data import Serving

Tone = Literal["plain", "good", "warning", "bad"]
Swatch = Literal["line", "dash", "area", "strong_area", "bar", "strip", "tick", "dot", "diamond", "triangle"]

LegendEntry = tuple[str, Swatch, str]
"""Text, shape and colour of an entry of a legend."""

CHART_CONFIG: dict[str, Any] = {"theme": "streamlit", "width": "stretch"}

_TONE_MARKS: dict[Tone, str] = {"plain": "", "good": "✓ ", "warning": "▲ ", "bad": "▼ "}


@dataclass(frozen=True)
class Card:
    """One answer: a question, the figure that answers it, and its context."""

    question: str
    answer: str
    detail: str
    more: str = ""
    tone: Tone = "plain"


def colours() -> charts.Palette:
    """The palette of the browser's theme."""
    return charts.palette(st.context.theme.type)


def style() -> None:
    """Styles of the common elements; all colours come from the theme, light or dark."""
    shade = colours()
    variables = {
        "text": shade.text,
        "grid": shade.grid,
        "good": shade.good,
        "bad": shade.bad,
        "forecast": shade.forecast,
        "faint": shade.last_year,
    }
    root = "".join(f"--d-{name}: {value}; " for name, value in variables.items())
    st.html(f"<style>:root {{ {root} }}\n{_style_sheet()}</style>")


@lru_cache(maxsize=1)
def _style_sheet() -> str:
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def provenance(serving: Serving) -> None:
    """The status line at the top of every page: run, last known sales and age."""
    status = serving.status
    tone: Tone = {"fresh": "good", "stale": "warning", "empty": "warning"}[status.status]  # type: ignore[assignment]
    word = {"fresh": "Up to date", "stale": "Stale", "empty": "Nothing published"}[status.status]
    parts = [_pill("▲ Service unavailable", "warning") if serving.away else _pill(_TONE_MARKS[tone] + word, tone)]
    newest = serving.runs[0] if serving.runs else None
    if newest and serving.origin:
        published = min((run.published_at for run in serving.runs if run.published_at), default=None)
        parts.append(f"<span>Sales known to <b>{formats.day(serving.origin)}</b></span>")
        if published:
            seconds = (dt.datetime.now(dt.UTC) - published).total_seconds()
            parts.append(f"<span>· forecast published {formats.age(seconds)}</span>")
        count = len(serving.runs)
        which = f"run {_text(newest.run_id)}" if count == 1 else f"{count} runs"
        parts.append(f"<span>· {which}</span>")
    st.html(f'<div class="d-line" role="status" aria-label="State of the data">{" ".join(parts)}</div>')
    if serving.away:
        loaded = f"{serving.loaded_at:%H:%M} UTC"
        note(
            f"{serving.away} The data shown was loaded at {loaded}; this page retries automatically.",
            tone="warning",
        )
    elif status.status == "stale" and status.age_days is not None:
        note(
            f"The served forecast was published {status.age_days:.0f} days ago; the limit is {status.max_age_days:.0f} "
            f"days. Run `demand run`, or look for failed runs on the page Runs.",
            tone="warning",
        )


def cards(items: Sequence[Card]) -> None:
    """Answer cards, side by side on wide screens and stacked on narrow ones."""
    blocks = [
        f'<section class="d-card" aria-label="{_text(card.question)}"><h2>{_text(card.question)}</h2>'
        f'<div class="answer {card.tone}">{_text(card.answer)}</div><p>{_text(card.detail)}</p>'
        + (f'<p class="more">{_text(card.more)}</p>' if card.more else "")
        + "</section>"
        for card in items
    ]
    st.html(f'<div class="d-cards">{"".join(blocks)}</div>')


def legend(entries: Sequence[LegendEntry]) -> None:
    """A legend that wraps on narrow screens: (text, shape, colour)."""
    items = [f"<li>{_swatch(shape, colour)}{_text(text)}</li>" for text, shape, colour in entries]
    st.html(f'<ul class="d-legend" aria-label="Legend">{"".join(items)}</ul>')


def note(*texts: str, tone: Tone = "plain") -> None:
    """A note in one sentence."""
    blocks = [f'<div class="d-note {tone}" role="note">{_TONE_MARKS[tone]}{_rich(text)}</div>' for text in texts]
    st.html("".join(blocks))


def empty(title: str, text: str) -> None:
    """Shown in place of an empty chart: what is missing and how to get it."""
    st.html(f'<div class="d-empty" role="status"><strong>{_rich(title)}</strong><span>{_rich(text)}</span></div>')


def chart(spec: charts.Spec, *, alt: str, key: str, lead: Callable[[str], None] | None = None) -> None:
    """Draw a specification.

    Args:
        spec: the chart.
        alt: tells those who cannot see it what it shows.
        key: of the widget.
        lead: called with the name of a bar or point that is clicked; none: nothing happens.
    """
    if lead is None:
        st.vega_lite_chart(spec, alt=alt, key=key, **CHART_CONFIG)
        return

    def clicked() -> None:
        points = st.session_state[key].selection.get(charts.PICK, [])
        if points:
            lead(str(points[0]["name"]))

    st.vega_lite_chart(charts.clickable(spec), alt=alt, key=key, on_select=clicked, **CHART_CONFIG)


def table(
    rows: Sequence[Mapping[str, Any]],
    *,
    name: str,
    columns: Mapping[str, Any] | None = None,
    height: int | None = None,
    title: str = "Numbers as a table",
    opened: bool = False,
    where_known: Sequence[str] = (),
    lead: Callable[[int], None] | None = None,
) -> None:
    """A collapsible table with a CSV download.

    Args:
        rows: the same keys in each.
        name: name of the CSV file without ending, and key of the widgets.
        columns: Streamlit's column configuration by key.
        height: pixels; none: by content.
        title: heading.
        opened: whether the table shows at once.
        where_known: columns that are left out where no row has them, as prices of a source without any.
        lead: called with the number of a row of which a cell is clicked; none: nothing happens.
    """
    key = f"table_{name}"

    def clicked() -> None:
        cells = st.session_state[key].selection.cells
        if lead is not None and cells:
            lead(int(cells[0][0]))

    frame = pd.DataFrame.from_records(list(rows))
    frame = frame.drop(columns=[name for name in where_known if name in frame and frame[name].isna().all()])
    with st.expander(title, expanded=opened):
        st.dataframe(
            frame,
            hide_index=True,
            column_config=dict(columns or {}),
            height=height if height else "auto",
            key=key,
            on_select=clicked if lead else "ignore",
            selection_mode="single-cell",
            placeholder=formats.NO_VALUE,
            alt=title,
        )
        st.download_button(
            "Download CSV",
            formats.csv(frame).encode(),
            file_name=f"{name}.csv",
            mime="text/csv",
            key=f"csv_{name}",
            on_click="ignore",
            icon=":material/download:",
        )


def share() -> None:
    """A link to the current view."""
    with st.popover("Link to this view", icon=":material/link:"):
        st.caption("Copy this link: it opens the same view for anyone with access to this dashboard.")
        st.code(state.link(), language=None, wrap_lines=True)


def unavailable_picks() -> None:
    """Warn if the URL names something that is not served."""
    for name, value in state.missing().items():
        note(
            f"The link names {name} “{value}”, which is not served; the first option is shown instead.", tone="warning"
        )


def away(message: str) -> None:
    """The page shown when the API is unavailable and nothing is cached; it retries automatically."""
    st.title("The forecast service is unavailable", anchor=False)
    empty(
        message,
        "The forecasts are still in the store. Start the API (`demand serve`) or check DEMAND_API_URL. This page "
        "retries every few seconds.",
    )
    st.button("Retry now", key="again", icon=":material/refresh:", on_click=data.look_again)


def nothing_published() -> None:
    """The whole page before the first publish."""
    st.title("No forecast has been published yet", anchor=False)
    empty(
        "The forecast service is running, but its store is empty.",
        "`demand run` builds the warehouse, trains and publishes; this page then updates automatically.",
    )


def _pill(text: str, tone: Tone) -> str:
    return f'<span class="d-pill {tone}">{_text(text)}</span>'


def _text(text: str) -> str:
    return html.escape(text)


def _rich(text: str) -> str:
    """Text with `code` in it."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _swatch(shape: Swatch, colour: str) -> str:
    # Spans, because Streamlit drops SVG from HTML.
    look = {
        "line": f"width:20px;height:0;border-top:3px solid {colour}",
        "dash": f"width:20px;height:0;border-top:2px dashed {colour}",
        "area": f"width:20px;height:11px;background:{colour};opacity:.3",
        "strong_area": f"width:20px;height:11px;background:{colour};opacity:.5",
        "bar": f"width:20px;height:11px;border-radius:2px;background:{colour};opacity:.85",
        "strip": f"width:20px;height:4px;background:{colour}",
        "tick": f"width:3px;height:14px;background:{colour}",
        "dot": f"width:11px;height:11px;border-radius:50%;background:{colour}",
        "diamond": f"width:8px;height:8px;transform:rotate(45deg);border:2px solid {colour}",
        "triangle": "width:0;height:0;border-left:5px solid transparent;border-right:5px solid transparent;"
        f"border-top:9px solid {colour}",
    }[shape]
    return f'<span aria-hidden="true" style="display:inline-block;flex:none;{look}"></span>'
