"""Fixtures that several packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def m5_zip() -> Path:
    """The zip of real M5 files in the folder named by M5_DATA_DIR."""
    folder = os.environ.get("M5_DATA_DIR")
    if not folder:
        pytest.skip("M5_DATA_DIR is unset: it names the folder of m5-forecasting-accuracy.zip, the real M5 data")
    path = Path(folder) / "m5-forecasting-accuracy.zip"
    assert path.exists(), f"M5_DATA_DIR={folder} has no {path.name}"
    return path
