"""What are forecasts of new items worth? Items launched around past origins, with what is expected of them and without.

At each fold middle_out forecasts as it is, and again with items that know nothing but their own first days (the median
of their store and department before the first). The forecasts of stores and departments are the same in both. Needs a
home whose marts are built from the real M5 files (DEMAND_HOME; `demand ingest`, `demand build`). Few items of M5 were
launched in its last year: most folds are older.

Run: make bench-cold-start, or python -m benchmarks.cold_start --stores CA_1,TX_2,WI_1 --write
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report import circumstances, write_section
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.forecasters.item_boosting import ItemBoosting, ItemBoostingParameters
from models_ml.forecasters.levels import NEW_DAYS, LaunchParameters
from models_ml.forecasters.middle_out import MiddleOut
from models_ml.forecasters.middle_out.items import weighed_items
from models_ml.forecasters.top_down import share_out
from models_ml.runs.backtest import Fold
from models_ml.settings import Settings, get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts

FOLDS = "2016-02-28,2015-03-29,2015-01-04,2014-07-20,2014-02-02"
"""The first is the last one of the three recent folds that has a launch at all."""

ALONE = LaunchParameters(expected_days=0.0, stores_of_department=np.inf)
"""A new series speaks for itself from its first day; before, it is the median of its store and department."""

GROUPS = {
    "not yet launched": (-np.inf, 0),
    "on sale for 1 to 6 days": (0, 6),
    f"on sale for 7 to {NEW_DAYS - 1} days": (6, NEW_DAYS - 1),
    "all others": (NEW_DAYS - 1, np.inf),
}
"""Days on sale at the origin: more than the first number, at most the second."""

PAGE = Path(__file__).with_suffix(".md")


def main() -> None:
    """Forecast each fold twice, print Markdown, write it into cold_start.md if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", help="comma-separated; default: DEMAND_STORES, or all")
    parser.add_argument("--folds", default=FOLDS, help="last known days, comma-separated")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    options = parser.parse_args()

    settings = get_settings()
    if options.stores is not None:
        settings = settings.model_copy(update={"stores": options.stores})
    launches, scores = [], []
    for fold in options.folds.split(","):
        errors, wrmsse = compare(settings, date.fromisoformat(fold))
        launches.append(errors)
        scores.append({"fold": fold, **wrmsse})
        print(f"{fold}: WRMSSE {wrmsse}\n{by_group(errors)}", flush=True)
    where = f"{', '.join(settings.store_list) or 'all stores'}; folds {options.folds}"
    total = pd.DataFrame(scores).map(lambda value: f"{value:.4f}" if isinstance(value, float) else value)
    text = "\n\n".join(
        [
            by_group(pd.concat(launches)),
            "WRMSSE, mean of the levels:",
            str(total.to_markdown(index=False, disable_numparse=True)),
            f"{where}. {circumstances(('lightgbm', 'numpy'))}",
        ]
    )
    print(text)
    if options.write:
        write_section("launches", text, PAGE)


def compare(settings: Settings, fold: date) -> tuple[pd.DataFrame, dict[str, float]]:
    """Forecast one fold with and without what is expected of new series.

    Returns:
        One row a series: days on sale at the origin, units sold within the horizon and forecast `with` and `without`;
        and WRMSSE of both.
    """
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    marts = Marts(warehouse, fold, settings.horizon_days, settings.store_list)
    forecaster = MiddleOut(seed=settings.seed, threads=settings.threads)
    forecaster.fit(marts)
    mean = forecaster.forecast(marts).mean
    nodes = np.zeros((len(marts.store_departments), marts.horizon_days))
    np.add.at(nodes, marts.node_of_series, mean)
    alone = ItemBoosting(
        seed=settings.seed, threads=settings.threads, parameters=ItemBoostingParameters(launches=ALONE)
    )
    alone.fit(marts)
    forecasts = {
        "with": mean,
        "without": share_out(marts, weighed_items(marts, alone, forecaster.item_weights()), nodes),
    }
    played = Fold.of(marts)
    errors = pd.DataFrame({"days_on_sale": marts.days_on_sale, "units": played.actual.sum(axis=1, dtype=np.float64)})
    wrmsse = {}
    for name, forecast in forecasts.items():
        errors[name] = forecast.sum(axis=1, dtype=np.float64)
        scored = played.evaluator.score(forecast)
        average = scored[(scored["level"] == AVERAGE_LEVEL) & (scored["metric"] == "wrmsse")]
        wrmsse[name] = float(average["value"].iloc[0])
    return errors, wrmsse


def by_group(errors: pd.DataFrame) -> str:
    """WAPE of the units of a horizon, and bias, of series by their days on sale."""
    lines = []
    for group, (above, most) in GROUPS.items():
        rows = errors[(errors["days_on_sale"] > above) & (errors["days_on_sale"] <= most)]
        units = rows["units"].sum()
        if not units > 0:
            continue
        line = {"at the origin": group, "series": f"{len(rows):,}", "units": f"{units:,.0f}"}
        for name in ("without", "with"):
            line[f"WAPE {name}"] = f"{(rows[name] - rows['units']).abs().sum() / units:.1%}"
        for name in ("without", "with"):
            line[f"bias {name}"] = f"{rows[name].sum() / units - 1:+.1%}"
        lines.append(line)
    return str(pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
