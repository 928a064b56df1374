"""Mutation testing: how many small faults in the modules that decide money and serving do their tests notice?

Run: make bench-mutation. mutmut works in a copy of the repository, so nothing here is changed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.report import circumstances, write_section

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "benchmarks" / "mutation.md"
TOOL = REPOSITORY / ".venv-mutation" / f"lib/python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

MODULES = {
    "models_ml/evaluation/metrics.py": ["tests/models_ml/evaluation"],
    "models_ml/inventory/policy.py": ["tests/models_ml/inventory/test_policy.py"],
    "models_ml/job/promotion.py": ["tests/models_ml/job/promotion/test_rules.py"],
    "models_ml/prediction_store/publish.py": ["tests/models_ml/prediction_store/test_publish.py"],
}
"""Mutated module -> the tests that are asked."""

CONFIGURATION = """[mutmut]
source_paths=models_ml
only_mutate=
    {module}
also_copy=
    api
    dashboard
    expectations
    benchmarks
    profiles
    dbt_project
    infra
pytest_add_cli_args=
    -q
    -p
    no:cacheprovider
pytest_add_cli_args_test_selection=
    {tests}
"""


def mutated(module: str, tests: list[str], folder: Path) -> tuple[Counter[str], list[str]]:
    """Mutants by outcome, and the names of those that survived."""
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True)
    (folder / "setup.cfg").write_text(CONFIGURATION.format(module=module, tests="\n    ".join(tests)))
    environment = {**os.environ, "PYTHONPATH": str(TOOL), "OMP_NUM_THREADS": "1"}
    mutmut = [sys.executable, "-m", "mutmut"]
    log = folder / "mutmut.log"
    with log.open("w") as output:
        done = subprocess.run([*mutmut, "run", "--max-children", "1"], cwd=folder, env=environment, stdout=output,
                              stderr=output, check=False)  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"mutmut ended with {done.returncode}: {log.read_text()[-2000:]}")
    told = subprocess.run([*mutmut, "results", "--all", "true"], cwd=folder, env=environment, capture_output=True,
                          text=True, check=True)  # fmt: skip
    outcomes = [line.strip().rsplit(": ", 1) for line in told.stdout.splitlines() if ": " in line]
    return Counter(outcome for _, outcome in outcomes), [name for name, outcome in outcomes if outcome == "survived"]


def main() -> None:
    """Mutate each module and show, or write, the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="comma-separated modules")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("--survivors", action="store_true", help="name the mutants that survived")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else list(MODULES)
    lines = ["| module | mutants | noticed | survived | score |", "|---|---|---|---|---|"]
    for module in chosen:
        with tempfile.TemporaryDirectory() as scratch:
            counts, survivors = mutated(module, MODULES[module], Path(scratch) / "repository")
        noticed = counts["killed"] + counts["timeout"]
        asked = noticed + counts["survived"] + counts["no tests"]
        lines.append(f"| `{module}` | {asked} | {noticed} | {asked - noticed} | {noticed / asked:.0%} |")
        print("\n".join([lines[-1], *(survivors if arguments.survivors else [])]), flush=True)
    if arguments.write:
        write_section("mutation", "\n".join(lines) + f"\n\n{circumstances()}", PAGE)


if __name__ == "__main__":
    main()
