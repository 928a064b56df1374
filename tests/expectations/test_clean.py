from __future__ import annotations

import json
import re
from typing import Any

import pytest
from duckdb_engine import CursorWrapper
from sqlalchemy import select

from expectations.checks import limits, report_setting, threshold_names
from expectations.data_docs import FOLDER
from expectations.run import run_zones
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.schema import quality_results
from models_ml.settings import Settings


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows that each statement brought out of the warehouse."""
    counts: list[int] = []

    class Counting(CursorWrapper):  # type: ignore[misc]
        def execute(self, *arguments: Any, **options: Any) -> None:
            super().execute(*arguments, **options)
            counts.append(0)

        def fetchone(self) -> Any:
            row = super().__getattr__("fetchone")()
            counts[-1] += row is not None
            return row

        def fetchall(self) -> list[Any]:
            rows: list[Any] = super().__getattr__("fetchall")()
            counts[-1] += len(rows)
            return rows

        def fetchmany(self, size: int | None = None) -> list[Any]:
            rows: list[Any] = super().fetchmany(size)
            counts[-1] += len(rows)
            return rows

    monkeypatch.setattr("duckdb_engine.CursorWrapper", Counting)
    return counts


def test_clean_data_is_silent_and_every_limit_is_used(copy: Settings, fetched: list[int]) -> None:
    summary = run_zones(copy, "all")
    assert sum(count > 0 for count in fetched) > 20
    assert max(fetched) <= 10, "a check pulled rows out of the warehouse: on real data these would be 59 million"
    failed = [r.sentence for r in summary.results if not r.success]
    assert not failed
    summary.raise_on_errors()
    used = {(r.dataset, r.expectation) for r in summary.results if r.expectation != "expected_columns"}
    assert used == threshold_names()
    assert summary.text == f"{len(summary.results)} checks passed"

    engine = make_engine(copy.effective_store_url, read_only=True)
    with engine.connect() as connection:
        stored = connection.execute(select(quality_results)).all()
    engine.dispose()
    assert {(s.dataset, s.expectation, s.severity, s.success) for s in stored} == {
        (r.dataset, r.expectation, r.severity, 1) for r in summary.results
    }
    of_store = {s.run_id for s in stored if s.suite.startswith("store.")}
    assert of_store == {"run_of_the_tests"}


def test_data_docs_open_from_disk_and_their_history_is_bounded(copy: Settings) -> None:
    for _ in range(report_setting("results_kept") + 2):
        run_zones(copy, "raw")
    root = copy.home / FOLDER
    pages = sorted((root / "validations" / "raw.raw_sales").glob("*.html"))
    assert len(pages) == report_setting("results_kept")
    for page in [root / "index.html", root / "corruptions.html", pages[-1]]:
        text = page.read_text()
        assert not re.search(r"(src|href)=['\"]https?://", text), page
        for link in re.findall(r"href='([^']+)'", text):
            assert (page.parent / link).exists(), (page, link)
    newest = json.loads(pages[-1].with_suffix(".json").read_text())
    assert len(newest["results"]) == len(limits("raw_sales")) + 1
