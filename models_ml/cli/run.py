"""`demand run`: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.checks import quality_checks
from models_ml.cli.model import AsOf
from models_ml.cli.options import DataDir, Home, Model, SourceChanged, Stores, parse_date, settings_with

if TYPE_CHECKING:
    from models_ml.job.finished import Outcome
    from models_ml.settings import Settings


def run(
    stores: Stores = None,
    data_dir: DataDir = None,
    model: Model = None,
    as_of: AsOf = None,
    force: Annotated[bool, typer.Option("--force", help="Train even if an identical run exists.")] = False,
    track: Annotated[bool, typer.Option(help="Record the run in MLflow.")] = True,
    source_changed: SourceChanged = False,
    home: Home = None,
) -> None:
    """Raw files in, served forecasts out: ingest, build, check, train, backtest, publish.

    Without raw files (DEMAND_DATA_DIR), the data of one store is simulated.
    """
    from models_ml.warehouse import dbt

    settings = settings_with(stores=stores, data_dir=data_dir, model=model, home=home)
    if force or as_of or not (settings.home / "last_job.json").exists():
        dbt.prepare(settings)  # while this process loads the rest

    from models_ml import __version__
    from models_ml.cli.progress import Progress
    from models_ml.job.main import main_job

    origin = parse_date(as_of, "--as-of") if as_of else None
    progress = Progress(settings.home / "logs" / "demand.log")
    progress.record(f"demand run, version {__version__}")
    try:
        outcome = main_job(
            settings, progress, quality_checks(),
            origin=origin, force=force, track=track, source_changed=source_changed,
        )  # fmt: skip
    except BaseException as error:
        progress.record(f"{type(error).__name__}: {error}")
        raise
    for line in (f"{outcome.run_id} is the {outcome.role}", *outcome.notes):
        progress.record(line)
    show(outcome, settings)


def show(outcome: Outcome, settings: Settings) -> None:
    """The summary table and the next commands."""
    from rich.console import Console
    from rich.table import Table

    from models_ml.forecasters.registry import BASELINE
    from models_ml.job.wording import stores_named

    console = Console(highlight=False)
    table = Table(show_header=False, title="Published", title_justify="left")
    table.add_row(
        "run", outcome.run_id if outcome.role == "champion" else f"{outcome.run_id}, a challenger: not served"
    )
    table.add_row("origin", f"{outcome.origin} (last known day), {settings.horizon_days} days ahead")
    table.add_row("series", f"{outcome.series:,} in {stores_named(outcome.scope)}")
    baseline = outcome.wrmsse.get(BASELINE)
    for name, value in outcome.wrmsse.items():
        better = f", {1 - value / baseline:+.1%} against seasonal naive" if baseline and name != BASELINE else ""
        table.add_row(f"WRMSSE {name}", f"{value:.4f} (backtest from {outcome.fold}{better})")
    steps = ", ".join(f"{name} {seconds:.0f}" for name, seconds in outcome.seconds.items())
    table.add_row("seconds", f"{sum(outcome.seconds.values()):.0f}  ({steps})")
    console.print(table)
    for note in outcome.notes:
        console.print(note)
    prefix = "" if str(settings.home) == "data" else f"DEMAND_HOME={settings.home} "
    console.print(f"API and dashboard:  {prefix}make serve   (or `demand serve`, `demand dashboard`)")
    console.print("Lineage and docs:   make docs")
