"""Commands for the prediction store: its tables, runs and served runs."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.options import Home, Reports, Stores, settings_with
from models_ml.cli.tables import AsJson, print_rows

if TYPE_CHECKING:
    from sqlalchemy import Engine

runs_app = typer.Typer(help="Published runs.", no_args_is_help=True)
store_app = typer.Typer(help="The prediction store's tables.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(help="Run id, or its beginning.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Reason, kept in the activation log.")]


Author = Annotated[str | None, typer.Option("--author", help="Who decides; default: the operating system's user.")]


@contextmanager
def opened(home: Path | None) -> Iterator[Engine]:
    """The configured store."""
    from models_ml.prediction_store.engine import make_engine

    engine = make_engine(settings_with(home=home).effective_store_url)
    try:
        yield engine
    finally:
        engine.dispose()


@store_app.command()
def upgrade(home: Home = None) -> None:
    """Create the store's tables, or migrate them to this version."""
    from models_ml.prediction_store import migrate

    with opened(home) as engine:
        before = migrate.current_revision(engine)
        migrate.upgrade(engine)
        typer.echo(f"{before or 'no tables'} -> {migrate.current_revision(engine)}")
        advice = migrate.advice(engine)
    if advice:
        typer.echo(f"warning: {advice}", err=True)


@store_app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Schema revision of the earlier release, such as 0010.")],
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Confirm: tables and columns that later revisions added are dropped with their data."
        ),
    ] = False,
    home: Home = None,
) -> None:
    """Migrate the store's tables back to an earlier revision. Stop the API and the jobs first."""
    from models_ml.errors import InputError
    from models_ml.prediction_store import migrate

    with opened(home) as engine:
        before = migrate.current_revision(engine)
        known = migrate.revisions()
        if before not in known or revision not in known[: known.index(before)]:
            earlier = ", ".join(known[: known.index(before)]) if before in known else "none"
            raise InputError(f"The store is at {before or 'no revision'}; earlier revisions: {earlier or 'none'}.")
        if not yes:
            raise InputError(
                f"This drops tables and columns that revisions after {revision} added, with their data. Back up the "
                f"store, then give --yes."
            )
        migrate.downgrade(engine, revision)
        typer.echo(f"{before} -> {migrate.current_revision(engine)}")


@store_app.command()
def grants(
    file: Annotated[Path, typer.Argument(help="SQL script with $(name) placeholders.", exists=True, dir_okay=False)],
    values: Annotated[list[str], typer.Argument(help="name=value for each placeholder.")],
    home: Home = None,
) -> None:
    """Run a script of grants on SQL Server."""
    from models_ml.prediction_store import grants as granting

    with opened(home) as engine:
        granting.run(engine, file.read_text(), granting.parse(values))
        typer.echo(f"{file}: done")


def promote(
    run_id: RunId,
    reason: Reason = None,
    author: Author = None,
    force: Annotated[bool, typer.Option("--force", help="Promote even if the served run has a later origin.")] = False,
    reports: Reports = None,
    home: Home = None,
) -> None:
    """Serve a published run for all its stores."""
    from models_ml.prediction_store import runs

    with opened(home) as engine:
        moved = runs.promote(engine, run_id, reason=reason, author=author or getpass.getuser(), force=force)
    typer.echo(f"{run_id} is served for {', '.join(moved)}." if moved else f"{run_id} is already served.")
    tell_others(home)
    rebuild_reports(reports, home)


def rollback(stores: Stores = None, reason: Reason = None, author: Author = None, home: Home = None) -> None:
    """Serve the previous run again, for all or some stores, until a run is promoted by name."""
    from models_ml.prediction_store import read, runs
    from models_ml.prediction_store.transactions import reading

    with opened(home) as engine:
        if stores:
            chosen = [name.strip() for name in stores.split(",") if name.strip()]
        else:
            with reading(engine) as connection:
                chosen = sorted(read.pointers(connection))
        for store, run in runs.rollback(engine, chosen, reason=reason, author=author or getpass.getuser()).items():
            typer.echo(f"{store}: {run}")
    tell_others(home)


