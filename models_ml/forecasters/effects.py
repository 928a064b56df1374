"""Effects of a multiplicative model, in units."""

from __future__ import annotations

import numpy as np


def multiplied(base: np.ndarray | float, effects: np.ndarray) -> np.ndarray:
    """Logarithmic effects on a base, in units.

    Multiplicative effects are converted to units with the logarithmic mean (LMDI decomposition, Ang, Energy Policy
    32(9), 2004), so that they add up exactly to the change of the base.

    Args:
        base: units before any effect, one per row or one for all.
        effects: rows x effects, of the logarithm.

    Returns:
        rows x effects; a row's sum is base x (exp(sum of its effects) - 1).
    """
    total = effects.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_log_unit = np.where(np.abs(total) > 1e-12, base * np.expm1(total) / total, base)
    return np.asarray(effects * per_log_unit[:, None])
