"""`demand value`: what a forecast is worth in stock and in money."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.options import Home, Stores, parse_date, settings_with

if TYPE_CHECKING:
    import pandas as pd


def value(
    folds: Annotated[
        str,
        typer.Option(help="Comma-separated origins (YYYY-MM-DD), or the number of latest folds.", metavar="FOLDS"),
    ] = "3",
    methods: Annotated[
        str, typer.Option("--models", help="Comma-separated forecasters; the first is compared with the others.")
    ] = "middle_out,seasonal_naive,moving_average",
    terms: Annotated[
        Path | None, typer.Option("--terms", help="CSV of ordering terms (DEMAND_INVENTORY_TERMS).", metavar="FILE")
    ] = None,
    on_hand: Annotated[
        Path | None,
        typer.Option(
            "--on-hand",
            help="CSV of store_id, item_id, units: stock at the start of each fold; default: a steady state.",
            metavar="FILE",
        ),
    ] = None,
    supply: Annotated[
        Path | None,
        typer.Option(
            "--supply",
            help="CSV of lead times, weekdays, packs, minimums and shelf lives, as `demand supply import` takes it.",
            metavar="FILE",
        ),
    ] = None,
    service_level: Annotated[
        float, typer.Option("--service-level", help="Service level at which fill rates are compared.")
    ] = 0.95,
    stores: Stores = None,
    home: Home = None,
) -> None:
    """Simulate the ordering policy on past demand with several forecasts, and compare stock, sales and costs.

    An interrupted backtest resumes where it stopped.
    """
    from models_ml.cli.progress import Progress
    from models_ml.cli.replenishment import read_table
    from models_ml.errors import InputError
    from models_ml.inventory import terms as ordering
    from models_ml.inventory import value as worth
    from models_ml.inventory.feeds import kept_until_done
    from models_ml.prediction_store.replenishment import checked_supply
    from models_ml.warehouse import marts
    from models_ml.warehouse.connection import warehouse_of
    from models_ml.warehouse.identity import built_marts

    settings = settings_with(stores=stores, home=home, inventory_terms=terms)
    low, high = ordering.BOUNDS["service_level"]
    if not low <= service_level <= high:
        raise InputError(f"--service-level: {service_level:g} must be between {low:g} and {high:g}.")
    warehouse = warehouse_of(settings)
    if folds.isdigit():
        if int(folds) < 1:
            raise InputError("--folds: give at least 1 fold.")
        last = marts.last_sale_day(warehouse, settings.store_list)
        step = timedelta(days=settings.horizon_days)
        origins = [last - step * number for number in range(1, int(folds) + 1)]
    else:
        origins = list(dict.fromkeys(parse_date(text.strip(), "--folds") for text in folds.split(",")))
    rows = ordering.read_terms(warehouse, settings.inventory_terms)
    supplied = checked_supply(read_table(supply)) if supply else None

    def terms_for(series: pd.DataFrame) -> pd.DataFrame:
        known = ordering.terms_of(series, rows)
        return known if supplied is None else ordering.with_supply(known, series, supplied)

    names = list(dict.fromkeys(name.strip() for name in methods.split(",")))
    kept = kept_until_done(settings, built_marts(settings, warehouse)[0], origins, rows, supplied)
    with kept as keep, Progress().step("value backtest"):
        results = worth.value_backtest(
            warehouse,
            origins,
            names,
            terms_for,
            horizon_days=settings.horizon_days,
            stores=settings.store_list,
            service_levels=sorted({*worth.SERVICE_LEVELS, service_level}),
            on_hand=worth.read_on_hand(on_hand) if on_hand else None,
            seed=settings.seed,
            threads=settings.threads,
            keep=keep,
            on_step=lambda step: typer.echo(f"  {step} ...", err=True),
        )
    report = settings.home / "reports" / "value.csv"
    report.parent.mkdir(parents=True, exist_ok=True)
    results.to_csv(report, index=False)
    print_value(results, names[0], service_level)
    typer.echo("Demand is what was sold: where stock had run out, more was asked for, so fill rates are upper bounds.")
    typer.echo(f"Sums by fold, method, service level and category: {report}")


def print_value(results: pd.DataFrame, method: str, service_level: float) -> None:
    """Two tables: each method at the service level, and the stock that the others need for the same fill rate."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table

    from models_ml.inventory import value as worth

    console = Console()
    every = worth.figures(results).reset_index()
    asked = every[(every["service_level"] == service_level) | (every["method"] == worth.FORESIGHT)]
    mean = asked.groupby("method", sort=False).mean(numeric_only=True)
    table = Table(
        Column("method", no_wrap=True), "fill rate", "days out", "service", "mean stock", "its value", "waste", "cost",
        title=f"Asked for a service level of {service_level:g}; means of {every['fold'].nunique()} folds",
        title_justify="left", box=SIMPLE,
    )  # fmt: skip
    for name, row in mean.iterrows():
        table.add_row(
            str(name), f"{row['fill_rate']:.2%}", f"{row['stockout_share']:.2%}", f"{row['service']:.2%}",
            f"{row['stock']:,.0f}", f"{row['stock_value']:,.0f}", f"{row['waste']:,.0f}", f"{row['cost']:,.0f}",
        )  # fmt: skip
    console.print(table)
    saved = worth.stock_at_same_fill(results, method, service_level, ["category_id"], value=True)
    table = Table(
        Column("category", no_wrap=True), Column("against", no_wrap=True), "fill rate", "stock saved",
        "95 % interval over folds",
        title=f"Stock value that {method} saves at the same fill rate", title_justify="left", box=SIMPLE,
    )  # fmt: skip
    for (category, rival), rows in saved.groupby(["category_id", "rival"]):
        middle, low, high = worth.interval_over_folds(rows["saving"])
        bounds = f"{low:+.1%} to {high:+.1%}" if low == low else ""
        table.add_row(
            str(category),
            str(rival),
            f"{rows['fill_rate'].mean():.2%}",
            f"{middle:+.1%}" if middle == middle else "not reached",
            bounds,
        )
    console.print(table)
