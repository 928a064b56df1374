"""Backtest folds of a training, sequential or parallel, and their rows for the prediction store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from datetime import date

import pyarrow as pa

from models_ml.evaluation.breakdown import ERRORS, LEAD_COLUMNS
from models_ml.forecasters.registry import BASELINE, make_forecaster
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, LEVELS
from models_ml.runs.backtest import METRIC_COLUMNS, Backtest, OnFold, backtest, unheard
from models_ml.runs.processes import processes
from models_ml.settings import Settings
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.marts import SERIES_KEYS, Marts

OnResult = Callable[[Backtest], None]
"""Told of each fold's backtest when it is there."""


def unseen(_fold: Backtest) -> None:
    """For callers that wait for all folds."""


BACKTEST_TABLES = ("run_metrics", "backtest_series", "backtest_nodes", "backtest_leads")


BACKTEST_TYPES = {
    **dict.fromkeys(("model", "metric", "node_id", "store_id", "item_id"), pa.string()),
    **dict.fromkeys(("level", "lead_days"), pa.int32()),
    "fold": pa.date32(),
}
"""Types of a backtest's keys; all other columns are figures."""


def backtest_folds(
    settings: Settings,
    marts: Marts,
    folds: Sequence[date],
    models: Sequence[str],
    on_fold: OnFold = unheard,
    *,
    jobs: int = 1,
    on_result: OnResult = unseen,
) -> Backtest:
    """Backtest models and the baseline on folds.

    Args:
        settings: seed and threads, which the jobs share.
        marts: gives the warehouse, the horizon and the stores.
        folds: origins.
        models: forecasters besides the baseline.
        on_fold: called before each fit, if there is one job.
        jobs: folds scored in parallel, each in a process.
        on_result: called with each fold's backtest.

    Returns:
        All folds in the order of `folds`; independent of `jobs`, except for the seconds.
    """
    if jobs > 1 and len(folds) > 1:
        return side_by_side(settings, marts, folds, models, min(jobs, len(folds)), on_result)
    parts = []
    for fold in folds:
        parts.append(backtest_fold(settings, marts, fold, models, on_fold))
        on_result(parts[-1])
    return Backtest.joined(parts)


def side_by_side(
    settings: Settings, marts: Marts, folds: Sequence[date], models: Sequence[str], jobs: int, on_result: OnResult
) -> Backtest:
    """Run folds in processes; each gets a share of threads and memory and opens the warehouse itself."""
    share = settings.shared_by(jobs)
    with processes(jobs) as pool:
        told = [pool.submit(fold_in_process, share, marts.origin, marts.stores, f, tuple(models)) for f in folds]
        for done in as_completed(told):
            on_result(done.result())
        return Backtest.joined([done.result() for done in told])


def fold_in_process(
    settings: Settings, origin: date, stores: tuple[str, ...], fold: date, models: tuple[str, ...]
) -> Backtest:
    """One fold, in a separate process."""
    warehouse = warehouse_of(settings)
    return backtest_fold(settings, Marts(warehouse, origin, settings.horizon_days, stores), fold, models, unheard)


def backtest_fold(settings: Settings, marts: Marts, fold: date, models: Sequence[str], on_fold: OnFold) -> Backtest:
    """The baseline and models on one fold."""
    names = [BASELINE, *(m for m in models if m != BASELINE)]
    makers = [lambda name=name: make_forecaster(name, seed=settings.seed, threads=settings.threads) for name in names]
    return backtest(marts, [fold], makers, on_fold, settings.inventory_terms)


def backtest_tables(scored: Backtest) -> dict[str, pa.Table]:
    """Rows of a backtest: `run_metrics`, `backtest_series`, `backtest_nodes` (levels 1-9) and `backtest_leads`.

    Each begins with fold and model; an undefined figure (RMSSE of a constant series) is null.
    """
    of, nodes = ["fold", "model"], scored.nodes
    frames = {
        "run_metrics": scored.metrics[METRIC_COLUMNS],
        "backtest_series": nodes.loc[nodes["level"] == LEVELS[-1].number, [*of, *SERIES_KEYS, *ERRORS]],
        "backtest_nodes": nodes.loc[nodes["level"] <= AGGREGATE_LEVELS[-1].number, [*of, "node_id", *ERRORS]],
        "backtest_leads": scored.leads[[*of, *LEAD_COLUMNS]],
    }
    schemas = {
        name: pa.schema([(column, BACKTEST_TYPES.get(column, pa.float64())) for column in frame])
        for name, frame in frames.items()
    }
    return {name: pa.Table.from_pandas(frame, schemas[name], preserve_index=False) for name, frame in frames.items()}
