"""Words of one source stay with it: its package, its dbt folders, its suites, its tests and the docs."""

from __future__ import annotations

import re
import subprocess

from models_ml.settings import REPOSITORY

WORDS = re.compile(r"\bsnap(?!shot)\w*|state_id|wm_yr_wk|\bd_1\b", re.IGNORECASE)
OWN = re.compile(
    r"(models_ml/sources/m5|dbt_project/models/staging/m5|dbt_project/seeds/m5|expectations/suites/m5|tests)/"
    r"|.*\.(md|png|lock)$"
)
"""The tests are of both sources: what they make for M5 is named as M5's files are."""


def test_no_word_of_m5_outside_its_own_folders() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    paths = [path for path in listed.stdout.splitlines() if not OWN.match(path)]
    assert len(paths) > 100
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in paths
        if (REPOSITORY / path).is_file()
        for number, line in enumerate((REPOSITORY / path).read_text(errors="replace").splitlines(), start=1)
        if WORDS.search(line)
    ]
    assert not found, "\n".join(found)
