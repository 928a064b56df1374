"""Runs: the served run, earlier runs, and the differences between two runs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, state
from dashboard.data import Serving
from dashboard.layout import Card

_SHORT = 16


def render(serving: Serving) -> None:
    """Draw the page."""
    st.title("What is served, and what changed?", anchor=False)
    state.write_address("a", "b")
    page = data.runs(serving.run_key)
    layout.cards(_cards(serving, page))
    _scores(page)
    _ledger(page)
    _compare(serving, page)


def _cards(serving: Serving, page: schemas.RunPage) -> list[Card]:
    champion = serving.runs[0]
    failed = [run for run in page.runs if run.status == "failed"]
    skill = None
    if champion.wrmsse is not None and champion.baseline_wrmsse:
        skill = 1 - champion.wrmsse / champion.baseline_wrmsse
    served = f"{len(serving.stores)} store{'' if len(serving.stores) == 1 else 's'}"
    return [
        Card(
            "What is served now?",
            formats.model(champion.model),
            f"for {served}, sales known to {formats.day(champion.origin)}.",
            f"Run {champion.run_id}, code {(champion.git_commit or 'unknown')[:10]}.",
        ),
        Card(
            "How accurate was it in its backtest?",
            formats.score(champion.wrmsse),
            f"WRMSSE against {formats.score(champion.baseline_wrmsse)} for repeating last week.",
            f"{formats.percent(skill)} better." if skill is not None and skill > 0 else "",
        ),
        Card(
            "Did a run fail?",
            f"{len(failed)} of {len(page.runs)}" if failed else "No",
            f"among the newest {len(page.runs)}; {page.total} runs are kept.",
            textwrap.shorten(f"Newest: {failed[0].reason}", 150, placeholder=" …") if failed else "",
            tone="warning" if failed else "plain",
        ),
    ]


def _scores(page: schemas.RunPage) -> None:
    shade = layout.colours()
    measured = [run for run in reversed(page.runs) if run.wrmsse is not None][-20:]
    st.header("Backtest error, run by run", anchor=False)
    if not measured:
        layout.empty("No run has been measured yet.", "`demand backtest` measures a model on unseen months.")
        return
    layout.legend(
        [
            ("champion (filled), challenger (hollow)", "dot", shade.forecast),
            ("last week repeated, same tests", "diamond", shade.baseline),
        ]
    )
    layout.chart(
        charts.run_scores(
            [
                {
                    "run": f"{run.created_at:%-d %b %H:%M}",
                    "full": run.run_id,
                    "wrmsse": run.wrmsse,
                    "baseline": run.baseline_wrmsse,
                    "role": run.role,
                    "tip_score": formats.score(run.wrmsse),
                    "tip_baseline": formats.score(run.baseline_wrmsse),
                }
                for run in measured
            ],
            colours=shade,
        ),
        alt="WRMSSE of each run beside that of repeating last week, oldest run first.",
        key="runs_scores",
    )


def _ledger(page: schemas.RunPage) -> None:
    layout.table(
        [
            {
                "run": run.run_id,
                "state": _state(run),
                "role": run.role,
                "model": run.model,
                "origin": run.origin,
                "created": run.created_at.replace(tzinfo=None),
                "wrmsse": run.wrmsse,
                "baseline": run.baseline_wrmsse,
                "series": run.series_count,
                "stores": ", ".join(run.scope),
                "reason": run.reason,
                "code": run.git_commit,
            }
            for run in page.runs
        ],
        name="runs",
        title=f"Runs: the newest {len(page.runs)} of {page.total} runs",
        opened=True,
        columns={
            "run": "Run",
            "state": "State",
            "role": "Role",
            "model": "Model",
            "origin": st.column_config.DateColumn("Sales known to", format="D MMM YYYY"),
            "created": st.column_config.DatetimeColumn("Made (UTC)", format="D MMM YYYY, HH:mm"),
            "wrmsse": st.column_config.NumberColumn("WRMSSE", format="%.3f"),
            "baseline": st.column_config.NumberColumn("Last week repeated", format="%.3f"),
            "series": st.column_config.NumberColumn("Series", format="localized"),
            "stores": "Stores",
            "reason": "Reason",
            "code": "Code",
        },
    )


def _state(run: schemas.RunSummary) -> str:
    if run.active_stores:
        return "● served"
    return {"published": "○ published", "running": "… running", "failed": "✕ failed"}[run.status]


def _compare(serving: Serving, page: schemas.RunPage) -> None:
    st.header("Compare two runs", anchor=False)
    # the previous champion is the most useful to compare with; failed runs come last
    ids = [run.run_id for run in sorted(page.runs, key=lambda run: (run.status != "published", run.role != "champion"))]
    if len(ids) < 2:
        layout.empty("There is only one run so far.", "After the next `demand run`, the changes are shown here.")
        return
    newest = serving.runs[0].run_id
    first = [newest, *(one for one in ids if one != newest)]
    with st.container(horizontal=True):
        a = state.choose("This run", "a", first, show=lambda text: text, width=360)
        b = state.choose("Against", "b", [one for one in ids if one != a], show=lambda text: text, width=360)
    state.write_address("a", "b")
    layout.unavailable_picks()
    one, other = data.run(serving.run_key, a), data.run(serving.run_key, b)
    facts = _differences(_facts(one), _facts(other))
    if facts:
        layout.note(f"{len(facts)} thing{'s' if len(facts) != 1 else ''} differ; equal values are not shown.")
        layout.table(
            facts,
            name="run_differences",
            title="What changed",
            opened=True,
            columns={"what": "What", "this": "This run", "against": "Against"},
        )
    else:
        layout.note("Only the name differs.", tone="good")
    layout.share()


def _facts(run: schemas.RunDetail) -> dict[str, str]:
    """A run flattened to comparable lines."""
    facts = {
        "model": run.model,
        "version": run.version,
        "status": run.status,
        "role": run.role,
        "sales known to": formats.day(run.origin),
        "days ahead": str(run.horizon_days),
        "stores": ", ".join(run.scope),
        "series": formats.units(run.series_count) if run.series_count is not None else formats.NO_VALUE,
        "code": run.git_commit or formats.NO_VALUE,
        "data fingerprint": (run.data_fingerprint or formats.NO_VALUE)[:_SHORT],
        "backtest WRMSSE": formats.score(run.wrmsse),
        "backtest WRMSSE, last week repeated": formats.score(run.baseline_wrmsse),
    }
    facts |= {f"parameter {name}": text for name, text in formats.flatten(run.parameters).items()}
    facts |= {f"metric {name}": text for name, text in formats.flatten(run.metrics).items()}
    return facts


def _differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[dict[str, str]]:
    names = [*one, *(name for name in other if name not in one)]
    return [
        {"what": name, "this": one.get(name, formats.NO_VALUE), "against": other.get(name, formats.NO_VALUE)}
        for name in names
        if one.get(name) != other.get(name)
    ]
