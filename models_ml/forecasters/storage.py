"""A fitted forecaster in a folder, and back: the reloaded one forecasts the same, byte for byte, or refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models_ml.errors import ModelError
from models_ml.forecasters.base import Fitted, Forecaster
from models_ml.forecasters.registry import make_forecaster

DESCRIPTION = "forecaster.json"


def save_forecaster(forecaster: Forecaster, folder: Path) -> None:
    """Write a fitted forecaster into a new folder."""
    folder.mkdir(parents=True)
    if isinstance(forecaster, Fitted):
        forecaster.save(folder)
    described = {"name": forecaster.name, "parameters": forecaster.parameters()}
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=1, sort_keys=True))


def load_forecaster(folder: Path, *, threads: int) -> Forecaster:
    """Read a forecaster that `save_forecaster` wrote.

    Args:
        folder: of the forecaster.
        threads: for its forecasts; their bytes do not depend on it.

    Raises:
        ModelError: the folder holds none, or one fitted with other parameters than this version's.
    """
    if not (folder / DESCRIPTION).exists():
        raise ModelError(f"{folder} holds no stored forecaster ({DESCRIPTION} is missing). Train the run again.")
    described = json.loads((folder / DESCRIPTION).read_text())
    forecaster = make_forecaster(described["name"], seed=described["parameters"].get("seed", 0), threads=threads)
    own: dict[str, Any] = json.loads(json.dumps(forecaster.parameters()))
    if own != described["parameters"]:
        changed = sorted(
            key
            for key in own.keys() | described["parameters"].keys()
            if own.get(key) != described["parameters"].get(key)
        )
        raise ModelError(
            f"{folder} was fitted with other parameters than this version's ({', '.join(changed)}). "
            "Check out the commit that its run names, or train it again."
        )
    if isinstance(forecaster, Fitted):
        try:
            forecaster.restore(folder)
        except (OSError, KeyError, ValueError) as error:
            raise ModelError(
                f"{folder} cannot be read as a stored {described['name']}: {error}. Train it again."
            ) from None
    return forecaster
