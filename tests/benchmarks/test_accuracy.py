"""The accuracy benchmark goes on where it stopped, writes its tables whole, and notices other bytes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import accuracy
from benchmarks.accuracy import Row

FOLDS = ("2016-04-24", "2016-03-27")


def row(model: str, fold: str, wrmsse: float, forecast: str = "aa") -> Row:
    figures = {"wrmsse": {"0": wrmsse, "9": wrmsse}, "wspl": {"0": 0.1}, "coverage_95_smooth": {"12": 0.95}}
    return Row(
        "all stores", model, fold, 10, accuracy.provenance.code_version(accuracy.CODE), forecast, 1, 2, 3, figures
    )


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Which models and folds are measured; each gives the WRMSSE that its name decides."""
    asked: list[tuple[str, str]] = []
    wrmsse = {"middle_out": 0.5, "item_lightgbm": 0.6, "seasonal_naive": 0.8}

    def in_own_process(model: str, fold: str, minutes: float) -> Row | None:
        asked.append((model, fold))
        return row(model, fold, wrmsse[model]) if model in wrmsse else None

    monkeypatch.setattr(accuracy, "in_own_process", in_own_process)
    monkeypatch.setattr(accuracy, "ROWS", tmp_path / "accuracy.jsonl")
    monkeypatch.setattr(accuracy, "TABLES", tmp_path / "accuracy.md")
    (tmp_path / "accuracy.md").write_text(
        "before\n<!-- accuracy: written by its benchmark -->\nold\n<!-- end of accuracy -->\nafter\n"
    )
    return asked


def run(monkeypatch: pytest.MonkeyPatch, models: str, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["accuracy", "--models", models, "--folds", ",".join(FOLDS), *options])
    return accuracy.main()


def test_what_is_measured_is_not_measured_again(
    measured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "middle_out") == 0
    assert run(monkeypatch, "middle_out,item_lightgbm,seasonal_naive") == 0
    assert measured == [(m, f) for m in ("middle_out", "item_lightgbm", "seasonal_naive") for f in FOLDS]
    text = accuracy.TABLES.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| middle_out | 0.5000 | 0.5000 | 0.5000 |" in text
    assert "better than item_lightgbm on 2 of 2 folds." in text
    assert list(accuracy.TABLES.parent.glob("*.part")) == []


def test_a_fold_that_is_lost_is_named(measured: list[tuple[str, str]]) -> None:
    accuracy.keep([row("middle_out", FOLDS[0], 0.9), row("middle_out", FOLDS[1], 0.5)])
    accuracy.keep([*accuracy.known_rows().values(), *(row("seasonal_naive", fold, 0.8) for fold in FOLDS)])
    assert "better than seasonal_naive on 1 of 2 folds, not on 2016-04-24." in accuracy.TABLES.read_text()


def test_rows_of_other_code_are_measured_again(
    measured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracy.keep([replace(row("middle_out", fold, 0.9), code="other") for fold in FOLDS])
    assert run(monkeypatch, "middle_out") == 0
    assert {r.figure("wrmsse") for r in accuracy.known_rows().values()} == {0.5}


def test_asked_again_the_bytes_must_be_the_same(
    measured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracy.keep([row("middle_out", FOLDS[0], 0.5), row("middle_out", FOLDS[1], 0.5, forecast="other")])
    assert run(monkeypatch, "middle_out", "--again") == 1
    times = {r.fold: (r.forecast, r.times) for r in accuracy.known_rows().values()}
    assert times == {FOLDS[0]: ("aa", 2), FOLDS[1]: ("other", 1)}


def test_a_model_that_fails_stops_no_other(measured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "prophet,middle_out") == 1
    assert len(accuracy.known_rows()) == 2
