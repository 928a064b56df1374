"""The site's folder: every part made or copied, then put in place as a whole."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from models_ml.settings import REPOSITORY, Settings
from models_ml.site import api_reference
from models_ml.site.markdown import MarkdownPages
from models_ml.site.page import page
from models_ml.warehouse import dbt

README = "README.md"
MARKDOWN = (README, "docs/*.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "infra/README.md", "benchmarks/*.md")
"""Documents of the repository that become pages."""

COPIED = ("LICENSE",)


@dataclass(frozen=True)
class Entry:
    """A line of the index: where it leads, and which question it answers."""

    href: str
    title: str
    answers: str


ENTRIES = (
    Entry("readme.html", "Overview", "What is this, and how do I run it?"),
    Entry("docs/start.html", "Start", "How do I get from a clone to an order list?"),
    Entry("docs/your-own-data.html", "Your own data", "How are my tables read, and which rules can I set?"),
    Entry("docs/how-it-forecasts.html", "How it forecasts", "What is the method, and where are its limits?"),
    Entry("docs/planners-guide.html", "Planner's guide", "What do the pages say, and how do I order and override?"),
    Entry("docs/api.html", "API guide", "How does another system read forecasts and orders?"),
    Entry("docs/operating.html", "Operating it", "Which commands, settings, checks and alarms are there?"),
    Entry("docs/store-promises.html", "What the store promises", "What can readers rely on, and which test proves it?"),
    Entry("docs/design-decisions.html", "Design decisions", "Why is it built so?"),
    Entry("dbt/index.html", "Models and lineage", "Where does a number come from? Every model, column and test."),
    Entry("data-docs/index.html", "Data quality", "Can it be trusted? The newest checks, what failed, what is caught."),
    Entry("api/index.html", "API reference", "How do systems read forecasts? Every route and shape."),
    Entry("benchmarks/accuracy.html", "Accuracy", "How good are the forecasts, on which days, against what?"),
    Entry("changelog.html", "Changes", "What is new?"),
    Entry("infra/readme.html", "Operations on Azure", "An alarm went off: what does it mean, and what is to be done?"),
)


def build_site(settings: Settings, openapi: Mapping[str, Any]) -> Path:
    """Write `<home>/site`, replacing an earlier one as a whole.

    Args:
        settings: whose home, warehouse and store are described.
        openapi: the API's description of itself.

    Returns:
        Its index page.

    Raises:
        StepError: dbt cannot make its docs, for example because nothing has been built yet.
    """
    home = settings.home.resolve()
    dbt.run(settings, ["docs", "generate", "--static"])
    site = home / "site"
    part = Path(tempfile.mkdtemp(prefix=".site-", dir=home))
    try:
        (part / "dbt").mkdir()
        lineage = (home / "dbt" / "static_index.html").read_text(encoding="utf-8")
        (part / "dbt" / "index.html").write_text(mended(lineage), encoding="utf-8")
        reports = home / "reports" / "data_docs"
        if reports.exists():
            shutil.copytree(reports, part / "data-docs")
        api_reference.write(part / "api", openapi)
        pages = documents()
        MarkdownPages(REPOSITORY, pages, COPIED).write(part)
        (part / "index.html").write_text(index(part, pages), encoding="utf-8")
        part.chmod(0o755)
        shutil.rmtree(site, ignore_errors=True)
        part.replace(site)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return site / "index.html"


def documents() -> list[str]:
    """Paths in the repository of the documents that become pages; none where there is no checkout."""
    found = (sorted(REPOSITORY.glob(pattern)) for pattern in MARKDOWN)
    return [path.relative_to(REPOSITORY).as_posix() for paths in found for path in paths]


def mended(lineage: str) -> str:
    """dbt's page without its requests for missing files: a favicon, and templates that are not filled in yet."""
    filled_later = lineage.replace('xlink:href="{{', 'ng-attr-xlink:href="{{')
    return re.sub(r"<link[^>]*\$\{require\([^>]*>", "", filled_later)


def index(part: Path, pages: list[str]) -> str:
    """The first page: what there is, and the question that each part answers."""
    rows = "".join(
        f'<tr><td><a href="{entry.href}">{escape(entry.title)}</a></td><td>{escape(entry.answers)}</td></tr>'
        for entry in ENTRIES
        if (part / entry.href).exists()
    )
    names = [Path(name).with_suffix(".html").as_posix() for name in pages if name.startswith("benchmarks/")]
    measured = ", ".join(f'<a href="{name}">{Path(name).stem}</a>' for name in names)
    body = (
        "<h1>Retail demand forecasting</h1>"
        "<p>Raw sales become tested marts, marts become forecasts, forecasts are served. Each page answers one kind "
        f"of question; all of them open from disk.</p><table>{rows}</table><p>All that was measured: {measured}.</p>"
    )
    return page("Retail demand forecasting", body)
