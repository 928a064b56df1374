"""What does it cost in accuracy, and save in seconds, to forecast with last week's model?

`demand run` forecasts with the served model until it is DEMAND_REFIT_DAYS (7) old. Here each fold is forecast from its
origin twice: by a model fitted there, and by one fitted a week before, older than any that is used. Needs a home whose
marts are built (DEMAND_HOME; `demand ingest`, `demand build`), with sales through the folds and the horizon after them.

Run: make bench-refit, or python -m benchmarks.refit --stores CA_1 --write
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from benchmarks.accuracy import FOLDS
from benchmarks.report import circumstances, write_section
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.forecasters.registry import make_forecaster
from models_ml.forecasters.storage import FittedModel
from models_ml.runs.backtest import Fold
from models_ml.settings import Settings, get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts

AGE = timedelta(days=7)


@dataclass(frozen=True)
class Forecast:
    """One way to forecast a fold.

    Attributes:
        wrmsse, wspl: means of the levels.
        seconds: of the fit, if there is one, and the forecast with its quantiles.
    """

    wrmsse: float
    wspl: float
    seconds: float


def both_ways(settings: Settings, origin: date) -> tuple[Forecast, Forecast]:
    """A fold forecast by its own model, and by the one of a week before."""
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )

    def view(day: date) -> Marts:
        return Marts(warehouse, day, settings.horizon_days, settings.store_list)

    def fit(day: date) -> FittedModel:
        return FittedModel.fit(make_forecaster(settings.model, seed=settings.seed, threads=settings.threads), view(day))

    fold = Fold.of(view(origin))

    def scored(fitted: FittedModel, started: float) -> Forecast:
        forecast = fitted.forecast(view(origin))
        seconds = time.perf_counter() - started
        mean, quantiles = forecast.mean, fitted.quantiles.predict(forecast.mean)
        metrics = fold.score(settings.model, mean, quantiles, seconds).metrics
        average = metrics[metrics["level"] == AVERAGE_LEVEL].set_index("metric")["value"]
        return Forecast(float(average["wrmsse"]), float(average["wspl"]), seconds)

    older = fit(origin - AGE)
    again = scored(older, time.perf_counter())
    started = time.perf_counter()
    return scored(fit(origin), started), again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", default=FOLDS, help="origins (YYYY-MM-DD), with commas between")
    parser.add_argument("--stores", default="", help="stores with commas between; default: every store")
    parser.add_argument("--write", action="store_true", help="update the section of results.md")
    options = parser.parse_args()
    settings = get_settings().model_copy(update={"stores": options.stores})
    lines = [
        "| fold | WRMSSE, own fit | of a week before | WSPL, own fit | of a week before | seconds | without a fit |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    found = []
    for origin in map(date.fromisoformat, options.folds.split(",")):
        fresh, again = both_ways(settings, origin)
        found.append((fresh, again))
        lines.append(line(str(origin), [(fresh, again)]))
        print(lines[-1], flush=True)
    lines.append(line("mean", found))
    print(lines[-1])
    text = "\n".join(lines) + f"\n\n{options.stores or 'All stores'}; " + circumstances(["lightgbm"])
    print(text.splitlines()[-1])
    if options.write:
        write_section("refit", text)


def line(name: str, pairs: list[tuple[Forecast, Forecast]]) -> str:
    """A row of the table: means over pairs."""

    def mean(figure: str, side: int) -> float:
        return float(np.mean([getattr(pair[side], figure) for pair in pairs]))

    scores = " | ".join(f"{mean(figure, side):.4f}" for figure in ("wrmsse", "wspl") for side in (0, 1))
    return f"| {name} | {scores} | {mean('seconds', 0):.1f} | {mean('seconds', 1):.1f} |"


if __name__ == "__main__":
    main()
