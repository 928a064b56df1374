"""The lineage page is one file that opens from disk."""

from __future__ import annotations

import pytest

from tests.dbt_project.project import Home

pytestmark = [pytest.mark.dbt, pytest.mark.browser, pytest.mark.slow]

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def test_static_page_shows_a_report_with_its_columns_and_asks_for_nothing(home: Home) -> None:
    from playwright.sync_api import expect, sync_playwright

    done = home.dbt("docs", "generate", "--static")
    assert done.returncode == 0, done.stdout[-3000:]
    page_file = home.path / "dbt" / "static_index.html"
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{page_file.as_uri()}#!/model/model.retail_demand.rpt_bias_tracking")
        expect(page.get_by_text("distinguishes bias from chance").first).to_be_visible()
        expect(page.get_by_text("mean_absolute_deviation").first).to_be_visible()
        browser.close()
    assert [url for url in asked if url.startswith("http")] == []
