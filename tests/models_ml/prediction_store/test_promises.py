"""The documents promise something of the store only where a test of this folder proves it."""

from __future__ import annotations

import re
from pathlib import Path

from models_ml.settings import REPOSITORY

FOLDER = Path(__file__).parent


def test_every_promise_names_a_test_that_is_there() -> None:
    page = (REPOSITORY / "docs" / "store-promises.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!promise|-)(.+?) \| (.+?) \|$", page, flags=re.MULTILINE)
    assert len(rows) >= 13
    for promise, proof in rows:
        names = re.findall(r"`([\w/]+)`", proof)
        modules = [name for name in names if (FOLDER / f"{name}.py").exists()]
        assert modules, promise
        text = "".join((FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in modules)
        for name in set(names) - set(modules) - {"golden/"}:
            assert re.search(rf"(def|class) {name}\b", text), f"{promise}: {name} is in none of {modules}"
