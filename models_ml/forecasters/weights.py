"""Weights of several forecasts of the same thing, learned from trials and drawn to weights that hold without any.

Source of the method: Granger, Ramanathan, "Improved methods of combining forecasts", Journal of Forecasting 3 (1984),
with weights that are not negative and sum to one, and shrunk as by Diebold, Pauly, "The use of prior information in
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
        importance: of a squared error, rows x trials x days; 0 leaves it out.
        prior: one a member, summing to one.
        prior_trials: how many trials the prior counts as.

    Returns:
        float64, one a member, not negative, summing to one; the prior without trials.
    """
    from scipy.optimize import nnls  # at first use: it brings half of scipy

    trials = actual.shape[1]
    flat, weight = members.reshape(len(members), -1).astype(np.float64), importance.ravel().astype(np.float64)
    gram = (flat * weight) @ flat.T
    if not trials or not np.trace(gram) > 0:
        return prior
    # Errors, not units, are what members differ by: as weights sum to one, both give the same weights, but the scale
    # of the ridge that keeps near-twins at their prior has to be that of errors.
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
