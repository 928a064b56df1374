"""Node forecasts from many past origins: WRMSSE of levels 1 to 9, ours and rivals', on days that nobody chose.

Accuracy is decided at the nodes, and a few folds are too few to choose a method on. Items and quantiles are left out,
so an origin takes a minute. Each member and rival is kept by origin and code in DEMAND_HOME/origins: a run goes on
where it stopped, and what is done with the members afterwards costs seconds.
Needs a home whose marts are built from the real M5 files (DEMAND_HOME; `demand ingest`, `demand build`).

Run: make bench-origins, or python -m benchmarks.origins --every 14 --models middle_out,ets
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from benchmarks.report import circumstances, write_section
from models_ml import provenance
from models_ml.evaluation.metrics import AVERAGE_LEVEL, Evaluator
from models_ml.forecasters import candidates
from models_ml.forecasters.ets import ETS
from models_ml.forecasters.middle_out.boosting import BoostingParameters, fit_boosting
from models_ml.forecasters.middle_out.reconcile import BlendParameters, MemberWeights, combine
from models_ml.forecasters.middle_out.trials import learn_member_weights
from models_ml.forecasters.nodes.panel import NodePanel, read_panel
from models_ml.forecasters.nodes.regression import RegressionParameters, fit_regression
from models_ml.forecasters.prophet import ProphetNodes
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, Hierarchy
from models_ml.settings import Settings, get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts, last_sale_day

FIRST_ORIGIN = date(2014, 5, 25)
CODE = ("models_ml/forecasters", "models_ml/warehouse/marts.py", "models_ml/warehouse/regressors.py")
PAGE = Path(__file__).with_suffix(".md")
PICTURE = Path(__file__).with_suffix(".svg")

BOOSTERS = 3
"""Half of the product's: what the others add is within 0.001, and an origin takes half as long."""

OURS, BASELINE = "middle_out", "last_week"
SIMPLE = tuple(candidates.CANDIDATES)
MODELS = (OURS, "regression", "boosting", "ets", "prophet", *SIMPLE)


@dataclass(frozen=True)
class Origin:
    """One past origin: what was known at it, and what came after it."""

    marts: Marts
    panel: NodePanel
    evaluator: Evaluator

    @classmethod
    def of(cls, marts: Marts) -> Origin:
        """Read it; looks past the origin for what came."""
        panel = read_panel(marts)
        return cls(marts, panel, node_evaluator(marts, panel))

    @property
    def open_days(self) -> np.ndarray:
        """Whether each node is open on each day of the horizon."""
        return ~self.panel.closed[:, self.panel.known_days :]


def node_evaluator(marts: Marts, panel: NodePanel) -> Evaluator:
    """Evaluator of levels 1 to 9 from the sales of store x departments; looks past the origin."""
    later = replace(marts, origin=marts.target_dates[-1])
    _, training = marts.store_department_daily(marts.first_day, marts.origin)
    after, actual = later.store_department_daily(marts.target_dates[0], later.origin)
    rows = after.set_index("node_id").index.get_indexer(panel.nodes.set_index("node_id").index)
    return Evaluator.of(Hierarchy.of(panel.nodes, AGGREGATE_LEVELS), training, actual[rows], panel.weight)


