"""checkov over infra/terraform: nothing fails, and every check that is left out says why."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra import INFRA

pytestmark = pytest.mark.infra

SETTINGS = INFRA / ".checkov.yml"


def checkov(folder: Path) -> dict[str, Any]:
    """Its report, without a look at the network."""
    done = subprocess.run(
        [Path(sys.executable).with_name("checkov"), "--directory", folder, "--config-file", SETTINGS, "--skip-download",
         "--output", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_nothing_fails_and_nothing_is_skipped_in_the_code() -> None:
    report = checkov(INFRA / "terraform")
    failed = [f"{c['check_id']} {c['resource']}: {c['check_name']}" for c in report["results"]["failed_checks"]]
    assert failed == []
    assert report["summary"]["passed"] > 80
    assert not [path for path in (INFRA / "terraform").rglob("*.tf") if "checkov:skip" in path.read_text()]


def test_a_public_account_is_found(tmp_path: Path) -> None:
    shutil.copytree(INFRA / "terraform", tmp_path / "terraform")
    path = tmp_path / "terraform" / "modules" / "lake" / "main.tf"
    path.write_text(re.sub(r"(shared_access_key_enabled +=) false", r"\1 true", path.read_text()))
    report = checkov(tmp_path / "terraform")
    assert {check["check_id"] for check in report["results"]["failed_checks"]} >= {"CKV2_AZURE_40"}


def test_every_skip_says_why() -> None:
    lines = SETTINGS.read_text().split("skip-check:\n")[1].splitlines()
    explained = False
    skipped = []
    for line in lines:
        if line.strip().startswith("#"):
            explained = True
            assert len(line.split()) > 5
        else:
            skipped.append(line)
            assert explained, f"{line}: no reason above it"
    assert re.fullmatch(r"  - CKV2?_AZURE_\d+", skipped[0])
    assert len(set(skipped)) == len(skipped)
