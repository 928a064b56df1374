"""Effects of a multiplicative model, in units."""

from __future__ import annotations

import numpy as np


def multiplied(base: np.ndarray | float, effects: np.ndarray) -> np.ndarray:
    """Logarithmic effects on a base, in units.

    Effects that multiply are turned into units by the logarithmic mean (as in the LMDI decomposition, Ang, Energy
    Policy 32(9), 2004), so that they add up to what they move the base by, without a remainder.

    Args:
        base: units before any effect, one a row or one for all.
        effects: rows x effects, of the logarithm.

    Returns:
        rows x effects; a row's sum is base x (exp(sum of its effects) - 1).
    """
    total = effects.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_log_unit = np.where(np.abs(total) > 1e-12, base * np.expm1(total) / total, base)
    return np.asarray(effects * per_log_unit[:, None])