def kept(folder: Path, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays from a file, or made and written there."""
    path = folder / f"{name}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{name}.part.npz"
        np.savez(part, **make())  # type: ignore[arg-type]
        part.replace(path)
    with np.load(path) as arrays:
        return dict(arrays)


def forecast(origin: Origin, model: str, folder: Path, settings: Settings) -> np.ndarray:
    """Units of each store x department and day: nodes x horizon, zero on closed days."""
    panel, seed, threads = origin.panel, settings.seed, settings.threads
    regression, boosting = RegressionParameters(), BoostingParameters(seeds=BOOSTERS)

    def weights() -> dict[str, np.ndarray]:
        learned = learn_member_weights(panel, regression, boosting, BlendParameters(), seed=seed, threads=threads)
        return {"nodes": learned.nodes, "total": learned.total}

    def of(name: str) -> np.ndarray:
        if name in SIMPLE:
            return candidates.CANDIDATES[name](panel.units, panel.horizon_days)
        make: dict[str, Callable[[], np.ndarray]] = {
            "regression": lambda: fit_regression(panel, regression).predict(panel),
            "boosting": lambda: fit_boosting(panel, boosting, seed=seed, threads=threads).predict(panel),
            "ets": lambda: ETS().forecast_nodes(origin.marts, panel),
            "prophet": lambda: ProphetNodes(seed=seed, threads=threads).forecast_nodes(origin.marts, panel),
        }
        return kept(folder, name, lambda: {"units": make[name]()})["units"]

    if model == OURS:
        members = np.stack([of(name) for name in ("regression", "boosting", *SIMPLE)])
        return combine(panel, members, MemberWeights(**kept(folder, "weights", weights)))
    return np.asarray(np.maximum(np.nan_to_num(of(model)), 0.0) * origin.open_days)


@dataclass(frozen=True)
class Score:
    """One model on one origin.

    Attributes:
        levels: WRMSSE, the mean of levels 1 to 9 and then each.
        weeks: the same mean by lead week.
        said, came: logarithm of the horizon's total over that of the last 28 days, as forecast and as it came.
    """

    levels: np.ndarray
    weeks: np.ndarray
    said: float
    came: float


def score(origin: Origin, units: np.ndarray) -> Score:
    """Score a forecast of the nodes."""
    evaluator, horizon = origin.evaluator, units.shape[1]

    def wrmsse(days: slice) -> np.ndarray:
        part = replace(evaluator, actual=evaluator.actual[:, days]).score(units[:, days].astype(np.float32))
        by_level = part[part["metric"] == "wrmsse"].set_index("level")["value"]
        return np.array([by_level[AVERAGE_LEVEL], *by_level.drop(index=AVERAGE_LEVEL).sort_index()])

    weeks = [wrmsse(slice(start, start + 7))[0] for start in range(0, horizon, 7)]
    recent = origin.panel.units[:, -28:].sum() * horizon / 28
    came = evaluator.actual[evaluator.hierarchy.level_of_node == AGGREGATE_LEVELS[0].number].sum()
    return Score(
        wrmsse(slice(None)), np.array(weeks), float(np.log(units.sum() / recent)), float(np.log(came / recent))
    )


def slope(scores: Sequence[Score]) -> float:
    """Of the total's real move on the move that was forecast, through nothing: below 1, moves were believed too far."""
    said, came = (np.array([getattr(one, name) for one in scores]) for name in ("said", "came"))
    return float(said @ came / (said @ said))


def tables(origins: Sequence[date], found: dict[str, list[Score]]) -> str:
    """What was found, in Markdown."""
    half, ours = len(origins) // 2, np.array([one.levels[0] for one in found[OURS]])
    lines = [
        f"{len(origins)} origins, {origins[0]} to {origins[-1]}, WRMSSE as the mean of levels 1 to 9.\n",
        f"| model | mean | median | 90th percentile | worst | older half | newer half | {OURS} is better on | slope |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for model, scores in found.items():
        each = np.array([one.levels[0] for one in scores])
        spread = [
            each.mean(),
            np.median(each),
            np.quantile(each, 0.9),
            each.max(),
            each[:half].mean(),
            each[half:].mean(),
        ]
        won = "" if model == OURS else f"{(ours < each).sum()} of {len(each)}"
        slopes = " / ".join(f"{slope(part):.2f}" for part in (scores, scores[:half], scores[half:]))
        lines.append(f"| {model} | {' | '.join(f'{value:.4f}' for value in spread)} | {won} | {slopes} |")
    lines += [
        "\nSlope: of the total's real move (against the last 28 days) on the forecast's; all, older half, newer.\n",
        "| model | levels 1 to 9 | lead weeks | error of the total, root mean square of the log |",
        "|---|---|---|---|",
    ]
    for model, scores in found.items():
        levels, weeks = (np.mean([getattr(one, name) for one in scores], axis=0) for name in ("levels", "weeks"))
        error = np.sqrt(np.mean([(one.said - one.came) ** 2 for one in scores]))
        shown = [" ".join(f"{value:.3f}" for value in values) for values in (levels[1:], weeks)]
        lines.append(f"| {model} | {' | '.join(shown)} | {error:.4f} |")
    rows = [
        f"| {day} | " + " | ".join(f"{s[i].levels[0]:.4f}" for s in found.values()) + " |"
        for i, day in enumerate(origins)
    ]
    return "\n".join([*lines, "\n| origin | " + " | ".join(found) + " |", "|---" * (1 + len(found)) + "|", *rows])


def draw(origins: Sequence[date], found: dict[str, list[Score]]) -> None:
    """WRMSSE by origin, a line a model, as an SVG file that is the same for the same figures."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "origins"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4))
    days = np.array(origins, dtype="datetime64[D]")
    for model, scores in found.items():
        axes.plot(days, [one.levels[0] for one in scores], label=model, linewidth=2.5 if model == OURS else 1)
    axes.set(ylabel="WRMSSE, levels 1 to 9", ylim=(0, None))
    axes.legend(ncols=4, fontsize=8)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    """Forecast what is not kept yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=28, help="days from one origin to the next")
    parser.add_argument("--models", default=",".join(MODELS), help="comma-separated; ours is always among them")
    parser.add_argument("--no-write", action="store_true", help="print the tables and leave the page as it is")
    arguments = parser.parse_args()
    models = list(dict.fromkeys([OURS, *arguments.models.split(",")]))
    if unknown := sorted(set(models) - set(MODELS)):
        parser.error(f"unknown model {', '.join(unknown)}; there are {', '.join(MODELS)}.")
    settings = get_settings()
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    last = last_sale_day(warehouse, settings.store_list) - timedelta(days=settings.horizon_days)
    origins = [last - timedelta(days=back) for back in range(0, (last - FIRST_ORIGIN).days + 1, arguments.every)][::-1]
    code = provenance.code_version(CODE)[:12]
    found: dict[str, list[Score]] = {model: [] for model in models}
    for day in origins:
        origin = Origin.of(Marts(warehouse, day, settings.horizon_days, settings.store_list))
        folder = settings.home / "origins" / code / day.isoformat()
        for model in models:
            found[model].append(score(origin, forecast(origin, model, folder, settings)))
        print(day, *(f"{model} {found[model][-1].levels[0]:.4f}" for model in models[:4]), flush=True)
    text = tables(origins, found)
    print(text)
    if not arguments.no_write:
        draw(origins, found)
        made = circumstances(["lightgbm", "statsforecast", "prophet"])
        write_section("origins", f"{text}\n\n![WRMSSE by origin]({PICTURE.name})\n\n{made}", PAGE)


if __name__ == "__main__":
    main()
