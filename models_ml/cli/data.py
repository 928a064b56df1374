"""Commands for data: simulate, ingest, build, quality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models_ml.cli.options import DataDir, Home, SourceChanged, Stores, settings_with


def simulate(
    target: Annotated[Path | None, typer.Argument(help="Folder to write; default: raw/ in the home.")] = None,
    stores: Annotated[int, typer.Option(help="Number of stores.", min=1)] = 1,
    items: Annotated[int, typer.Option(help="Number of items.", min=1)] = 500,
    days: Annotated[int, typer.Option(help="Days of sales.", min=1)] = 1941,
    seed: Annotated[int | None, typer.Option(help="Seed (DEMAND_SEED).")] = None,
    home: Home = None,
) -> None:
    """Write simulated raw files in the format of the source (DEMAND_SOURCE)."""
    from models_ml.errors import InputError
    from models_ml.sources import SimulatedSource, get_source

    settings = settings_with(home=home, seed=seed)
    folder = target or settings.home / "raw"
    source = get_source(settings.source)
    if not isinstance(source, SimulatedSource):
        raise InputError(f"The source {settings.source!r} has no simulator.")
    source.simulate(
        folder, stores=stores, items=items, days=days, seed=settings.seed, horizon_days=settings.horizon_days
    )
    typer.echo(f"Simulated {stores * items} series of {days} days in {folder}.")


def ingest(
    data_dir: DataDir = None, stores: Stores = None, source_changed: SourceChanged = False, home: Home = None
) -> None:
    """Load raw files into the warehouse's raw tables; a file with an error is rejected whole."""
    from models_ml.job.raw_data import ingest_raw
    from models_ml.job.source_memory import refuse_other_source
    from models_ml.job.wording import describe_ingest
    from models_ml.warehouse import dbt

    settings = settings_with(data_dir=data_dir, stores=stores, home=home)
    if settings.source == "m5" and dbt.on_databricks(settings):
        refuse_other_source(settings, changed=source_changed)
        settings.home.mkdir(parents=True, exist_ok=True)
        typer.echo(dbt.load_files(settings))
    else:
        typer.echo(describe_ingest(ingest_raw(settings, source_changed=source_changed)))


def build(
    selector: Annotated[str, typer.Option(help="`warehouse` or `serving`.")] = "warehouse",
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Rebuild incremental models.")] = False,
    home: Home = None,
) -> None:
    """Build one zone's models with dbt, and run their tests."""
    from models_ml.job.builds import build_and_test
    from models_ml.job.raw_data import prepare_home

    settings = settings_with(home=home)
    prepare_home(settings)
    typer.echo(build_and_test(settings, selector, full_refresh=full_refresh))


def quality(
    zone: Annotated[str, typer.Option(help="`raw`, `marts`, `store`, or `all`.")] = "all", home: Home = None
) -> None:
    """Run the data-quality checks and write their reports."""
    from expectations.run import run_zones

    settings = settings_with(home=home)
    summary = run_zones(settings, zone)
    typer.echo(summary.text)
    summary.raise_on_errors()


def monitor(home: Home = None) -> None:
    """Compare the latest sales with last year's and with the forecast; raise or clear alarms."""
    from models_ml.job.raw_data import prepare_home
    from models_ml.monitoring.run import monitor as run_monitor

    settings = settings_with(home=home)
    prepare_home(settings)
    found = run_monitor(settings)
    typer.echo(found.text)
    for note in found.notes:
        typer.echo(note)


def docs(home: Home = None) -> None:
    """Build the static site: lineage, data quality, the API's contract."""
    from api.main import create_app
    from api.settings import ApiSettings
    from models_ml.job.raw_data import prepare_home
    from models_ml.site import build_site

    settings = settings_with(home=home)
    prepare_home(settings)
    openapi = create_app(ApiSettings(auth="off")).openapi()
    typer.echo(f"Open {build_site(settings, openapi)}")
