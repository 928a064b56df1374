"""A source is found by its name, and nothing heavy is imported before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models_ml.errors import InputError
from models_ml.sources import SOURCE_NAMES, SimulatedSource, get_source


def test_every_name_gives_a_source() -> None:
    for name in SOURCE_NAMES:
        assert callable(get_source(name).ingest)


def test_m5_can_be_simulated_and_ingested(tmp_path: Path) -> None:
    source = get_source("m5")
    assert isinstance(source, SimulatedSource)
    source.simulate(tmp_path / "raw", stores=1, items=3, days=10, seed=1)
    assert source.ingest(tmp_path / "raw", tmp_path / "warehouse.duckdb").series == 3


def test_unknown_source_names_those_that_exist() -> None:
    with pytest.raises(InputError, match=r"unknown source 'excel'. Choose one of: m5, long"):
        get_source("excel")


def test_the_registry_is_light() -> None:
    program = "import sys, models_ml.sources; print('numpy' in sys.modules or 'duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
