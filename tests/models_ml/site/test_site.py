"""The documentation site: no link is dead, and it opens from disk in a real browser without the network."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from api.main import create_app
from api.settings import ApiSettings
from models_ml.settings import REPOSITORY, Settings
from models_ml.site import api_reference, build_site
from models_ml.site.build import COPIED, ENTRIES, documents, index
from models_ml.site.markdown import MarkdownPages, slug

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


class Links(HTMLParser):
    """Where a page leads, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := values.get(name))}
        self.leads += [value for name in ("href", "src") if (value := values.get(name))]


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    """The API's description of itself."""
    document: dict[str, Any] = create_app(ApiSettings(auth="off")).openapi()
    return document


def dead_links(site: Path) -> list[str]:
    """Links of the site's pages to files or anchors that are not there; dbt's page makes its links when it runs."""
    pages = {path: Links(path.read_text()) for path in sorted(site.rglob("*.html")) if path.parent.name != "dbt"}
    dead = []
    for path, links in pages.items():
        for lead in links.leads:
            parts = urlsplit(lead)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = target.is_file() and target.is_relative_to(site.resolve())
            if not there or (parts.fragment and target in pages and parts.fragment not in pages[target].anchors):
                dead.append(f"{path.relative_to(site)}: {lead}")
    return dead


def test_links_lead_to_pages_copies_and_anchors_or_are_no_links(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(
        "# One\n\n[down](docs/two.md#part-b), [here](#one), [out](https://example.com), [gone](code.py), "
        "![p](docs/p.png)"
    )
    (tmp_path / "docs" / "two.md").write_text("## Part B\n\n[up](../README.md), [licence](../LICENSE)")
    (tmp_path / "docs" / "p.png").touch()
    (tmp_path / "LICENSE").touch()
    site = tmp_path / "site"
    MarkdownPages(tmp_path, ["README.md", "docs/two.md"], ["LICENSE"]).write(site)
    (site / "index.html").touch()
    assert dead_links(site.resolve()) == []
    one, two = (Links((site / name).read_text()).leads for name in ("readme.html", "docs/two.html"))
    assert {"docs/two.html#part-b", "#one", "https://example.com", "files/p.png"} <= set(one)
    assert {"../readme.html", "../files/LICENSE", "../index.html"} <= set(two)
    assert "code.py" not in one
    assert "<span>gone</span>" in (site / "readme.html").read_text()
    (site / "docs" / "two.html").unlink()
    assert dead_links(site.resolve()) == ["readme.html: docs/two.html#part-b"]


def test_headings_have_the_anchors_that_github_gives_them() -> None:
    assert slug("What you get: `demand run`, twice") == "what-you-get-demand-run-twice"
    assert slug("Champion & challenger") == "champion--challenger"


def test_no_link_of_the_repositorys_documents_is_dead(tmp_path: Path, openapi: dict[str, Any]) -> None:
    site = tmp_path.resolve()
    pages = documents()
    assert {"README.md", "docs/start.md", "CONTRIBUTING.md", "infra/README.md", "benchmarks/results.md"} <= set(pages)
    MarkdownPages(REPOSITORY, pages, COPIED).write(site)
    api_reference.write(site / "api", openapi)
    (site / "index.html").write_text(index(site, pages))
    assert dead_links(site) == []
    assert "<h1>Retail demand forecasting</h1>" in (site / "index.html").read_text()
    assert (site / "files" / "dashboard.png").exists()


@pytest.fixture(scope="module")
def site(published_home: Path, openapi: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a copy of the published home."""
    home = tmp_path_factory.mktemp("site") / "home"
    shutil.copytree(published_home, home, ignore=shutil.ignore_patterns("models", "mlflow*"))
    return build_site(Settings(home=home), openapi).parent


@pytest.mark.slow
@pytest.mark.dbt
@pytest.mark.browser
def test_the_whole_site_opens_from_disk(site: Path) -> None:
    assert dead_links(site) == []
    assert all((site / entry.href).exists() for entry in ENTRIES)
    if CHROMIUM is None:
        pytest.skip("chromium is not installed; make test installs it, or says how")
    from playwright.sync_api import sync_playwright

    shots = REPOSITORY / "artifacts" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_offline(True)
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(f"{request.url} failed"))
        for href, words in (
            ("index.html", "Models and lineage"),
            ("readme.html", "How data flows"),
            ("data-docs/index.html", "Data quality"),
            ("api/index.html", "/forecast/hierarchy"),
            ("benchmarks/accuracy.html", "WRMSSE"),
            ("dbt/index.html#!/exposure/exposure.retail_demand.planner_dashboard", "Planner's dashboard"),
            ("dbt/index.html#!/model/model.retail_demand.fct_series_features", "as_of_date"),
        ):
            page.goto((site / "index.html").as_uri().replace("index.html", "") + href)
            page.get_by_text(words).first.wait_for(timeout=20_000)
            page.screenshot(path=shots / f"site-{href.split('#')[-1].strip('!/').replace('/', '-')}.png")
        browser.close()
    assert wrong == []
