"""A home remembers where its raw data came from, so that no run replaces it by other data unasked.

A job on Databricks starts with an empty home: there the raw tables' own record of their last load is the memory.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from models_ml.errors import InputError, WarehouseError
from models_ml.settings import Settings
from models_ml.sources import SOURCE_NAMES
from models_ml.warehouse.connection import Warehouse, warehouse_of
from models_ml.warehouse.dbt import on_databricks

OWN_RAW = "raw"
"""The home's folder of simulated raw files, recorded relative to the home."""


@dataclass(frozen=True)
class HeldSource:
    """Where a home's raw data came from.

    Attributes:
        source: kind of source (`m5`, `long`).
        location: folder, zip or lake address; `raw`: the home's simulated files.
        stores: the loaded stores; empty: all.
        horizon_days: horizon of the run that loaded them.
    """

    source: str
    location: str
    stores: tuple[str, ...]
    horizon_days: int

    @property
    def described(self) -> str:
        """A short description."""
        stores = f"stores {', '.join(self.stores)}" if self.stores else "all stores"
        return f"source {self.source}, {self.location}, {stores}"


def memory_file(settings: Settings) -> Path:
    """The file that records the source."""
    return settings.home / "source.json"


def configured_source(settings: Settings) -> HeldSource:
    """The source that the settings name."""
    location = settings.raw_source
    if location is None or (isinstance(location, Path) and location.resolve() == (settings.home / OWN_RAW).resolve()):
        text = OWN_RAW
    else:
        text = str(location.resolve() if isinstance(location, Path) else location)
    return HeldSource(settings.source, text, tuple(sorted(settings.store_list)), settings.horizon_days)


def held_source(settings: Settings) -> HeldSource | None:
    """What the home holds, or the raw tables on Databricks if the home has no memory; None if nothing was loaded.

    Raises:
        InputError: the file cannot be read.
    """
    path = memory_file(settings)
    if not path.exists():
        return source_loaded_last(settings, warehouse_of(settings)) if on_databricks(settings) else None
    try:
        held = json.loads(path.read_text())
        return HeldSource(**{**held, "stores": tuple(held["stores"])})
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{path} cannot be read. Move it away and run again.") from None


def source_loaded_last(settings: Settings, warehouse: Warehouse) -> HeldSource | None:
    """Kind and location of the source that a shared warehouse's raw tables were loaded from last.

    Its stores and horizon are taken as those asked for: each job may load a part.

    Returns:
        None if no load is recorded.
    """
    loads: list[tuple[datetime, str, str]] = []
    for kind in SOURCE_NAMES:
        try:
            table = warehouse.read(f"raw_{kind}.ingest_log", ["source_path", "loaded_at"])
        except WarehouseError:  # never loaded, or by a release that recorded no location
            continue
        loads += [(row["loaded_at"].replace(tzinfo=None), kind, row["source_path"]) for row in table.to_pylist()]
    if not loads:
        return None
    _, kind, location = max(loads)
    return replace(configured_source(settings), source=kind, location=str(Path(location).resolve()))


def refuse_other_source(settings: Settings, *, changed: bool) -> None:
    """Reject a source that would replace the home's data.

    Adding stores from the same files is allowed.

    Args:
        settings: the requested source.
        changed: the user allows a replacement. Simulated data never replaces real data.

    Raises:
        InputError: the home's data has another source or location, or stores would be dropped.
    """
    held, asked = held_source(settings), configured_source(settings)
    if held is None:
        return
    same_files = (held.source, held.location) == (asked.source, asked.location)
    simulated = settings.raw_source is None
    holder, another = (
        ("The warehouse", "DEMAND_WAREHOUSE_URL") if on_databricks(settings) else (settings.home, "DEMAND_HOME")
    )
    if simulated and not same_files:
        raise InputError(
            f"{holder} holds {held.described}, and DEMAND_DATA_DIR is not set: simulated data would replace it. "
            f"Set DEMAND_DATA_DIR={held.location} (DEMAND_SOURCE={held.source}), or choose another {another} for "
            "simulated data. Nothing was loaded."
        )
    dropped = bool(asked.stores) and not (held.stores and set(held.stores) <= set(asked.stores))
    if (not same_files or dropped) and not changed:
        raise InputError(
            f"{holder} holds {held.described}; this would replace it by {asked.described}. "
            "If that is meant, add --source-changed; otherwise choose another {another}. Nothing was loaded."
        )


def remember_source(settings: Settings) -> None:
    """Record the loaded source atomically."""
    path = memory_file(settings)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(configured_source(settings)), indent=2))
    part.replace(path)
