"""Node model 1: a dynamic regression of log units, pooled from department to region to node by ridge penalties.

A node's log units are explained as a distance from its own exponentially smoothed level, so one coefficient (a
weekday, an event, a flag) speaks of all levels of sales. Coefficients are first learned for a department in all
stores, then as deviations for the department in a region, then for the single node.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from models_ml.forecasters.middle_out.panel import WEEK, NodePanel

YEAR = 52 * WEEK
LOG_OFFSET = 0.5
"""Added to units before the logarithm, so that a day without sales has one."""


@dataclass(frozen=True)
class RegressionParameters:
    """Choices made on folds; see benchmarks/accuracy.md.

    Attributes:
        level_smoothing, fast_smoothing, slow_smoothing: exponential smoothing of the level that units are measured
            from, and of the two that tell momentum.
        half_life_days: age at which a training day weighs half.
        origin_step_days: distance between training origins.
        first_origin_days: days of history before the first training origin.
        penalties: ridge penalty by kind of regressor.
        pool_penalties: multiples of them for department, region x department, and node.
    """

    level_smoothing: float = 0.12
    fast_smoothing: float = 0.25
    slow_smoothing: float = 0.012
    half_life_days: float = 550.0
    origin_step_days: int = WEEK
    first_origin_days: int = 400
    penalties: tuple[tuple[str, float], ...] = (
        ("weekday", 1.0),
        ("season", 60.0),
        ("day_of_month", 20.0),
        ("event", 20.0),
        ("flag", 5.0),
        ("momentum", 60.0),
        ("last_year", 300.0),
    )
    pool_penalties: tuple[float, float, float] = (1.0, 1.0, 3.0)


def smoothed(values: np.ndarray, alpha: float) -> np.ndarray:
    """Exponentially smoothed values along the last axis, each day's own value included."""
    start = values[..., :1] * (1 - alpha)
    result: np.ndarray = lfilter([alpha], [1, alpha - 1], values, axis=-1, zi=start)[0]
    return result


def shared_regressors(panel: NodePanel) -> tuple[np.ndarray, list[str]]:
    """Regressors that are the same for every node: regressors x all days, and the kind of each."""
    calendar = panel.calendar
    rows: list[np.ndarray] = [(calendar.weekday == day).astype(float) for day in range(1, WEEK + 1)]
    kinds = ["weekday"] * WEEK
    angle = 2 * np.pi * calendar.day_of_year / 365.25
    for harmonic in range(1, 7):
        rows += [np.sin(harmonic * angle), np.cos(harmonic * angle)]
        kinds += ["season"] * 2
    rows += [(calendar.day_of_month == day).astype(float) for day in range(1, 32)]
    kinds += ["day_of_month"] * 31
    rows += list(calendar.event_windows.values())
    kinds += ["event"] * len(calendar.event_windows)
    return np.array(rows), kinds