def rebuild_reports(wanted: bool | None, home: Path | None) -> None:
    """Rebuild the serving models if the option or the setting says so."""
    from models_ml.job.builds import build_reports

    settings = settings_with(home=home, publish_builds_reports=wanted)
    if settings.publish_builds_reports:
        typer.echo(f"reports: {build_reports(settings)}")


def tell_others(home: Path | None) -> None:
    """Sync MLflow's aliases with the store's pointers and send webhooks; serving depends on neither."""
    from models_ml.job.recording import move_aliases
    from models_ml.job.webhooks import after_publish

    settings = settings_with(home=home)
    for warning in (move_aliases(settings), *after_publish(settings)):
        if warning:
            typer.echo(f"warning: {warning}", err=True)


@runs_app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option(help="Maximum number of runs.", min=1)] = 20,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """List runs, newest first."""
    from models_ml.prediction_store import runs

    with opened(home) as engine:
        rows = [
            {
                "run": run.run_id,
                "model": run.model,
                "origin": run.origin,
                "status": run.status,
                "role": run.role,
                "series": run.series_count,
                "published_utc": f"{run.published_at:%Y-%m-%dT%H:%M}" if run.published_at else None,
                "served_for": run.active_stores,
            }
            for run in runs.list_runs(engine, limit=limit)
        ]
    columns = ("run", "model", "origin", "status", "role", "series", "published_utc", "served_for")
    print_rows(rows, columns, as_json=as_json)


@runs_app.command("show")
def show_run(run_id: RunId, home: Home = None) -> None:
    """Print one run as JSON."""
    import json
    from dataclasses import asdict

    from models_ml.prediction_store import runs

    with opened(home) as engine:
        typer.echo(json.dumps(asdict(runs.show(engine, run_id)), indent=2, default=str))


@runs_app.command("compare")
def compare_runs(first: RunId, second: RunId, as_json: AsJson = False, home: Home = None) -> None:
    """Compare the metrics of two runs: means over their common folds, and second minus first."""
    from dataclasses import asdict

    from models_ml.prediction_store import runs

    columns = ("model", "level", "metric", "folds", "first", "second", "difference")
    with opened(home) as engine:
        rows = [{**asdict(row), "difference": row.difference} for row in runs.compare(engine, first, second)]
    if not as_json:
        rows = [{**row, **{name: f"{row[name]:.4f}" for name in columns[-3:]}} for row in rows]
    print_rows(rows, columns, as_json=as_json)


@runs_app.command("prune")
def prune_runs(
    keep: Annotated[int, typer.Option(help="Number of latest runs to keep.", min=1)] = 10, home: Home = None
) -> None:
    """Delete old runs in the store and in `models/`; served runs and their predecessors are kept."""
    from models_ml.job.retention import prune

    typer.echo("\n".join(prune(settings_with(home=home), keep)) or "Nothing to remove.")


def export(
    target: Annotated[Path, typer.Argument(help="Output file: .csv or .parquet.")],
    run_id: Annotated[str | None, typer.Option("--run", help="Run; default: the served run.")] = None,
    home: Home = None,
) -> None:
    """Write forecasts to a CSV or parquet file."""
    from models_ml.prediction_store.export import export as write

    with opened(home) as engine:
        rows = write(engine, run_id or served_run(engine), target)
    typer.echo(f"{rows:,} forecasts in {target}")


def served_run(engine: Engine) -> str:
    """The one run that all stores serve.

    Raises:
        InputError: no run is served, or the stores serve different runs.
    """
    from models_ml.errors import InputError
    from models_ml.prediction_store import read
    from models_ml.prediction_store.transactions import reading

    with reading(engine) as connection:
        served = read.pointers(connection)
    runs = sorted(set(served.values()))
    if not runs:
        raise InputError("No run is served yet. Run `demand run`, or name a run with --run.")
    if len(runs) > 1:
        raise InputError(f"Stores serve different runs ({', '.join(runs)}). Name one with --run.")
    return runs[0]
