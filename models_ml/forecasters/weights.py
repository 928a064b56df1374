"""Weights of a forecast combination, estimated from trials and shrunk to prior weights.

Source of the method: Granger, Ramanathan, "Improved methods of combining forecasts", Journal of Forecasting 3 (1984),
with non-negative weights that sum to one, and shrinkage as in Diebold, Pauly, "The use of prior information in
forecast combination", International Journal of Forecasting 6 (1990).
"""

from __future__ import annotations

import numpy as np


def learned_weights(
    members: np.ndarray, actual: np.ndarray, importance: np.ndarray, prior: np.ndarray, prior_trials: float
) -> np.ndarray:
    """Weights with the least squared error over trials.

    Args:
        members: members x rows x trials x days.
        actual: rows x trials x days.
        importance: weight of a squared error, rows x trials x days; 0 excludes it.
        prior: one per member, summing to one.
        prior_trials: weight of the prior, in trials.

    Returns:
        float64, one per member, non-negative, summing to one; without trials, the prior.
    """
    from scipy.optimize import nnls  # imported lazily: it loads much of scipy

    trials = actual.shape[1]
    flat, weight = members.reshape(len(members), -1).astype(np.float64), importance.ravel().astype(np.float64)
    gram = (flat * weight) @ flat.T
    if not trials or not np.trace(gram) > 0:
        return prior
    # Use errors instead of units: since weights sum to one, both give the same weights, but the ridge that keeps
    # similar members at their prior must be on the scale of errors.
    errors = flat - actual.ravel()[None, :]
    loss = (errors * weight) @ errors.T
    apart = loss - loss.mean(axis=0, keepdims=True) - loss.mean(axis=1, keepdims=True) + loss.mean()
    pull = (prior_trials / trials) * (apart + np.eye(len(prior)) * max(np.trace(apart) / len(prior), 1e-12))
    # min w' loss w + (w - prior)' pull (w - prior), w >= 0, sum w = 1, as a non-negative least squares problem.
    total = loss + pull
    root = np.linalg.cholesky(total + np.eye(len(prior)) * 1e-9 * np.trace(total)).T
    target = np.linalg.solve(root.T, pull @ prior)
    heavy = 1e3 * np.sqrt(np.trace(total))
    found, _ = nnls(np.vstack([root, np.full(len(prior), heavy)]), np.append(target, heavy))
    return np.asarray(found / found.sum())
