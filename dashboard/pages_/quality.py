"""Data quality: whether the data behind the forecast can be trusted, and which checks failed."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, state
from dashboard.data import Serving
from dashboard.layout import Card
from dashboard.pages_ import alarms
from dashboard.settings import get_settings


def render(serving: Serving) -> None:
    """Draw the page."""
    st.title("Can the data be trusted?", anchor=False)
    quality = data.quality(serving.run_key)
    suites = ["all", *(suite.suite for suite in quality.suites)]
    watched = data.monitoring(serving.run_key)
    if not quality.suites:
        state.write_address()
        layout.empty(
            "No check has been recorded yet.",
            "`demand quality` checks raw data, marts and forecasts; `demand run` does so before it publishes.",
        )
        _monitoring(serving, watched)
        _links()
        return
    layout.cards(_cards(serving, quality))
    _by_suite(quality)
    chosen = state.choose(
        "Suite", "suite", suites, show=lambda text: "All suites" if text == "all" else text, width=260
    )
    state.write_address("suite")
    layout.unavailable_picks()
    _results([result for result in quality.results if chosen in ("all", result.suite)])
    _monitoring(serving, watched)
    _links()


def _cards(serving: Serving, quality: schemas.Quality) -> list[Card]:
    passed = sum(suite.passed for suite in quality.suites)
    errors = sum(suite.errors for suite in quality.suites)
    warnings = sum(suite.warnings for suite in quality.suites)
    total = passed + errors + warnings
    checked = max(suite.checked_at for suite in quality.suites)
    age = (dt.datetime.now(dt.UTC) - checked).total_seconds()
    verdict = {"passed": "Yes", "warning": "Yes, with warnings", "failed": "No", "unknown": "Not known"}[quality.status]
    return [
        Card(
            "Can the data be trusted?",
            verdict,
            f"{passed} of {total} checks passed.",
            tone="good" if quality.status == "passed" else "warning" if errors or warnings else "plain",
        ),
        Card(
            "What failed?",
            f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}",
            "An error stops a run before it is published; a warning is recorded.",
            tone="bad" if errors else "warning" if warnings else "plain",
        ),
        Card(
            "How fresh is this?",
            formats.age(age),
            f"was the last check; sales are known up to {formats.day(serving.origin)}.",
        ),
    ]


def _by_suite(quality: schemas.Quality) -> None:
    shade = layout.colours()
    rows = [
        {"suite": suite.suite, "outcome": outcome, "count": count, "rank": rank}
        for suite in quality.suites
        for rank, (outcome, count) in enumerate(
            (("passed", suite.passed), ("warning", suite.warnings), ("failed", suite.errors))
        )
        if count
    ]
    st.header("By suite", anchor=False)
    layout.legend(
        [("passed", "bar", shade.forecast), ("warning", "bar", shade.baseline), ("error", "bar", shade.actual)]
    )
    layout.chart(
        charts.stacked_checks(rows, colours=shade), alt="Checks of each suite by outcome.", key="quality_suites"
    )


def _results(results: list[schemas.QualityResult]) -> None:
    failures = [result for result in results if not result.success]
    if failures:
        layout.table(
            _rows(failures), name="failed_checks", title=f"{len(failures)} not passed", opened=True, columns=_COLUMNS
        )
    else:
        layout.note("All listed checks passed.", tone="good")
    layout.table(_rows(results), name="checks", title=f"All {len(results)} checks as a table", columns=_COLUMNS)


def _rows(results: list[schemas.QualityResult]) -> list[dict[str, object]]:
    return [
        {
            "outcome": "✓ passed" if result.success else "▲ warning" if result.severity == "warning" else "✕ error",
            "dataset": result.dataset,
            "check": result.expectation,
            "observed": result.observed,
            "suite": result.suite,
            "checked": result.checked_at.replace(tzinfo=None),
        }
        for result in results
    ]


_COLUMNS = {
    "outcome": "Outcome",
    "dataset": "Data set",
    "check": "Check",
    "observed": "Observed",
    "suite": "Suite",
    "checked": st.column_config.DatetimeColumn("Checked (UTC)", format="D MMM YYYY, HH:mm"),
}


def _monitoring(serving: Serving, watched: schemas.Monitoring) -> None:
    """Alarms, drift and live accuracy by week."""
    st.header("Alarms", anchor=False)
    alarms.show(serving)
    st.header("Since publication", anchor=False)
    if watched.status == "unknown":
        layout.empty(
            "No measurements yet.",
            "`demand run` and `demand monitor` compare new sales with last year's and with the forecasts.",
        )
        return
    bad = sum(week.bad for week in watched.weeks)
    st.caption(
        f"{bad} of {len(watched.weeks)} weekly figures are out of bounds. An alarm needs several such weeks of one "
        f"figure."
    )
    layout.table(
        [
            {
                "outcome": "▲ out of bounds" if week.bad else "✓ good",
                "metric": week.metric,
                "subject": week.subject,
                "week": week.period_end,
                "value": round(week.value, 3),
                "low": week.low,
                "high": None if week.high is None else round(week.high, 3),
                "run": week.run_id,
            }
            for week in watched.weeks
        ],
        name="monitoring",
        title=f"All {len(watched.weeks)} weekly figures as a table",
        columns=_WEEK_COLUMNS,
    )


_WEEK_COLUMNS = {
    "outcome": "Outcome",
    "metric": "Metric",
    "subject": "Of",
    "week": st.column_config.DateColumn("Week to", format="D MMM YYYY"),
    "value": "Value",
    "low": "At least",
    "high": "At most",
    "run": "Run",
}


def _links() -> None:
    site = get_settings().docs_url
    st.header("Read more", anchor=False)
    if not site:
        layout.empty(
            "The documentation site is not linked.",
            "`make docs` builds it (lineage, Data Docs, benchmarks); set DEMAND_DOCS_URL to where it is published.",
        )
        return
    base = site.rstrip("/")
    with st.container(horizontal=True):
        st.link_button("Data Docs: every check in detail", f"{base}/data-docs/index.html", icon=":material/fact_check:")
        st.link_button("Lineage: from raw data to this page", f"{base}/dbt/index.html", icon=":material/account_tree:")
