"""How accurate is each forecaster, and at what cost? All metrics on past origins, seconds and peak memory.

Each model and fold is fitted in a process of its own, so that its memory and seconds are its own. What is measured is
kept row by row in accuracy.jsonl, from which the tables of accuracy.md are written; a row that this very code has
measured before is not measured again unless `--again` asks, and then must give the same bytes. Needs a home whose marts
are built (DEMAND_HOME; `demand ingest`, `demand build`), with sales through the folds and the horizon after them.

Run: make bench-accuracy, or python -m benchmarks.accuracy --models middle_out,item_lightgbm --stores CA_1
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path

from benchmarks.report import write_section
from models_ml import provenance
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.forecasters.registry import BASELINE, CLASSES, make_forecaster
from models_ml.forecasters.storage import FittedModel
from models_ml.hierarchy.aggregation import LEVELS
from models_ml.runs.backtest import Fold
from models_ml.settings import Settings, get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts

FOLDS = "2016-04-24,2016-03-27,2016-02-28,2016-01-31,2015-05-24"
"""Last known days of the five folds on the M5 data: days 1913, 1885, 1857, 1829 and, a year before, 1577."""

CODE = ("models_ml/forecasters", "models_ml/evaluation", "models_ml/warehouse/marts.py")
"""What decides a forecast and its score, given the marts."""

ROWS = Path(__file__).with_suffix(".jsonl")
TABLES = Path(__file__).with_suffix(".md")

ALL_STORES = "all stores"
CHAMPION, RIVALS = "middle_out", (BASELINE, "item_lightgbm")
CLASSES_OF_DEMAND = ("smooth", "erratic", "intermittent", "lumpy", "new")


@dataclass(frozen=True)
class Row:
    """One model on one fold.

    Attributes:
        stores: the scope, `ALL_STORES` or their names.
        model, fold, series: what was forecast.
        code: hash of `CODE`.
        forecast: hash of the bytes of means and quantiles.
        times: how often this code has given just these bytes.
        seconds, cpu_seconds, peak_gb: of fit and forecast, quantiles included; marts are read, nothing is scored.
        figures: metric -> level -> value.
    """

    stores: str
    model: str
    fold: str
    series: int
    code: str
    forecast: str
    seconds: float
    cpu_seconds: float
    peak_gb: float
    figures: dict[str, dict[str, float]] = field(repr=False)
    times: int = 1

    @property
    def key(self) -> tuple[str, str, str]:
        return self.stores, self.model, self.fold

    def figure(self, metric: str, level: int = AVERAGE_LEVEL) -> float | None:
        return self.figures.get(metric, {}).get(str(level))


def measure(settings: Settings, model: str, origin: date) -> Row:
    """Fit and forecast in this process, then score."""
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    marts = Marts(warehouse, origin, settings.horizon_days, settings.store_list)
    forecaster = make_forecaster(model, seed=settings.seed, threads=settings.threads)
    wall, cpu = time.perf_counter(), cpu_seconds()
    fitted = FittedModel.fit(forecaster, marts)
    mean = forecaster.forecast(marts).mean
    quantiles = fitted.quantiles.predict(mean)
    seconds, spent = time.perf_counter() - wall, cpu_seconds() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    metrics = Fold.of(marts).score(model, mean, quantiles, seconds).metrics
    figures: dict[str, dict[str, float]] = {}
    for level, metric, value in metrics[["level", "metric", "value"]].itertuples(index=False, name=None):
        if metric != "seconds":
            figures.setdefault(metric, {})[str(level)] = round(float(value), 5)
    return Row(
        stores=scope(settings),
        model=model,
        fold=str(origin),
        series=len(marts.series),
        code=provenance.code_version(CODE),
        forecast=hashlib.sha256(mean.tobytes() + quantiles.tobytes()).hexdigest()[:16],
        seconds=round(seconds, 1),
        cpu_seconds=round(spent, 1),
        peak_gb=round(peak, 2),
        figures=figures,
    )


def cpu_seconds() -> float:
    """Of this process and of the ones it has waited for (Prophet fits in processes of its own)."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def scope(settings: Settings) -> str:
    return ", ".join(settings.store_list) or ALL_STORES


def in_own_process(model: str, fold: str, minutes: float) -> Row | None:
    """Measure in a process of its own; None if it fails or takes too long, which is said."""
    command = [sys.executable, "-m", "benchmarks.accuracy", "--one", model, fold]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=60 * minutes)
    except subprocess.TimeoutExpired:
        print(f"{model} on {fold} took more than {minutes:g} minutes and was ended.", file=sys.stderr)
        return None
    if done.returncode:
        print(f"{model} on {fold} failed; see above.", file=sys.stderr)
        return None
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def known_rows() -> dict[tuple[str, str, str], Row]:
    lines = ROWS.read_text().splitlines() if ROWS.exists() else []
    rows = [Row(**json.loads(line)) for line in lines]
    return {row.key: row for row in rows}


def keep(rows: Iterable[Row]) -> None:
    """Write rows and tables; each file is replaced whole."""
    models = list(CLASSES)
    ordered = sorted(rows, key=lambda r: (r.stores != ALL_STORES, r.stores, models.index(r.model), r.fold))
    part = ROWS.with_suffix(".part")
    part.write_text("".join(json.dumps(asdict(row)) + "\n" for row in ordered))
    part.replace(ROWS)
    scopes = dict.fromkeys(row.stores for row in ordered)
    parts = [tables(name, [row for row in ordered if row.stores == name]) for name in scopes]
    write_section("accuracy", "\n".join(parts), TABLES)


