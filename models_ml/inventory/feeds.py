"""Each method's forecast at an origin, and the distribution of demand around its own past forecasts."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from models_ml.forecasters.base import SelfTrying
from models_ml.forecasters.quantiles.replay import replay
from models_ml.forecasters.registry import make_forecaster
from models_ml.forecasters.replays import Replays
from models_ml.inventory.interval import IntervalSpread, Rule, learn_spread, replay_rule
from models_ml.provenance import code_version
from models_ml.settings import Settings
from models_ml.warehouse.marts import SERIES_KEYS, Marts

WEEK = 7
LEFTOVER_SECONDS = 7 * 86_400.0


@contextmanager
def kept_until_done(
    settings: Settings,
    data_fingerprint: str,
    folds: Sequence[date],
    terms: pd.DataFrame,
    supply: pd.DataFrame | None = None,
) -> Iterator[Path]:
    """A folder for the forecasts of one backtest: reused after an interruption, removed at the end.

    The folder of an abandoned backtest is removed after a week.

    Args:
        settings: home, stores, horizon and seed.
        data_fingerprint: of the raw data behind the marts.
        folds: origins.
        terms: rows of ordering terms.
        supply: rows of supply, if orders follow them.
    """
    decided_by = [
        code_version(), data_fingerprint, settings.store_list, settings.horizon_days, settings.seed, sorted(folds),
        terms.to_csv(), "" if supply is None else supply.to_csv(),
    ]  # fmt: skip
    folder = settings.home / "value" / hashlib.sha256(repr(decided_by).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.parent.iterdir():
        if time.time() - other.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
    yield folder
    shutil.rmtree(folder)


@dataclass(frozen=True)
class Feed:
    """What a method knew at one origin.

    Attributes:
        mean: float32, series x horizon, in the order of the replayed series.
        spreads: by length of interval.
    """

    mean: np.ndarray
    spreads: dict[int, IntervalSpread]

    def save(self, path: Path) -> None:
        """Write one file, whole or not at all."""
        arrays = {"mean": self.mean, "lengths": np.array(sorted(self.spreads))}
        for days, spread in self.spreads.items():
            for name in ("dispersion", "least", "knots", "asked"):
                arrays[f"{name}_{days}"] = getattr(spread, name)
        part = path.with_suffix(".part.npz")
        np.savez(part, **arrays)  # type: ignore[arg-type]
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Feed:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            spreads = {
                int(days): IntervalSpread(
                    int(days), *(arrays[f"{name}_{days}"] for name in ("dispersion", "least", "knots", "asked"))
                )
                for days in arrays["lengths"]
            }
            return cls(arrays["mean"], spreads)


def feed_of(
    marts: Marts,
    method: str,
    series: pd.DataFrame,
    lengths: Sequence[int],
    past: np.ndarray,
    *,
    seed: int,
    threads: int,
) -> Feed:
    """Forecast with one method, and fit the spread of its past errors.

    Args:
        marts: as of the origin.
        method: forecaster.
        series: columns `SERIES_KEYS`; series that are unknown at the origin are not ordered.
        lengths: of the intervals, in days.
        past: sales of the days that rules are replayed on (see `interval.days_to_replay`).
        seed, threads: of the forecaster.
    """
    forecaster = make_forecaster(method, seed=seed, threads=threads)
    forecaster.fit(marts)
    forecast = forecaster.forecast(marts)
    replays = replays_of(marts, method, past)
    own = forecaster.own_replays(marts, replays) if isinstance(forecaster, SelfTrying) else None
    department = pd.factorize(forecast.series["department_id"], sort=True)[0]
    spreads = {days: learn_spread(replays, department, days, own) for days in lengths}
    rows = pd.MultiIndex.from_frame(forecast.series[SERIES_KEYS]).get_indexer(
        pd.MultiIndex.from_frame(series[SERIES_KEYS])
    )
    known = rows >= 0
    mean = np.where(known[:, None], forecast.mean[rows], np.float32(0.0))
    return Feed(mean, {days: spread.take(np.maximum(rows, 0)) for days, spread in spreads.items()})


def replays_of(marts: Marts, method: str, past: np.ndarray) -> Replays:
    """Past forecasts of a method: its own for a simple rule, otherwise those of the replayed regression."""
    rules: dict[str, tuple[Rule, int]] = {
        "seasonal_naive": (last_week, WEEK),
        "moving_average": (recent_mean, 4 * WEEK),
    }
    return replay_rule(marts, *rules[method], past) if method in rules else replay(marts)


def last_week(units: np.ndarray, _launch: np.ndarray, horizon: int) -> np.ndarray:
    """The last week, repeated."""
    return np.asarray(np.tile(units[:, -WEEK:], (1, -(-horizon // WEEK)))[:, :horizon])


def recent_mean(units: np.ndarray, launch: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of the known days on sale."""
    on_sale = np.clip(units.shape[1] - launch, 1, units.shape[1])
    return np.asarray(np.repeat((units.sum(axis=1) / on_sale)[:, None], horizon, axis=1))
