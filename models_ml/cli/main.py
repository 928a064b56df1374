"""`demand`: one command line for the whole system."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated

import typer

from models_ml.cli import data, inventory, lake, model, replenishment, run, serving, source, store, webhooks
from models_ml.errors import DemandError

app = typer.Typer(
    name="demand",
    help="Demand forecasting for retail: raw sales in, published forecasts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def print_version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        from models_ml import __version__

        typer.echo(f"demand {__version__}")
        raise typer.Exit


@app.callback()
def demand(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Demand forecasting for retail: raw sales in, published forecasts out."""


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
app.command()(replenishment.orders)
app.add_typer(replenishment.stock_app, name="stock")
app.add_typer(replenishment.supply_app, name="supply")
app.add_typer(webhooks.webhooks_app, name="webhooks")
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
    # Waiting OpenMP threads spin by default and starve each other on a small or shared machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Python's resource tracker warns of semaphores that terminated processes left behind; it also removes them.
    ignored = "ignore:resource_tracker:UserWarning"
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), ignored]))
    try:
        app()
    except SystemExit as ended:
        # A Databricks task calls this function and treats every SystemExit as a failure.
        if ended.code:
            raise
    except DemandError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if (said := fault_of_the_machine(error)) is None:
            raise
        typer.echo(f"error: {said}", err=True)
        sys.exit(1)


def fault_of_the_machine(error: BaseException | None) -> str | None:
    """The message and remedy for a fault of the disk, a file or a database; None for a bug."""
    while error is not None:
        text = str(error).strip().split("\n", 1)[0]
        if isinstance(error, OSError) and error.errno is not None:
            named = f"{error.filename}: " if error.filename else ""
            return f"{named}{error.strerror}. {REMEDIES.get(error.errno, 'Fix this, or choose another DEMAND_HOME.')}"
        module = type(error).__module__.split(".")[0]
        if module in ("duckdb", "_duckdb"):
            return f"the warehouse: {text}. If the file is damaged or not DuckDB's, move it away and run again."
        if module in ("sqlite3", "sqlalchemy") and type(error).__name__ in ("OperationalError", "DatabaseError"):
            return f"the prediction store: {text}. If its file is damaged or not SQLite's, move it away and run again."
        error = error.__cause__ or error.__context__
    return None


REMEDIES = {
    errno.ENOSPC: "The disk is full: make room and run again.",
    errno.EDQUOT: "The disk quota is used up: make room and run again.",
    errno.EROFS: "The disk is read-only: choose another DEMAND_HOME.",
    errno.EACCES: "Grant yourself access, or choose another DEMAND_HOME.",
    errno.EPERM: "Grant yourself access, or choose another DEMAND_HOME.",
    errno.ENOTDIR: "A file is in the way: move it, or choose another DEMAND_HOME.",
    errno.EEXIST: "A file is in the way: move it, or choose another DEMAND_HOME.",
}


if __name__ == "__main__":
    main()