def tables(name: str, rows: Sequence[Row]) -> str:
    """All tables of one scope, in Markdown."""
    folds = sorted({row.fold for row in rows}, reverse=True)
    found = {(row.model, row.fold): row for row in rows}
    models = list(dict.fromkeys(row.model for row in rows))
    levels = [level.number for level in LEVELS]

    def by_fold(metric: str) -> str:
        body = []
        for model in models:
            values = [found[model, fold].figure(metric) if (model, fold) in found else None for fold in folds]
            there = [value for value in values if value is not None]
            mean = sum(there) / len(there) if len(there) == len(folds) else None
            body.append([model, *map(shown, values), shown(mean)])
        return markdown(["model", *folds, "mean"], body)

    def by_level(metric: str) -> str:
        body = [[r.model, r.fold, *(shown(r.figure(metric, level), 3) for level in levels)] for r in rows]
        return markdown(["model", "fold", *map(str, levels)], body)

    classes = [f"coverage_95_{name}" for name in CLASSES_OF_DEMAND]
    coverage = [
        [
            r.model,
            r.fold,
            shown(r.figure("coverage_95", 9), 3),
            *(shown(r.figure(m, 12), 3) for m in ("coverage_95", *classes)),
        ]
        for r in rows
    ]
    other = [
        [r.model, r.fold, *(shown(r.figure(m), 3) for m in ("wape", "bias", "rmsse", "mase")), f"{r.seconds:.0f}",
         f"{r.cpu_seconds:.0f}", f"{r.peak_gb:.1f}", f"{r.series:,}", f"{r.forecast} x {r.times}", r.code]
        for r in rows
    ]  # fmt: skip
    return "\n".join(
        [
            f"### {name[0].upper()}{name[1:]}: WRMSSE, mean of the levels\n",
            by_fold("wrmsse"),
            f"{verdict(found, folds)}\n",
            "WSPL of the nine quantiles, mean of the levels:\n",
            by_fold("wspl"),
            "WRMSSE by level:\n",
            by_level("wrmsse"),
            "WSPL by level:\n",
            by_level("wspl"),
            "Coverage of the 95 % interval: store x department (level 9), items (level 12), items by demand class:\n",
            markdown(["model", "fold", "level 9", "level 12", *CLASSES_OF_DEMAND], coverage),
            "Other metrics (means of the levels) and costs; the forecast's hash and how often it was found:\n",
            markdown(
                ["model", "fold", "WAPE", "bias", "RMSSE", "MASE", "seconds", "CPU s", "peak GB", "series", "forecast",
                 "code"],
                other,
            ),
        ]
    )  # fmt: skip


def verdict(found: dict[tuple[str, str], Row], folds: Sequence[str]) -> str:
    """Whether the champion beats its rivals on each fold."""
    said = []
    for rival in RIVALS:
        pairs = [(fold, found.get((CHAMPION, fold)), found.get((rival, fold))) for fold in folds]
        both = [(fold, ours, theirs) for fold, ours, theirs in pairs if ours and theirs]
        lost = [fold for fold, ours, theirs in both if (ours.figure("wrmsse") or 0) >= (theirs.figure("wrmsse") or 0)]
        if both:
            won = f"{len(both) - len(lost)} of {len(both)} folds"
            said.append(f"{CHAMPION} is better than {rival} on {won}{', not on ' if lost else ''}{', '.join(lost)}.")
    return " ".join(said)


def shown(value: float | None, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def markdown(header: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, *body)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", default=FOLDS, help="last known days, comma-separated")
    parser.add_argument("--models", default=",".join(CLASSES), help="comma-separated; default: all")
    parser.add_argument("--stores", help="comma-separated; default: DEMAND_STORES, or all")
    parser.add_argument("--again", action="store_true", help="measure what is known, too, and compare the bytes")
    parser.add_argument("--minutes", type=float, default=60, help="most that one model may take on one fold")
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "FOLD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        model, fold = arguments.one
        print(json.dumps(asdict(measure(get_settings(), model, date.fromisoformat(fold)))))
        return 0
    if arguments.stores is not None:
        os.environ["DEMAND_STORES"] = arguments.stores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of LightGBM must not spin on a shared machine
    code, stores, failures = provenance.code_version(CODE), scope(get_settings()), 0
    keep(known_rows().values())  # rows may have been merged since the tables were written
    for model in arguments.models.split(","):
        for fold in arguments.folds.split(","):
            known = known_rows().get((stores, model, fold))
            same_code = known is not None and known.code == code
            if same_code and not arguments.again:
                continue
            row = in_own_process(model, fold, arguments.minutes)
            if row is None:
                failures += 1
                continue
            if known is not None and same_code:
                if row.forecast != known.forecast:
                    said = "the same code and seed gave other bytes than before; on the same machine that is a fault"
                    print(f"{model} on {fold}: {said}.", file=sys.stderr)
                    failures += 1
                    continue
                row = replace(row, times=known.times + 1)
            keep({**known_rows(), row.key: row}.values())
            print(
                f"{model} {fold}: WRMSSE {shown(row.figure('wrmsse'))}, WSPL {shown(row.figure('wspl'))}, "
                f"{row.seconds:.0f} s, {row.cpu_seconds:.0f} s of CPU, {row.peak_gb:.1f} GB, "
                f"forecast {row.forecast} x {row.times}",
                flush=True,
            )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
