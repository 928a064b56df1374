"""One static site that opens from disk: lineage, data quality and the API's contract."""

from __future__ import annotations

import html
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from models_ml import dbt
from models_ml.settings import Settings

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 3rem auto; padding: 0 1rem; color: #1c2430; }
a { color: #0b5fa5; } table { border-collapse: collapse; width: 100%; } h1 { line-height: 1.2; }
td, th { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #d8dee6; vertical-align: top; }
code { font: 14px ui-monospace, monospace; }
@media (prefers-color-scheme: dark) { body { background: #14181f; color: #dfe5ee; } a { color: #7cc0ff; }
  td, th { border-color: #333b47; } }
"""


def build_site(settings: Settings) -> Path:
    """Write `<home>/site`, replacing an earlier one as a whole.

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
        shutil.copy(home / "dbt" / "static_index.html", part / "dbt" / "index.html")
        reports = home / "reports" / "data_docs"
        if reports.exists():
            shutil.copytree(reports, part / "data-docs")
        (part / "api").mkdir()
        contract = openapi()
        (part / "api" / "openapi.json").write_text(json.dumps(contract, indent=1))
        (part / "api" / "index.html").write_text(page("API", api_table(contract)))
        (part / "index.html").write_text(page("Retail demand forecasting", links(part)))
        part.chmod(0o755)
        shutil.rmtree(site, ignore_errors=True)
        part.replace(site)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return site / "index.html"


def openapi() -> dict[str, Any]:
    """The API's own description of itself."""
    from api.main import create_app
    from api.settings import ApiSettings

    contract: dict[str, Any] = create_app(ApiSettings(auth="off")).openapi()
    return contract


def links(part: Path) -> str:
    """The index: what is there, and what each page answers."""
    rows = [("dbt/index.html", "Models and lineage", "Where does a number come from? Every model, column and test.")]
    if (part / "data-docs").exists():
        rows.append(("data-docs/index.html", "Data quality", "Can it be trusted? The latest checks and what failed."))
    rows.append(("api/index.html", "API", "How do systems read forecasts? Every route, and the OpenAPI document."))
    return "<table>" + "".join(f'<tr><td><a href="{a}">{b}</a></td><td>{c}</td></tr>' for a, b, c in rows) + "</table>"


def api_table(contract: dict[str, Any]) -> str:
    """Routes and what they are for."""
    rows = [
        f"<tr><td><code>{method.upper()} {html.escape(path)}</code></td>"
        f"<td>{html.escape(operation['summary'])}</td></tr>"
        for path, operations in contract["paths"].items()
        for method, operation in operations.items()
    ]
    return f'<p><a href="openapi.json">openapi.json</a></p><table>{"".join(rows)}</table>'


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
