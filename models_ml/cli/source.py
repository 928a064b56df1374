"""Commands for a retailer's own data: describe it, validate it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.options import Home, settings_with

if TYPE_CHECKING:
    from models_ml.settings import Settings
    from models_ml.sources.long.profile import Profile

Regressors = Annotated[
    list[str] | None,
    typer.Option("--regressor", help="Column and its availability (known or past_only), e.g. Promo=known; repeatable."),
]


def init(
    sales: Annotated[str | None, typer.Argument(help="CSV, parquet or warehouse table of sales.")] = None,
    date: Annotated[str | None, typer.Option(help="Column of the date.")] = None,
    units: Annotated[str | None, typer.Option(help="Column of units sold.")] = None,
    store: Annotated[str | None, typer.Option(help="Column of the store.")] = None,
    item: Annotated[str | None, typer.Option(help="Column of the item.")] = None,
    price: Annotated[str | None, typer.Option(help="Column of the price paid.")] = None,
    open_: Annotated[str | None, typer.Option("--open", help="Column that is 0 when the store is closed.")] = None,
    category: Annotated[str | None, typer.Option(help="Column of the category, in the sales.")] = None,
    department: Annotated[str | None, typer.Option(help="Column of the department, in the sales.")] = None,
    region: Annotated[str | None, typer.Option(help="Column of the region, in the sales.")] = None,
    future: Annotated[str | None, typer.Option(help="Table of coming days, the same columns without units.")] = None,
    grain: Annotated[str, typer.Option(help="`day` or `week`.")] = "day",
    missing_dates: Annotated[str, typer.Option(help="`zero` or `gap`.")] = "zero",
    regressor: Regressors = None,
    database: Annotated[
        list[str] | None,
        typer.Option(help="DuckDB file whose tables are read in place, e.g. erp=erp.duckdb for erp.main.sales."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a configuration that is there.")] = False,
    home: Home = None,
) -> None:
    """Write source.yml for your own sales and show what is in them; columns not given are guessed, then asked for."""
    from models_ml.errors import InputError
    from models_ml.sources.long.initialise import describe_source

    settings = settings_with(home=home)
    path = settings.source_config or settings.home / "source.yml"
    if path.exists() and not force:
        raise InputError(f"{path} is there already. Edit it, or replace it with --force.")
    table = sales or typer.prompt("Table of sales (a .csv or .parquet file, or schema.table)")
    given = {
        "date": date, "units": units, "store": store, "item": item, "price": price, "open": open_,
    }  # fmt: skip
    levels = {"category": category, "department": department, "region": region}
    describe_source(
        path,
        table,
        settings.warehouse_path,
        columns={name: column for name, column in given.items() if column is not None},
        hierarchy={name: column for name, column in levels.items() if column is not None},
        regressors=regressor or [],
        future=future,
        rules={"grain": grain, "missing_dates": missing_dates},
        databases=database or [],
        ask=lambda name, columns: str(typer.prompt(f"Column of {name} (one of {', '.join(columns)})")),
    )
    typer.echo(f"Wrote {path}. Edit it to add items, stores, prices or events; the README says what may be in it.")
    _show(settings, path)


def check(
    config: Annotated[Path | None, typer.Argument(help="The YAML file, or its folder (DEMAND_SOURCE_CONFIG).")] = None,
    home: Home = None,
) -> None:
    """Validate a source and profile it; nothing is loaded."""
    settings = settings_with(home=home)
    _show(settings, config or settings.source_config or settings.home / "source.yml")


def _show(settings: Settings, path: Path) -> None:
    from models_ml.sources.long.profile import check as check_source

    typer.echo(told(check_source(path, settings.warehouse_path, horizon_days=settings.horizon_days)))


def told(profile: Profile) -> str:
    """A profile in lines."""
    classes = ", ".join(f"{count:,} {name}" for name, count in profile.classes.items())
    lines = [
        f"{profile.series:,} series: {profile.items:,} items in {profile.stores:,} stores",
        f"{profile.first_day} to {profile.last_day}, {profile.series_days:,} days on sale in all, "
        f"{profile.zero_share:.0%} of them without a sale",
        f"demand: {classes}",
        *(f"note: {problem}" for problem in profile.problems),
        *(f"left out: {reason}" for reason in profile.left_out),
    ]
    return "\n".join(lines)
