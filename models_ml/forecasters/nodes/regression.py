"""Node model 1: a dynamic regression of log units, pooled from department to region to node by ridge penalties.

A node's log units are explained as a distance from its own exponentially smoothed level, so one coefficient (a
weekday, an event, a flag) speaks of all levels of sales. Coefficients are first learned for a department in all
stores, then as deviations for the department in a region, then for the single node.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models_ml.errors import ModelError
from models_ml.forecasters.effects import multiplied
from models_ml.forecasters.nodes.panel import WEEK, YEAR, NodePanel, first_origin

LOG_OFFSET = 0.5
"""Added to units before the logarithm, so that a day without sales has one."""

HELD_AT_ZERO = 1e12
"""Ridge penalty of regressors that history is too short to learn."""


@dataclass(frozen=True)
class RegressionParameters:
    """Choices made on folds; see benchmarks/accuracy.md.

    Attributes:
        level_smoothing, fast_smoothing, slow_smoothing: exponential smoothing of the level that units are measured
            from, and of the two that tell momentum.
        half_life_days: age at which a training day weighs half.
        origin_step_days: distance between training origins.
        first_origin_days: days of history before the first training origin, where a year of them is left after it.
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
        ("known", 5.0),
    )
    pool_penalties: tuple[float, float, float] = (1.0, 1.0, 3.0)


def smoothed(values: np.ndarray, alpha: float) -> np.ndarray:
    """Exponentially smoothed values along the last axis, each day's own value included."""
    from scipy.signal import lfilter  # at first use: it brings half of scipy

    start = values[..., :1] * (1 - alpha)
    result: np.ndarray = lfilter([alpha], [1, alpha - 1], values, axis=-1, zi=start)[0]
    return result


@dataclass(frozen=True)
class Regressor:
    """A column of the regression.

    Attributes:
        name: of this regressor alone, e.g. `weekday_1` or `event_Easter_-2`.
        kind: of its penalty.
    """

    name: str
    kind: str


def shared_regressors(panel: NodePanel) -> tuple[np.ndarray, list[Regressor]]:
    """Regressors that are the same for every node: regressors x all days, and what each is."""
    calendar = panel.calendar
    rows: list[np.ndarray] = [(calendar.weekday == day).astype(float) for day in range(1, WEEK + 1)]
    names = [Regressor(f"weekday_{day}", "weekday") for day in range(1, WEEK + 1)]
    angle = 2 * np.pi * calendar.day_of_year / 365.25
    for harmonic in range(1, 7):
        rows += [np.sin(harmonic * angle), np.cos(harmonic * angle)]
        names += [Regressor(f"season_{part}_{harmonic}", "season") for part in ("sine", "cosine")]
    rows += [(calendar.day_of_month == day).astype(float) for day in range(1, 32)]
    names += [Regressor(f"day_of_month_{day}", "day_of_month") for day in range(1, 32)]
    rows += list(calendar.event_windows.values())
    names += [
        Regressor(f"event_{calendar.event_names[code - 1]}_{distance}", "event")
        for code, distance in calendar.event_windows
    ]
    return np.array(rows), names


@dataclass(frozen=True)
class FittedRegression:
    """What the regression has learned; it may forecast from its own origin or from a later one.

    Attributes:
        parameters: of its features.
        nodes: ids of its nodes.
        regressors: names of its columns.
        with_last_year: whether history reached far enough for last year's regressors.
        coefficients: nodes x regressors, of log units.
        correction: one a node: units sold last year per unit that the exponential of the fit says.
    """

    parameters: RegressionParameters
    nodes: tuple[str, ...]
    regressors: tuple[str, ...]
    with_last_year: bool
    coefficients: np.ndarray
    correction: np.ndarray

    def predict(self, panel: NodePanel) -> np.ndarray:
        """Forecast every node from the panel's last known day.

        Returns:
            float64, nodes x horizon, not negative; closed days are not yet zero.

        Raises:
            ModelError: the panel has other nodes or regressors than were learned.
        """
        design = self.design(panel)
        forecast = np.zeros((len(panel.nodes), panel.horizon_days))
        for node in range(len(panel.nodes)):
            log_units = design.of(node) @ self.coefficients[node] + design.base(node)[:, None]
            forecast[node] = np.maximum((np.exp(log_units) - LOG_OFFSET)[-1] * self.correction[node], 0.0)
        return forecast

    def contributions(self, panel: NodePanel) -> tuple[list[str], np.ndarray]:
        """How many units each regressor moves each node's forecast by.

        The model multiplies; see `base.multiplied`.

        Returns:
            Names, `level` (what is sold at the smoothed level alone) before the regressors'; and float64,
            nodes x horizon x names.
        """
        design, forecast = self.design(panel), self.predict(panel)
        units = np.zeros((*forecast.shape, 1 + len(self.regressors)))
        for node in range(len(panel.nodes)):
            effects = (design.of(node) * self.coefficients[node])[-1]
            level = np.exp(design.base(node)[-1]) * self.correction[node]
            units[node, :, 1:] = multiplied(level, effects)
            units[node, :, 0] = forecast[node] - units[node, :, 1:].sum(axis=1)
        return ["level", *self.regressors], units

    def design(self, panel: NodePanel) -> Design:
        """The regressors of the panel's own forecast, if they are those that were learned."""
        leads = np.arange(1, panel.horizon_days + 1)
        origins = np.array([panel.known_days])
        targets = origins[:, None] + leads[None, :] - 1
        design = Design(panel, self.parameters, origins, targets, leads, with_last_year=self.with_last_year)
        if tuple(panel.nodes["node_id"]) != self.nodes:
            raise ModelError(
                f"The regression was fitted on {len(self.nodes)} nodes and is asked about "
                f"{len(panel.nodes)}, or others. Train it on these stores."
            )
        if tuple(r.name for r in design.regressors) != self.regressors:
            changed = sorted({r.name for r in design.regressors} ^ set(self.regressors))
            raise ModelError(
                f"The regression was fitted on other regressors; they differ by {', '.join(changed[:5]) or 'order'}. "
                "Train it again on these marts."
            )
        return design

    def save(self, folder: Path) -> None:
        """Write `regression.npz` and `regression.json`."""
        np.savez(folder / "regression.npz", coefficients=self.coefficients, correction=self.correction)
        described = {
            "parameters": asdict(self.parameters),
            "nodes": self.nodes,
            "regressors": self.regressors,
            "with_last_year": self.with_last_year,
        }
        (folder / "regression.json").write_text(json.dumps(described, indent=1))

    @classmethod
    def load(cls, folder: Path, parameters: RegressionParameters) -> FittedRegression:
        """Read what `save` wrote; `parameters` are those it was fitted with (see `storage`)."""
        described = json.loads((folder / "regression.json").read_text())
        with np.load(folder / "regression.npz") as arrays:
            return cls(
                parameters=parameters,
                nodes=tuple(described["nodes"]),
                regressors=tuple(described["regressors"]),
                with_last_year=described["with_last_year"],
                coefficients=arrays["coefficients"],
                correction=arrays["correction"],
            )


