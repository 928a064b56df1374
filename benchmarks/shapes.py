"""Twelve made-up retailers of other shapes than M5 (`shape_data`): is ours as good as the best simple forecast of each?

Each is written as files, ingested and built like a user's own data, and forecast from ten origins, two weeks apart
(fewer where history is short). What was forecast is kept by shape, origin and code in DEMAND_HOME/shapes, so a run goes
on where it stopped.

Run: make bench-shapes, or python -m benchmarks.shapes --shapes bakery,cafe --origins 3
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.report import circumstances, write_section
from benchmarks.shape_data import SHAPES, write
from models_ml import provenance
from models_ml.errors import ModelError
from models_ml.forecasters.candidates import CANDIDATES
from models_ml.forecasters.registry import make_forecaster
from models_ml.hierarchy.steps import step_sums
from models_ml.runs.plan import fitting_model
from models_ml.settings import Settings, get_settings
from models_ml.warehouse.connection import Warehouse, open_warehouse
from models_ml.warehouse.marts import Marts, last_sale_day, read_daily

PAGE = Path(__file__).with_suffix(".md")
CODE = ("models_ml/forecasters",)
OURS, STEP_DAYS, SEED = "middle_out", 14, 20190630


def built(name: str, settings: Settings) -> Warehouse:
    """The marts of a shape, built if they are not there."""
    home = settings.home / "shapes" / name
    if not (home / "built").exists():
        source = {
            "DEMAND_HOME": str(home),
            "DEMAND_SOURCE": "long",
            "DEMAND_SOURCE_CONFIG": str(write(name, home, SEED)),
        }
        for step in ("ingest", "build"):
            command = [str(Path(sys.executable).with_name("demand")), step]
            subprocess.run(command, env={**os.environ, **source}, check=True, stdout=sys.stderr)
        (home / "built").touch()
    url = f"duckdb:///{(home / 'warehouse.duckdb').resolve()}"
    return open_warehouse(url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb)


def errors(marts: Marts, settings: Settings) -> dict[str, float]:
    """WAPE over all series and steps of the horizon, ours and each candidate's; sum of what was sold as `sold`."""

    def steps(days: np.ndarray) -> np.ndarray:
        return step_sums(np.asarray(days, dtype=np.float64), marts.step_days)

    sold = steps(read_daily(marts, marts.target_dates[0], marts.target_dates[-1], "units"))
    model, _ = fitting_model(OURS, marts)
    forecaster = make_forecaster(model, seed=settings.seed, threads=settings.threads)
    forecaster.fit(marts)
    said = {OURS: forecaster.forecast(marts).mean}
    units = marts.daily(marts.first_day, marts.origin)
    said |= {name: candidate(units, marts.horizon_days) for name, candidate in CANDIDATES.items()}
    return {name: float(np.abs(steps(mean) - sold).sum() / sold.sum()) for name, mean in said.items()}


def measure(name: str, count: int, settings: Settings) -> list[dict[str, float]]:
    """Errors of a shape from its last origins, the latest first; those that are kept are read."""
    warehouse = built(name, settings)
    folder = settings.home / "shapes" / name / provenance.code_version(CODE)[:12]
    folder.mkdir(exist_ok=True)
    last, found = last_sale_day(warehouse), []
    marts = Marts(warehouse, last - timedelta(days=settings.horizon_days), settings.horizon_days)
    for number in range(count):
        at = replace(marts, origin=marts.origin - timedelta(days=STEP_DAYS * number))
        path = folder / f"{at.origin}.json"
        if not path.exists():
            try:
                path.write_text(json.dumps(errors(at, settings)))
            except ModelError as error:
                print(f"{name} from {at.origin}: {error}", file=sys.stderr)
                break
        found.append(json.loads(path.read_text()))
    return found


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """Mean WAPE of each shape, and how ours compares with the best candidate of all its origins."""
    names = [OURS, *CANDIDATES]
    lines = ["| shape | origins | " + " | ".join(names) + " | ours over the best |", "|---" * (3 + len(names)) + "|"]
    ratios = []
    for shape, each in found.items():
        mean = {name: float(np.mean([one[name] for one in each])) for name in names}
        ratios.append(mean[OURS] / min(mean[name] for name in CANDIDATES))
        values = " | ".join(f"{mean[name]:.3f}" for name in names)
        lines.append(f"| {shape} | {len(each)} | {values} | {ratios[-1] - 1:+.1%} |")
    no_worse = sum(ratio <= 1 for ratio in ratios)
    lines.append(f"\nNo worse than the best candidate on {no_worse} of {len(ratios)}; at worst {max(ratios) - 1:+.1%}.")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="comma-separated")
    parser.add_argument("--origins", type=int, default=10, help="of each, at most")
    parser.add_argument("--no-write", action="store_true", help="print the table and leave the page as it is")
    options = parser.parse_args(arguments)
    names = options.shapes.split(",")
    if unknown := sorted(set(names) - set(SHAPES)):
        parser.error(f"unknown shape {', '.join(unknown)}; there are {', '.join(SHAPES)}.")
    settings, found = get_settings(), {}
    for name in names:
        found[name] = measure(name, options.origins, settings)
        print(name, *(f"{key} {np.mean([one[key] for one in found[name]]):.3f}" for key in found[name][0]), flush=True)
    text = table(found)
    print(text)
    if not options.no_write:
        write_section("shapes", f"{text}\n\n{circumstances(['lightgbm'])}", PAGE)


if __name__ == "__main__":
    main()
