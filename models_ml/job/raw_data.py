"""Find raw files, download them from the lake or simulate them, and load them into the raw tables."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from models_ml.errors import InputError
from models_ml.job.source_memory import OWN_RAW, refuse_other_source, remember_source
from models_ml.lake.address import LakeAddress
from models_ml.settings import Settings
from models_ml.sources import SimulatedSource, get_source
from models_ml.sources.long.ingest import ingest_in_place
from models_ml.sources.long.session import databricks_session
from models_ml.sources.report import IngestReport
from models_ml.warehouse.connection import DatabricksWarehouse, install_sqlite_extension

INGEST_MEMORY_GB = 3.0
"""DuckDB's share of memory while it loads files, chosen so that all of M5 loads within 4 GB."""


EXAMPLE_STORES, EXAMPLE_ITEMS, EXAMPLE_DAYS = 1, 500, 1941
"""Size of the simulated data that is generated when no raw files are given."""


def prepare_home(settings: Settings) -> None:
    """Prepare the home, the store's tables and DuckDB's extension."""
    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.migrate import upgrade

    settings.home.mkdir(parents=True, exist_ok=True)
    install_sqlite_extension()
    engine = make_engine(settings.effective_store_url)
    upgrade(engine)
    engine.dispose()


def ingest_raw(settings: Settings, as_of: date | None = None, *, source_changed: bool = False) -> IngestReport:
    """Load the configured raw files (or simulated ones, generated on first use), up to a day, into the raw tables.

    Args:
        settings: the raw files, the stores and the horizon.
        as_of: the last day of sales to load; None: all.
        source_changed: data of another source, location or set of stores may replace the home's.

    Raises:
        InputError: a file is invalid, or other data would be replaced (see `source_memory`).
        WarehouseError: the raw tables cannot be written.
    """
    refuse_other_source(settings, changed=source_changed)
    settings.home.mkdir(parents=True, exist_ok=True)
    report = read_raw_files(settings, as_of)
    remember_source(settings)
    return report


def read_raw_files(settings: Settings, as_of: date | None) -> IngestReport:
    """Load raw files into the raw tables of the configured warehouse."""
    if settings.source == "long" and settings.effective_warehouse_url.startswith("databricks://"):
        warehouse = DatabricksWarehouse(settings.effective_warehouse_url)
        with databricks_session(warehouse) as session:
            return ingest_in_place(
                raw_files(settings),
                session,
                stores=settings.store_list or None,
                horizon_days=settings.horizon_days,
                as_of=as_of,
            )
    return get_source(settings.source).ingest(
        raw_files(settings),
        settings.warehouse_path,
        stores=settings.store_list or None,
        threads=settings.threads,
        memory_limit_gb=min(settings.memory_limit_gb, INGEST_MEMORY_GB),
        horizon_days=settings.horizon_days,
        as_of=as_of,
    )


def refuse_unknown_days(ingested: IngestReport, horizon_days: int) -> None:
    """Fail before the build if the calendar does not cover the horizon.

    Raises:
        InputError: the calendar ends before the horizon does.
    """
    needed = ingested.last_day + timedelta(days=horizon_days)
    if ingested.known_until is not None and ingested.known_until < needed:
        raise InputError(
            f"The calendar ends on {ingested.known_until}, and a forecast of {horizon_days} days after "
            f"{ingested.last_day} needs it until {needed}. Add the missing days with their events and prices, forecast "
            f"from an earlier day with --as-of, or reduce DEMAND_HORIZON_DAYS."
        )


def raw_files(settings: Settings) -> Path:
    """The local folder of the configured raw files: as given, downloaded from the lake, or simulated on first use."""
    location = settings.raw_source
    if isinstance(location, LakeAddress):
        from models_ml.lake.staging import stage

        folder = settings.home.resolve() / "lake"
        return stage(location, folder, endpoint=settings.lake_endpoint, sas=settings.lake_signature)
    return location or simulate_once(settings)


def simulate_once(settings: Settings) -> Path:
    """The home's simulated raw files; generated if missing."""
    folder = settings.home / OWN_RAW
    source = get_source(settings.source)
    if not folder.exists():
        if not isinstance(source, SimulatedSource):
            raise InputError(
                f"The source {settings.source!r} needs raw files: set DEMAND_DATA_DIR to their folder, or describe "
                f"them with `demand init`."
            )
        source.simulate(
            folder, stores=EXAMPLE_STORES, items=EXAMPLE_ITEMS, days=EXAMPLE_DAYS, seed=settings.seed,
            horizon_days=settings.horizon_days,
        )  # fmt: skip
    return folder
