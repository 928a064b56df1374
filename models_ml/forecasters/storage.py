"""Saves and loads fitted models; a loaded model reproduces its forecasts byte for byte, or loading fails."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models_ml.errors import ModelError
from models_ml.forecasters.base import Forecast, Forecaster, SelfTrying, Storable
from models_ml.forecasters.quantiles import QuantileModel, fit_quantiles
from models_ml.forecasters.quantiles.replay import replay
from models_ml.forecasters.registry import make_forecaster
from models_ml.forecasters.replays import Replays
from models_ml.warehouse.marts import Marts

DESCRIPTION = "forecaster.json"
OWN_REPLAYS = "own_replays.npz"


@dataclass(frozen=True)
class FittedModel:
    """The fitted model of a run.

    Attributes:
        forecaster: of the mean, fitted.
        quantiles: fitted at the same origin.
        own_replays: of the forecaster itself, if it has any.
    """

    forecaster: Forecaster
    quantiles: QuantileModel
    own_replays: Replays | None = None

    @classmethod
    def fit(cls, forecaster: Forecaster, marts: Marts, replays: Replays | None = None) -> FittedModel:
        """Fit a forecaster and its quantiles at `marts.origin`; `replays` of these marts, if already computed."""
        forecaster.fit(marts)
        replays = replay(marts) if replays is None else replays
        own = forecaster.own_replays(marts, replays) if isinstance(forecaster, SelfTrying) else None
        return cls(forecaster, fit_quantiles(marts, replays=replays), own)

    def forecast(self, marts: Marts) -> Forecast:
        """Mean and quantiles of the steps that begin on `marts.step_dates`.

        Raises:
            ModelError: the marts have other stores, series, features or categories than at the fit.
        """
        return self.quantiles.around(self.forecaster.forecast(marts).in_steps(marts.step_days))

    def save(self, folder: Path) -> None:
        """Write the model to a new folder."""
        folder.mkdir(parents=True)
        if isinstance(self.forecaster, Storable):
            self.forecaster.save(folder)
        self.quantiles.save(folder)
        if self.own_replays is not None:
            self.own_replays.save(folder / OWN_REPLAYS)
        described = {
            "name": self.forecaster.name,
            "parameters": self.forecaster.parameters(),
            "own_replays": self.own_replays is not None,
        }
        (folder / DESCRIPTION).write_text(json.dumps(described, indent=1, sort_keys=True))

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> FittedModel:
        """Read what `save` wrote.

        Args:
            folder: of the model.
            threads: for forecasts; results do not depend on it.

        Raises:
            ModelError: the model is missing, incomplete, or was fitted with other parameters than this version's.
        """
        if not (folder / DESCRIPTION).exists():
            raise ModelError(f"{folder} holds no stored model ({DESCRIPTION} is missing). Train the run again.")
        described = json.loads((folder / DESCRIPTION).read_text())
        forecaster = make_forecaster(described["name"], seed=described["parameters"].get("seed", 0), threads=threads)
        check_parameters(folder, forecaster, described["parameters"])
        try:
            if isinstance(forecaster, Storable):
                forecaster.restore(folder)
            own = Replays.load(folder / OWN_REPLAYS) if described["own_replays"] else None
            return cls(forecaster, QuantileModel.load(folder), own)
        except (OSError, KeyError, ValueError) as error:
            raise ModelError(
                f"{folder} cannot be read as a stored {described['name']}: {error}. Train it again."
            ) from None


def check_parameters(folder: Path, forecaster: Forecaster, stored: dict[str, Any]) -> None:
    """Reject a model with other parameters than this version's.

    Raises:
        ModelError: its parameters differ.
    """
    own: dict[str, Any] = json.loads(json.dumps(forecaster.parameters()))
    changed = sorted(key for key in own.keys() | stored.keys() if own.get(key) != stored.get(key))
    if changed:
        raise ModelError(
            f"{folder} was fitted with other parameters than this version's ({', '.join(changed)}). "
            "Check out the commit that its run names, or train it again."
        )