def fit_regression(panel: NodePanel, parameters: RegressionParameters) -> FittedRegression:
    """Learn the coefficients of every node."""
    known, horizon = panel.known_days, panel.horizon_days
    first = first_origin(parameters.first_origin_days, known - horizon)
    origins = np.arange(known - horizon, first, -parameters.origin_step_days)
    leads = np.arange(1, horizon + 1)
    targets = origins[:, None] + leads[None, :] - 1
    design = Design(panel, parameters, origins, targets, leads)
    weight = 0.5 ** ((known - targets) / parameters.half_life_days)
    gram, moment, designs = [], [], []
    for node in range(len(panel.nodes)):
        x = design.of(node)
        y = design.log_units[node, targets] - design.base(node)[:, None]
        w = (weight * ~panel.closed[node, targets]).ravel()
        trained = x.reshape(-1, x.shape[2])
        weighted = trained * w[:, None]
        gram.append(weighted.T @ trained)
        moment.append(weighted.T @ y.ravel())
        designs.append(x)
    penalty = design.penalty.copy()
    if targets.max() - targets.min() < YEAR - 1:  # waves learned from a part of the year run wild in the rest
        penalty[[regressor.kind == "season" for regressor in design.regressors]] = HELD_AT_ZERO
    coefficients = pooled_ridge(panel, np.array(gram), np.array(moment), penalty, parameters.pool_penalties)
    correction = np.ones(len(panel.nodes))
    recent = max(2, YEAR // parameters.origin_step_days)
    for node, x in enumerate(designs):
        # The mean of an exponential is not the exponential of a mean: scale to the last year's actual units.
        fitted = np.exp(x[:recent] @ coefficients[node] + design.base(node)[:recent, None]) - LOG_OFFSET
        w = weight[:recent] * ~panel.closed[node, targets[:recent]]
        sold = (panel.units[node, targets[:recent]] * w).sum()
        said = (fitted * w).sum()
        correction[node] = sold / said if said > 0 else 1.0
    return FittedRegression(
        parameters=parameters,
        nodes=tuple(panel.nodes["node_id"]),
        regressors=tuple(r.name for r in design.regressors),
        with_last_year=design.with_last_year,
        coefficients=coefficients,
        correction=correction,
    )


class Design:
    """The regressors of every node for every (origin, lead).

    `with_last_year` None asks for last year's regressors wherever history reaches far enough for every origin.
    """

    def __init__(
        self,
        panel: NodePanel,
        parameters: RegressionParameters,
        origins: np.ndarray,
        targets: np.ndarray,
        leads: np.ndarray,
        *,
        with_last_year: bool | None = None,
    ) -> None:
        if with_last_year is None:
            with_last_year = bool(origins.min() >= YEAR + 5 * WEEK)
        self.panel, self.origins, self.targets, self.leads = panel, origins, targets, leads
        self.log_units = np.log(np.maximum(panel.units, 0) + LOG_OFFSET)
        alpha = self.alpha = parameters.level_smoothing
        self.level = smoothed(self.log_units, alpha)
        self.fast = smoothed(self.log_units, parameters.fast_smoothing)
        self.slow = smoothed(self.log_units, parameters.slow_smoothing)
        shared, regressors = shared_regressors(panel)
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
        self.with_last_year = with_last_year
        regressors += [Regressor(name, "flag") for name in ("flag", "flag_weekday_1", "flag_weekday_2", "flag_payday")]
        regressors += [Regressor(f"known_{name}", "known") for name in panel.known]
        regressors += [Regressor(f"momentum_{name}", "momentum") for name in ("fast", "fast_lead", "slow", "slow_lead")]
        if with_last_year:
            regressors += [Regressor(f"last_year_{name}", "last_year") for name in ("month", "week", "day", "growth")]
        regressors.append(Regressor("momentum_lead", "momentum"))
        self.regressors = regressors
        penalty = dict(parameters.penalties)
        self.penalty = np.array([penalty[regressor.kind] for regressor in regressors])

    def base(self, node: int) -> np.ndarray:
        """The smoothed log level at each origin."""
        return np.asarray(self.level[node, self.origins - 1])

    def of(self, node: int) -> np.ndarray:
        """Origins x leads x regressors."""
        flags = self.panel.regional_flag[node] * self.flag_parts
        flags = (
            np.concatenate([flags, [values[node] for values in self.panel.known.values()]])
            if self.panel.known
            else flags
        )
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