def regression_forecast(panel: NodePanel, parameters: RegressionParameters) -> np.ndarray:
    """Forecast every node.

    Returns:
        float64, nodes x horizon, not negative; closed days are not yet zero.
    """
    known, horizon = panel.known_days, panel.horizon_days
    first = min(parameters.first_origin_days, max(4 * WEEK, known - horizon - 8 * WEEK))
    origins = np.arange(known - horizon, first, -parameters.origin_step_days)
    origins = np.append(origins, known)  # an origin is the number of days known; the last one is the forecast's own
    leads = np.arange(1, horizon + 1)
    targets = origins[:, None] + leads[None, :] - 1
    design = Design(panel, parameters, origins, targets, leads)
    weight = 0.5 ** ((known - targets[:-1]) / parameters.half_life_days)
    gram, moment, designs = [], [], []
    for node in range(len(panel.nodes)):
        x = design.of(node)
        y = design.log_units[node, targets[:-1]] - design.level[node, origins[:-1] - 1][:, None]
        w = (weight * ~panel.closed[node, targets[:-1]]).ravel()
        trained = x[:-1].reshape(-1, x.shape[2])
        weighted = trained * w[:, None]
        gram.append(weighted.T @ trained)
        moment.append(weighted.T @ y.ravel())
        designs.append(x)
    coefficients = pooled_ridge(panel, np.array(gram), np.array(moment), design.penalty, parameters.pool_penalties)
    forecast = np.zeros((len(panel.nodes), horizon))
    recent = max(2, YEAR // parameters.origin_step_days)
    for node, x in enumerate(designs):
        fitted = np.exp(x @ coefficients[node] + design.level[node, origins - 1][:, None]) - LOG_OFFSET
        # The mean of an exponential is not the exponential of a mean: scale to the last year's actual units.
        w = weight[:recent] * ~panel.closed[node, targets[:-1][:recent]]
        sold = (panel.units[node, targets[:-1][:recent]] * w).sum()
        said = (fitted[:-1][:recent] * w).sum()
        forecast[node] = np.maximum(fitted[-1] * (sold / said if said > 0 else 1.0), 0.0)
    return forecast


class Design:
    """The regressors of every node for every (origin, lead)."""

    def __init__(
        self,
        panel: NodePanel,
        parameters: RegressionParameters,
        origins: np.ndarray,
        targets: np.ndarray,
        leads: np.ndarray,
    ) -> None:
        self.panel, self.origins, self.targets, self.leads = panel, origins, targets, leads
        self.log_units = np.log(np.maximum(panel.units, 0) + LOG_OFFSET)
        alpha = self.alpha = parameters.level_smoothing
        self.level = smoothed(self.log_units, alpha)
        self.fast = smoothed(self.log_units, parameters.fast_smoothing)
        self.slow = smoothed(self.log_units, parameters.slow_smoothing)
        shared, kinds = shared_regressors(panel)
        # Units are measured from the smoothed level, so regressors are measured from their smoothed values.
        self.shared = (shared[:, targets] - smoothed(shared, alpha)[:, origins - 1][:, :, None]).transpose(1, 2, 0)
        self.flag_parts = np.array(
            [
                np.ones(panel.all_days),
                panel.calendar.weekday == 1,
                panel.calendar.weekday == 2,
                panel.calendar.day_of_month <= 5,
            ],
            dtype=float,
        )
        self.cumulative = np.concatenate([np.zeros((len(panel.nodes), 1)), self.log_units.cumsum(axis=1)], axis=1)
        self.with_last_year = bool(origins.min() >= YEAR + 5 * WEEK)
        kinds = kinds + ["flag"] * len(self.flag_parts) + ["momentum"] * 4
        kinds += ["last_year"] * 4 * self.with_last_year + ["momentum"]
        penalty = dict(parameters.penalties)
        self.penalty = np.array([penalty[kind] for kind in kinds])

    def of(self, node: int) -> np.ndarray:
        """Origins x leads x regressors."""
        flags = self.panel.regional_flag[node] * self.flag_parts
        centred = flags[:, self.targets] - smoothed(flags, self.alpha)[:, self.origins - 1][:, :, None]
        lead = np.broadcast_to(self.leads[None, :], self.targets.shape)
        middle = (self.leads[None, :] - (self.leads[-1] + 1) / 2) / (self.leads[-1] / 2)
        at = self.origins - 1
        quick = (self.fast - self.level)[node, at][:, None]
        slow = (self.level - self.slow)[node, at][:, None]
        ones = np.ones_like(middle)
        momentum = np.stack([quick * ones, quick * middle, slow * ones, slow * middle], axis=2)
        parts = [self.shared, centred.transpose(1, 2, 0), momentum]
        if self.with_last_year:
            parts.append(self.last_year(node))
        parts.append((lead / self.leads[-1])[:, :, None])
        return np.concatenate(parts, axis=2)

    def last_year(self, node: int) -> np.ndarray:
        """How the same weeks of last year moved from their own level: month, week, day, and the year's growth."""
        analogue = self.targets - YEAR
        base = self.level[node, self.origins - 1 - YEAR][:, None]
        month, week = self.centred_mean(node, analogue, 4 * WEEK), self.centred_mean(node, analogue, WEEK)
        day = np.where(self.panel.closed[node, analogue], 0.0, self.log_units[node, analogue] - week)
        growth = (self.slow[node, self.origins - 1] - self.slow[node, self.origins - 1 - YEAR])[:, None]
        return np.stack([month - base, week - month, day, growth * self.leads[None, :] / self.leads[-1]], axis=2)

    def centred_mean(self, node: int, day: np.ndarray, width: int) -> np.ndarray:
        """Mean log units of `width` days around a day, of days known at the forecast's origin."""
        end = np.minimum(day + width // 2 + 1, self.panel.known_days)
        return np.asarray((self.cumulative[node, end] - self.cumulative[node, end - width]) / width)


def pooled_ridge(
    panel: NodePanel,
    gram: np.ndarray,
    moment: np.ndarray,
    penalty: np.ndarray,
    multiples: tuple[float, float, float],
) -> np.ndarray:
    """Coefficients of each node: its department's, plus its region x department's, plus its own deviation."""
    nodes = panel.nodes
    pools = (
        nodes["department_id"],
        nodes["region_id"].astype(str) + "|" + nodes["department_id"].astype(str),
        nodes["node_id"],
    )
    coefficients = np.zeros(moment.shape)
    for pool, multiple in zip(pools, multiples, strict=True):
        for members in pool.groupby(pool).indices.values():
            left = gram[members].sum(axis=0) + np.diag(penalty * multiple)
            right = sum(moment[m] - gram[m] @ coefficients[m] for m in members)
            coefficients[members] += np.linalg.solve(left, right)
    return coefficients
