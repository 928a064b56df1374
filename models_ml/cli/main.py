"""`demand`: one command line for the whole system."""

from __future__ import annotations

import os
import sys

import typer

from models_ml.cli import data, inventory, lake, model, run, serving, source, store
from models_ml.errors import DemandError

app = typer.Typer(
    name="demand",
    help="Demand forecasting for retail: raw sales in, published forecasts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(source.init)
app.command()(source.check)
app.command()(data.simulate)
app.command()(data.ingest)
app.command()(data.build)
app.command()(data.quality)
app.command()(data.monitor)
app.command()(data.docs)
app.command()(model.train)
app.command()(model.backtest)
app.command()(model.publish)
app.command()(model.explain)
app.command()(inventory.value)
app.command()(store.promote)
app.command()(store.rollback)
app.command()(store.export)
app.add_typer(store.runs_app, name="runs")
app.add_typer(store.store_app, name="store")
app.add_typer(lake.lake_app, name="lake")
app.command()(serving.serve)
app.command()(serving.dashboard)


def main() -> None:
    """Run the command line; a user's mistake is one message and an exit code, never a traceback."""
    # OpenMP's threads spin while they wait; on a machine that is shared or small they then starve each other.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except SystemExit as ended:
        # A task of Databricks calls this function, and takes every SystemExit for a failure.
        if ended.code:
            raise
    except DemandError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
