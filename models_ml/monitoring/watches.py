"""Monitored metrics, their bounds and alarm rules: the file `thresholds.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models_ml.errors import InputError
from models_ml.monitoring.accuracy import METRICS as ACCURACY
from models_ml.monitoring.drift import METRICS as DRIFT

Mode = Literal["enabled", "dry-run", "disabled"]
OWN_FILE = "monitoring.toml"


class Watch(BaseModel):
    """Bounds of one metric, and how many bad weeks make an alarm.

    Attributes:
        metric: of `drift.METRICS` or `accuracy.METRICS`.
        min: smallest good value; None is open.
        max: largest good value; None is open.
        at_least: bad weeks that make an alarm.
        of_last: newest weeks that are examined.
        mode: raises alarms, only reports them, or is off.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    metric: str
    min: float | None = None
    max: float | None = None
    at_least: int = Field(3, ge=1)
    of_last: int = Field(4, ge=1, le=52)
    mode: Mode = "enabled"

    @model_validator(mode="after")
    def _makes_sense(self) -> Watch:
        if self.metric not in (*DRIFT, *ACCURACY):
            raise ValueError(f"metric is {self.metric!r}; it must be one of {', '.join((*DRIFT, *ACCURACY))}")
        if self.at_least > self.of_last:
            raise ValueError(f"{self.metric}: at_least {self.at_least} is more than of_last {self.of_last}")
        return self


def watches_path(home: Path) -> Path:
    """The home's own file if it has one, else the package's."""
    own = home / OWN_FILE
    return own if own.exists() else Path(__file__).with_name("thresholds.toml")


def read_watches(path: Path) -> tuple[Watch, ...]:
    """The watches of a file that are not disabled.

    Raises:
        InputError: it is not TOML, or has an unknown key or value; the message names it.
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}. Correct it, or delete it to use the package's thresholds.") from None
    listed = content.pop("watch", [])
    unknown = sorted(set(content) - {"mode", "at_least", "of_last"})
    if unknown or not isinstance(listed, list):
        raise InputError(f"{path}: {', '.join(unknown) or 'watch'} is unknown. See the package's thresholds.")
    mode = content.get("mode", "enabled")
    if mode not in get_args(Mode):
        raise InputError(f"{path}: mode is {mode!r}; it must be {', '.join(get_args(Mode))}.")
    try:
        watches = [Watch(**{**content, **values}) for values in listed]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where + ': ' if where else ''}{first['msg']}.") from None
    # The file's mode caps the mode of each watch.
    strict = get_args(Mode)
    limited = (w.model_copy(update={"mode": max(w.mode, mode, key=strict.index)}) for w in watches)
    return tuple(w for w in limited if w.mode != "disabled")
