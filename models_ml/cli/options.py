"""Options that several commands share, and the settings they change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models_ml.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from models_ml.settings import Settings

Stores = Annotated[
    str | None,
    typer.Option("--stores", help="Comma-separated stores; default: every store.", metavar="CA_1,CA_2"),
]
Home = Annotated[
    Path | None, typer.Option("--home", help="Folder for everything a run writes (DEMAND_HOME).", metavar="DIR")
]
DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        help="Folder or zip of raw files, local or in a lake as abfss://... (DEMAND_DATA_DIR).",
        metavar="PATH",
    ),
]
Reports = Annotated[
    bool | None,
    typer.Option(
        "--reports/--no-reports",
        help="Rebuild the serving models afterwards (DEMAND_PUBLISH_BUILDS_REPORTS).",
        show_default=False,
    ),
]
SourceChanged = Annotated[
    bool,
    typer.Option(
        "--source-changed",
        help="Allow raw data from another source, location or set of stores to replace the data in DEMAND_HOME.",
    ),
]
Model = Annotated[str | None, typer.Option("--model", help="Forecaster (DEMAND_MODEL).", metavar="NAME")]


def settings_with(**changes: Any) -> Settings:
    """The process's settings, overridden by the given options."""
    from models_ml.lake.address import data_location
    from models_ml.settings import get_settings

    given = {name: value for name, value in changes.items() if value is not None}
    if "data_dir" in given:
        given["data_dir"] = data_location(given["data_dir"])
    return get_settings().model_copy(update=given)


def parse_date(text: str, option: str) -> date:
    """A date in ISO format; no other format is accepted."""
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option}: {text!r} is not a date; write it as YYYY-MM-DD.") from None
