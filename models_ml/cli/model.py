"""Commands for models: train, backtest, publish."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.options import Home, Model, Stores, parse_date, settings_with

if TYPE_CHECKING:
    import pandas as pd

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="Last known day; default: the last day of sales.", metavar="YYYY-MM-DD"),
]


def train(model: Model = None, stores: Stores = None, as_of: AsOf = None, home: Home = None) -> None:
    """Fit a model on the marts and save its forecasts under models/ in the home."""
    import pandas as pd

    from models_ml import training
    from models_ml.evaluation.backtest import METRIC_COLUMNS
    from models_ml.pipeline import raw_fingerprint
    from models_ml.warehouse import open_warehouse

    settings = settings_with(model=model, stores=stores, home=home)
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    origin = parse_date(as_of, "--as-of") if as_of else None
    plan = training.plan_training(settings, warehouse, raw_fingerprint(settings, warehouse), origin)
    folder = training.train(plan, settings, pd.DataFrame(columns=METRIC_COLUMNS), settings.home / "models")
    typer.echo(f"{plan.run_id}: {plan.model} from {plan.marts.origin}, {len(plan.marts.series)} series, in {folder}")


def backtest(
    folds: Annotated[
        str,
        typer.Option(help="Comma-separated origins (YYYY-MM-DD), or a number of latest folds.", metavar="FOLDS"),
    ] = "1",
    model: Annotated[
        str | None,
        typer.Option("--model", help="Comma-separated forecasters; default: DEMAND_MODEL.", metavar="NAMES"),
    ] = None,
    stores: Stores = None,
    home: Home = None,
) -> None:
    """Score models on past origins against seasonal naive, on every level of the hierarchy."""
    from models_ml import marts, training
    from models_ml.cli.progress import Progress
    from models_ml.errors import InputError
    from models_ml.warehouse import open_warehouse

    settings = settings_with(stores=stores, home=home)
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    last = marts.last_sale_day(warehouse, settings.store_list)
    if folds.isdigit():
        if int(folds) < 1:
            raise InputError("--folds: give at least 1 fold.")
        step = timedelta(days=settings.horizon_days)
        origins = [last - step * k for k in range(1, int(folds) + 1)]
    else:
        origins = [parse_date(text.strip(), "--folds") for text in folds.split(",")]
    view = marts.Marts(warehouse, last, settings.horizon_days, settings.store_list)
    names = (model or settings.model).split(",")
    with Progress().step("backtest"):
        metrics = training.backtest_metrics(
            settings, view, origins, names, lambda fold, name: typer.echo(f"  {fold} {name}", err=True)
        )
    print_metrics(metrics)


def print_metrics(metrics: pd.DataFrame) -> None:
    """Tables of a backtest: WRMSSE by fold, by level, and the other metrics on average."""
    from rich.console import Console
    from rich.table import Table

    from models_ml.evaluation.hierarchy import LEVELS

    console = Console()

    def show(title: str, frame: pd.DataFrame) -> None:
        table = Table(str(frame.index.name), *map(str, frame.columns), title=title, title_justify="left")
        for name, values in zip(frame.index.astype(str), frame.to_numpy(), strict=True):
            table.add_row(name, *("" if value != value else f"{value:.4f}" for value in values))
        console.print(table)

    average = metrics[metrics["level"] == 0]
    wrmsse = metrics[metrics["metric"] == "wrmsse"]
    by_fold = wrmsse[wrmsse["level"] == 0].pivot_table(index="fold", columns="model", values="value", sort=False)
    by_fold.loc["mean"] = by_fold.mean()
    show("WRMSSE, mean of the levels", by_fold.rename_axis("fold"))
    names = {level.number: f"{level.number} {level.name}" for level in LEVELS}
    by_level = wrmsse[wrmsse["level"] > 0].pivot_table(index="level", columns="model", values="value", sort=False)
    show("WRMSSE by level, mean of the folds", by_level.rename(index=names))
    other = average[average["metric"] != "wrmsse"].pivot_table(index="metric", columns="model", values="value")
    show("Mean of the levels and folds", other)


def publish(
    run_id: Annotated[str, typer.Argument(help="A run trained before (a folder under models/ in the home).")],
    activate: Annotated[bool, typer.Option(help="Serve it; otherwise only publish it as a challenger.")] = True,
    home: Home = None,
) -> None:
    """Write a trained run to the prediction store and serve it, in one transaction."""
    from models_ml.pipeline import publish_artifact

    settings = settings_with(home=home)
    typer.echo(publish_artifact(settings, settings.home / "models" / run_id, activate=activate))
