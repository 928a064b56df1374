"""Commands for models: train, backtest, publish."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.checks import check_run
from models_ml.cli.options import Home, Model, Reports, Stores, parse_date, settings_with

if TYPE_CHECKING:
    import pandas as pd

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="Last known day; default: the last day of sales.", metavar="YYYY-MM-DD"),
]


def train(
    model: Model = None,
    stores: Stores = None,
    group: Annotated[
        str | None,
        typer.Option(help="Train one group of the stores: 3/8 is the third of eight groups.", metavar="I/N"),
    ] = None,
    as_of: AsOf = None,
    backtest: Annotated[
        bool, typer.Option(help="Backtest on the latest fold first; a run without a backtest is not served.")
    ] = True,
    publishing: Annotated[
        bool, typer.Option("--publish", help="Publish the run afterwards, as `demand publish` does.")
    ] = False,
    home: Home = None,
) -> None:
    """Fit a model on the marts and save its forecasts under models/ in DEMAND_HOME."""
    from models_ml.cli.progress import Progress
    from models_ml.inventory.rows import unreached
    from models_ml.job.publishing import rivals
    from models_ml.job.raw_data import prepare_home
    from models_ml.runs import fit
    from models_ml.runs.backtest import Backtest
    from models_ml.runs.folds import backtest_folds
    from models_ml.runs.plan import plan_training
    from models_ml.warehouse import marts
    from models_ml.warehouse.connection import warehouse_of

    settings = settings_with(model=model, stores=stores, home=home)
    warehouse = warehouse_of(settings)
    origin = parse_date(as_of, "--as-of") if as_of else None
    if group is not None:
        members = marts.group_of_stores(marts.stores_of(warehouse, settings.store_list), group)
        if not members:
            typer.echo(f"--group {group}: this group is empty, because there are fewer stores than groups.")
            return
        settings = settings.model_copy(update={"stores": ",".join(members)})
    plan = plan_training(settings, warehouse, origin)
    if plan.note:
        typer.echo(plan.note)
    progress, scored = Progress(), Backtest.none()
    if backtest:
        prepare_home(settings)
        fold = plan.marts.origin - timedelta(days=plan.marts.horizon_days)
        with progress.step("backtest") as step:
            models = [plan.model, *rivals(settings, plan, fold)]
            scored = backtest_folds(settings, plan.marts, [fold], models)
            step.note = told(scored.metrics)
    with progress.step("train and forecast"):
        folder = fit.train(plan, settings, scored, settings.home / "models")
    typer.echo(f"{plan.run_id}: {plan.model} from {plan.marts.origin}, {len(plan.marts.series)} series, in {folder}")
    untold = unreached(plan.terms, plan.marts.horizon_days)
    if untold:
        typer.echo(untold)
    if publishing:
        publish(plan.run_id, home=home)


def backtest(
    folds: Annotated[
        str,
        typer.Option(help="Comma-separated origins (YYYY-MM-DD), or the number of latest folds.", metavar="FOLDS"),
    ] = "1",
    model: Annotated[
        str | None,
        typer.Option("--model", help="Comma-separated forecasters; default: DEMAND_MODEL.", metavar="NAMES"),
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option("--run", help="Backtest a trained run's model on its stores, and store the metrics with the run."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            help="Folds to run in parallel, each in its own process with a share of threads and memory.", min=1
        ),
    ] = 1,
    stores: Stores = None,
    home: Home = None,
) -> None:
    """Backtest models against seasonal naive, on every level of the hierarchy."""
    from datetime import date

    from models_ml.cli.progress import Progress
    from models_ml.errors import InputError
    from models_ml.job.publishing import keep_backtest
    from models_ml.runs import artifact
    from models_ml.runs.folds import backtest_folds
    from models_ml.warehouse import marts
    from models_ml.warehouse.connection import warehouse_of

    settings = settings_with(stores=stores, home=home)
    folder = None
    if run_id is not None:
        if model or stores:
            raise InputError("--run backtests the run's own model on its own stores; leave out --model and --stores.")
        folder = settings.home / "models" / run_id
        manifest = artifact.load(folder).manifest
        model = manifest["model"]
        settings = settings.model_copy(
            update={"stores": ",".join(manifest["scope"]), "horizon_days": manifest["horizon_days"]}
        )
    warehouse = warehouse_of(settings)
    last = date.fromisoformat(manifest["origin"]) if folder else marts.last_sale_day(warehouse, settings.store_list)
    if folds.isdigit():
        if int(folds) < 1:
            raise InputError("--folds: give at least 1 fold.")
        step = timedelta(days=settings.horizon_days)
        origins = [last - step * k for k in range(1, int(folds) + 1)]
    else:
        origins = list(dict.fromkeys(parse_date(text.strip(), "--folds") for text in folds.split(",")))
    view = marts.Marts(warehouse, last, settings.horizon_days, settings.store_list)
    names = (model or settings.model).split(",")
    with Progress().step("backtest"):
        scored = backtest_folds(
            settings,
            view,
            origins,
            names,
            lambda fold, name: typer.echo(f"  {fold} {name} ...", err=True),
            jobs=jobs,
            on_result=lambda one: typer.echo(f"  {one.metrics['fold'].iloc[0]}: {told(one.metrics)}", err=True),
        )
    print_metrics(scored.metrics)
    if folder is not None:
        typer.echo(keep_backtest(settings, folder, scored))


def told(metrics: pd.DataFrame) -> str:
    """WRMSSE and seconds of each model, in a line."""
    average = metrics[metrics["level"] == 0].pivot_table(index="model", columns="metric", values="value", sort=False)
    return ", ".join(
        f"{name} {wrmsse:.4f} ({seconds:.0f} s)"
        for name, wrmsse, seconds in zip(average.index, average["wrmsse"], average["seconds"], strict=True)
    )


def print_metrics(metrics: pd.DataFrame) -> None:
    """Tables of a backtest: WRMSSE by fold, by level, and the other metrics on average."""
    from rich.console import Console
    from rich.table import Table

    from models_ml.hierarchy.aggregation import LEVELS

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
    run_id: Annotated[str, typer.Argument(help="A trained run (a folder under models/ in DEMAND_HOME), or `latest`.")],
    activate: Annotated[
        bool,
        typer.Option(help="Serve the run if it is not worse than the champion; otherwise publish it as a challenger."),
    ] = True,
    reports: Reports = None,
    home: Home = None,
) -> None:
    """Write a trained run to the prediction store, check it and serve it, unless it fails a check or is worse."""
    from models_ml.cli.progress import Progress
    from models_ml.cli.store import rebuild_reports
    from models_ml.job.publishing import publish_artifact
    from models_ml.job.raw_data import prepare_home
    from models_ml.job.recording import recorded
    from models_ml.job.webhooks import after_publish
    from models_ml.runs import artifact

    settings = settings_with(home=home)
    models = settings.home / "models"
    folder = artifact.latest(models) if run_id == "latest" else models / run_id
    prepare_home(settings)
    published = publish_artifact(settings, folder, activate=activate, check=partial(check_run, fresh=activate))
    typer.echo(published.text)
    notes = [*published.notes, *after_publish(settings)]
    with recorded(settings, folder, Progress(), notes):
        pass
    for note in notes:
        typer.echo(note)
    rebuild_reports(reports, home)


def explain(
    run_id: Annotated[str | None, typer.Option("--run", help="Run; default: the served run.", metavar="RUN")] = None,
    node: Annotated[
        str | None,
        typer.Option("--node", help="A node, e.g. store:CA_1, store_department:CA_1|FOODS_3; default: total."),
    ] = None,
    item: Annotated[str | None, typer.Option("--item", help="An item, with its --store.", metavar="ITEM")] = None,
    store: Annotated[str | None, typer.Option("--store", help="The item's store.", metavar="STORE")] = None,
    home: Home = None,
) -> None:
    """Show each feature's contribution, in units, to the forecast of a node or an item."""
    from rich.console import Console
    from rich.table import Table

    from models_ml.cli.store import opened, served_run
    from models_ml.errors import InputError
    from models_ml.runs import explain as explaining

    if (item is None) != (store is None) or (item and node):
        raise InputError("Give --node for a node, or --item and --store for an item.")
    with opened(home) as engine:
        chosen = run_id or served_run(engine)
        if item is not None and store is not None:
            explanation = explaining.explain_trained_item(settings_with(home=home), chosen, store, item)
        else:
            explanation = explaining.explain_node(engine, chosen, node or "total")
    units = explanation.units
    title = f"{item} in {explanation.store_id}" if item else explanation.node_id
    step = "day" if (units.index[1:] - units.index[:-1]).max() == timedelta(days=1) else "week"
    table = Table("moved by", f"units a {step}", "most on", "then", "what it is", title=title, title_justify="left")
    for family, row in explaining.summary(explanation).iterrows():
        table.add_row(
            str(family), f"{row['units_per_step']:+.2f}", str(row["strongest_day"]), f"{row['strongest_units']:+.2f}",
            str(row["meaning"]),
        )  # fmt: skip
    table.add_section()
    table.add_row("forecast", f"{units.to_numpy().sum() / len(units):.2f}", "", "", f"mean of {len(units)} {step}s")
    Console().print(table)
    if explanation.share is not None and explanation.recent_share is not None:
        typer.echo(
            f"{item} gets {explanation.share:.2%} of {explanation.node_id}; "
            f"of the last 28 days' sales it was {explanation.recent_share:.2%}."
        )
