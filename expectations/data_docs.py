"""Data Docs under `<home>/reports/data_docs`: a page a validation, a history of bounded length, a readable index.

The pages are Great Expectations' own renderings. Its site builder is not used: it fetches styles and scripts
from public servers, so that its pages are unreadable from disk on a closed network, and it renders all anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from expectations.checks import ZONES, CheckResult, Dataset, report_setting
from expectations.library import great_expectations

FOLDER = "reports/data_docs"
_STAMP = "%Y-%m-%dT%H-%M-%S-%fZ"
_FOREIGN = re.compile(r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>|</?a\b[^>]*>", re.DOTALL)
"""What points to public servers, or to pages that are not written."""
_ZONE_TITLES = {"raw": "Raw tables", "marts": "Core and feature marts", "store": "Prediction store"}


def open_context() -> Any:
    """A Great Expectations context that lives in memory, sends nothing and draws no progress bars."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # Its default makes a temporary folder for a docs site, and leaves it.
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=stores))
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def write_validation(home: Path, zone: str, dataset: Dataset, validation: Any, results: Sequence[CheckResult]) -> None:
    """Write the page of one validation and its results as JSON; pages beyond the history's length are removed."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    now = datetime.now(UTC)
    folder = home / FOLDER / "validations" / f"{zone}.{dataset.name}"
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "checked_at": now.isoformat(timespec="seconds"),
        "zone": zone,
        "dataset": dataset.name,
        "relation": dataset.relation,
        "about": dataset.about,
        "skipped": list(dataset.skipped),
        "results": [asdict(result) for result in results],
    }
    stem = now.strftime(_STAMP)
    document = ValidationResultsPageRenderer(run_info_at_end=True).render(validation)
    (folder / f"{stem}.html").write_text(_page(document), encoding="utf-8")
    (folder / f"{stem}.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    for old in sorted(folder.glob("*.json"))[: -report_setting("results_kept")]:
        old.with_suffix(".html").unlink(missing_ok=True)
        old.unlink()


def write_index(home: Path) -> Path:
    """Write `index.html` (newest results and history by dataset) and `corruptions.html`; returns the index."""
    root = home / FOLDER
    histories = {folder.name: _history(folder) for folder in sorted((root / "validations").iterdir())}
    sections = []
    for zone in ZONES:
        rows = [_dataset_row(history) for history in histories.values() if history and history[-1][1]["zone"] == zone]
        if rows:
            head = "".join(
                f"<th>{title}</th>" for title in ("Dataset", "What it is", "Newest", "Checked (UTC)", "Before")
            )
            head = f"<tr>{head}</tr>"
            sections.append(f"<h2>{_ZONE_TITLES[zone]}</h2><table class='wide'>{head}{''.join(rows)}</table>")
    body = (
        "<h1>Data quality</h1>"
        "<p>Errors stop the job before anything is published; warnings are recorded and the job goes on. "
        "<a href='corruptions.html'>Which layer catches which fault</a>.</p>"
        f"{_open_findings(histories)}{''.join(sections)}"
    )
    root.joinpath("corruptions.html").write_text(_html("What catches what", _corruptions()), encoding="utf-8")
    index = root / "index.html"
    index.write_text(_html("Data quality", body), encoding="utf-8")
    return index


History = list[tuple[Path, dict[str, Any]]]


def _history(folder: Path) -> History:
    """Page and record of each validation that is kept, oldest first."""
    return [(path.with_suffix(".html"), json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


def _failed(record: dict[str, Any], severity: str) -> list[dict[str, Any]]:
    return [r for r in record["results"] if not r["success"] and r["severity"] == severity]


def _verdict(record: dict[str, Any]) -> str:
    return "error" if _failed(record, "error") else "warning" if _failed(record, "warning") else "pass"


def _link(page: Path) -> str:
    return f"validations/{page.parent.name}/{page.name}"


def _dataset_row(history: History) -> str:
    page, record = history[-1]
    verdict = _verdict(record)
    passed = sum(r["success"] for r in record["results"])
    counts = [f"{passed} of {len(record['results'])} passed"]
    counts += [f"{len(_failed(record, s))} {s}s" for s in ("error", "warning") if _failed(record, s)]
    before = " ".join(
        f"<a class='dot {_verdict(r)}' href='{_link(p)}' title='{r['checked_at']}: {_verdict(r)}'></a>"
        for p, r in reversed(history[:-1])
    )
    skipped = "".join(f"<br><small>{escape(reason)}</small>" for reason in record["skipped"])
    return (
        f"<tr><td><a href='{_link(page)}'>{escape(record['dataset'])}</a>"
        f"<br><small>{escape(record['relation'])}</small></td>"
        f"<td>{escape(record['about'])}{skipped}</td>"
        f"<td><span class='badge {verdict}'>{verdict}</span> {', '.join(counts)}</td>"
        f"<td>{record['checked_at'][:19].replace('T', ' ')}</td><td>{before}</td></tr>"
    )


def _open_findings(histories: dict[str, History]) -> str:
    """What failed in the newest validations, errors first."""
    rows = [
        f"<tr><td><span class='badge {severity}'>{severity}</span></td>"
        f"<td>{escape(result['dataset'])}</td>"
        f"<td>{escape(result['description'])}<br><small>{escape(result['expectation'])}</small></td>"
        f"<td>{escape(result['observed'])}</td><td>{escape(result['remedy'])}</td></tr>"
        for severity in ("error", "warning")
        for history in histories.values()
        if history
        for result in _failed(history[-1][1], severity)
    ]
    if not rows:
        return "<p class='good'>All checks of the newest validations passed.</p>"
    head = "<tr><th></th><th>Dataset</th><th>What must hold</th><th>Observed</th><th>What to do</th></tr>"
    return f"<h2>Open findings</h2><table class='wide'>{head}{''.join(rows)}</table>"


def corruptions() -> list[dict[str, str]]:
    """The table of broken data sets: name, fault, layer and what catches it; tests prove each row."""
    table: list[dict[str, str]] = yaml.safe_load(files("expectations").joinpath("corruptions.yml").read_text("utf-8"))
    return table


def _corruptions() -> str:
    rows = "".join(
        f"<tr><td>{escape(c['fault'])}</td><td>{escape(c['layer'])}</td>"
        f"<td><code>{escape(c['caught_by'])}</code></td></tr>"
        for c in corruptions()
    )
    return (
        "<h1>What catches what</h1><p>Each row is a test: the data set is broken in this way, and the named check of "
        "the named layer must find it before forecasts are served; on clean data every check stays silent. "
        "<a href='index.html'>Back to the results</a>.</p>"
        f"<table class='wide'><tr><th>Fault</th><th>Layer</th><th>Caught by</th></tr>{rows}</table>"
    )


def _page(document: Any) -> str:
    """A page of Great Expectations with our style in place of what it would fetch from public servers."""
    page = str(_view().render(document))
    body = page[page.index("<body>") + len("<body>") : page.index("</body>")]
    back = "<p><a href='../../index.html'>All data sets</a></p>"
    return _html("Validation", back + _FOREIGN.sub("", body))


@cache
def _view() -> Any:
    """Great Expectations' page view; kept, since it compiles its templates anew for each view."""
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView()


def _html(title: str, body: str) -> str:
    style = files("expectations").joinpath("data_docs.css").read_text("utf-8")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{body}</main></body></html>\n"
    )
