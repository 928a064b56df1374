"""One small, clean world for all tests of this folder; each test breaks a copy of it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from models_ml.settings import Settings


def _published() -> Any:
    """The module beside this file (tests are no package, so that two folders may have modules of one name)."""
    name = "expectations_tests_published"
    if name not in sys.modules:
        path = Path(__file__).with_name("published.py")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def published() -> Any:
    """The module that builds the world."""
    return _published()


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory, published: Any) -> Settings:
    """The clean world; never change it."""
    settings: Settings = published.build_world(tmp_path_factory.mktemp("clean") / "home")
    return settings


@pytest.fixture
def copy(clean: Settings, tmp_path: Path) -> Settings:
    """A copy of the clean world to break."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("warehouse.duckdb", "prediction_store.sqlite"):
        shutil.copy(clean.home / name, home / name)
    return Settings(home=home)
