"""Which rows the item model learns from: a weighted sample, since all of them are forty million."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models_ml.forecasters.item_boosting.features import ItemFeatures

TRIED_SERIES = 400
"""About as many series are kept from the model in each horizon before the origin: what it says of them there is an
honest trial, as its own past forecast would have been."""

FEWEST_HORIZONS = 4
"""A series is kept from the model in one of so many horizons at most."""

LOWEST_LEVEL, HIGHEST_LEVEL = 0.1, 5.0
"""Levels between which a series is drawn in proportion to the root of its level."""


@dataclass(frozen=True)
class SamplingParameters:
    """Choices made on folds; see benchmarks/accuracy.md.

    Attributes:
        weeks: as-of days, one a week, before the origin.
        rows: rows drawn in all, at most.
        rows_per_series: rows drawn of each series and as-of day, at most, on average.
        minimum_days_on_sale: of a series at the as-of day.
    """

    weeks: int = 52
    rows: int = 1_000_000
    rows_per_series: float = 2.0
    minimum_days_on_sale: int = 7


def held_out(series: np.ndarray, horizons_ago: np.ndarray, of_series: int) -> np.ndarray:
    """Whether a series is kept from the model in a horizon before the origin; elementwise.

    Args:
        series: row of each.
        horizons_ago: 0 for the last horizon before the origin.
        of_series: number of series.
    """
    every = max(FEWEST_HORIZONS, of_series // TRIED_SERIES)
    return np.asarray((series + horizons_ago) % every == 0)


def sample_rows(
    features: ItemFeatures, horizon_days: int, parameters: SamplingParameters, *, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw (series, as-of day, lead) whose target day is known at the origin.

    A series is drawn with a chance in proportion to the root of its level, and weighs one over that chance: the
    sample is unbiased and spends its rows where there are sales. Near the origin only short leads are known.

    Returns:
        Series, position of the as-of day, lead, and weight (mean 1) of each row; empty without history.
    """
    generator = np.random.default_rng(seed)
    days = len(features.as_of) - 1
    asked = min(parameters.rows / max(days, 1), parameters.rows_per_series * len(features.level))
    parts: list[tuple[np.ndarray, ...]] = []
    for day in range(days):
        age, level = features.age[:, day], features.level[:, day]
        chance = np.sqrt(np.clip(level, LOWEST_LEVEL, HIGHEST_LEVEL)) * (age >= parameters.minimum_days_on_sale)
        if not chance.any():
            continue
        chance = chance.astype(np.float64) * asked / chance.sum(dtype=np.float64)
        times = np.floor(chance + generator.random(len(chance))).astype(np.intp)
        series = np.repeat(np.arange(len(chance)), times)
        longest = min(horizon_days, int(features.as_of_position[-1] - features.as_of_position[day]))
        lead = generator.integers(1, longest + 1, len(series))
        days_ago = features.as_of_position[-1] - features.as_of_position[day] - lead
        kept = generator.random(len(series)) < longest / horizon_days
        kept &= ~held_out(series, days_ago // horizon_days, len(chance))
        series, lead = series[kept], lead[kept]
        parts.append((series, np.full(len(series), day), lead, 1.0 / chance[series]))
    if not parts:
        none = np.zeros(0, dtype=np.intp)
        return none, none, none, np.zeros(0)
    series, as_of, lead, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return series, as_of, lead, weight / max(weight.mean(), 1e-9) if len(weight) else weight
