"""Forecasts of past horizons and actual sales, from which intervals, calibration and ordering policies are
estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models_ml.hierarchy.steps import step_sums


@dataclass(frozen=True)
class Replays:
    """Forecasts from past origins, and actuals.

    Attributes:
        mean: float32, series x replays x horizon; latest replay first.
        actual: the same shape.
        usable: bool, the same shape: the series had been on sale for a week at the origin and the store was open.
        method: `regression`, `trailing` or `none`.
    """

    mean: np.ndarray
    actual: np.ndarray
    usable: np.ndarray
    method: str

    @property
    def count(self) -> int:
        """Number of replays."""
        return int(self.mean.shape[1])

    def save(self, path: Path) -> None:
        """Write the usable horizons to one file."""
        cells = np.flatnonzero(self.usable.any(axis=2))
        arrays = {name: self.by_horizon(name)[cells] for name in ("mean", "actual", "usable")}
        np.savez_compressed(path, shape=self.mean.shape, cells=cells, method=self.method, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Replays:
        """Read what `save` wrote; unusable values are zero."""
        with np.load(path) as arrays:
            shape = tuple(arrays["shape"].tolist())
            nothing = np.zeros(shape, dtype=np.float32)
            replays = cls(nothing, nothing.copy(), nothing.astype(bool), str(arrays["method"]))
            for name in ("mean", "actual", "usable"):
                replays.by_horizon(name)[arrays["cells"]] = arrays[name]
        return replays

    def by_horizon(self, name: str) -> np.ndarray:
        """A view of `mean`, `actual` or `usable` with one row per replayed horizon."""
        values: np.ndarray = getattr(self, name)
        return values.reshape(-1, values.shape[2])

    def in_steps(self, step_days: int) -> Replays:
        """Summed to steps of the source's grain; a step is usable if all of its days are."""
        if step_days == 1:
            return self
        usable = step_sums(self.usable, step_days) == step_days
        return replace(
            self, mean=step_sums(self.mean, step_days), actual=step_sums(self.actual, step_days), usable=usable
        )
