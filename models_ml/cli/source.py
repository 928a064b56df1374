"""Commands for a retailer's own data: describe it, validate it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.options import Home, settings_with
from models_ml.errors import InputError

if TYPE_CHECKING:
    from models_ml.settings import Settings
    from models_ml.sources.long.profile import Profile
    from models_ml.sources.long.session import DatabricksSession

Regressors = Annotated[
    list[str] | None,
    typer.Option(
        "--regressor", help="Column and its availability (known, past_only, static), e.g. Promo=known; repeatable."
    ),
]


def init(
    sales: Annotated[str | None, typer.Argument(help="CSV, parquet or warehouse table of sales.")] = None,
    date: Annotated[str | None, typer.Option(help="Date column.")] = None,
    units: Annotated[str | None, typer.Option(help="Column with units sold.")] = None,
    store: Annotated[str | None, typer.Option(help="Store column.")] = None,
    item: Annotated[str | None, typer.Option(help="Item column.")] = None,
    price: Annotated[str | None, typer.Option(help="Price column.")] = None,
    open_: Annotated[str | None, typer.Option("--open", help="Column that is 0 when the store is closed.")] = None,
    stockout: Annotated[str | None, typer.Option(help="Column that is 1 when the shelf was empty.")] = None,
    category: Annotated[str | None, typer.Option(help="Category column, in the items or sales table.")] = None,
    department: Annotated[str | None, typer.Option(help="Department column, in the items or sales table.")] = None,
    region: Annotated[str | None, typer.Option(help="Region column, in the stores or sales table.")] = None,
    where: Annotated[str | None, typer.Option(help="SQL condition that selects the sales rows to use.")] = None,
    future: Annotated[str | None, typer.Option(help="Table of future days: the sales columns without units.")] = None,
    items: Annotated[str | None, typer.Option(help="Table of item attributes.")] = None,
    stores: Annotated[str | None, typer.Option(help="Table of store attributes.")] = None,
    prices: Annotated[
        str | None, typer.Option(help="Table of prices, each with the date from which it applies.")
    ] = None,
    events: Annotated[str | None, typer.Option(help="Table of named days (events, holidays).")] = None,
    grain: Annotated[str | None, typer.Option(help="`day` or `week`.")] = None,
    missing_dates: Annotated[str | None, typer.Option(help="`zero` or `gap`.")] = None,
    duplicates: Annotated[str | None, typer.Option(help="`refuse`, `sum`, `drop` (copies) or `last`.")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal separator: `.` or `,`.")] = None,
    thousands: Annotated[str | None, typer.Option(help="Thousands separator: `.`, `,` or a space.")] = None,
    weekday: Annotated[str | None, typer.Option(help="Weekday of weekly dates, e.g. Sunday.")] = None,
    last_day: Annotated[
        str | None, typer.Option(help="If the last day looks incomplete: `ask`, `drop` or `keep`.")
    ] = None,
    trailing_zeros: Annotated[
        str | None, typer.Option(help="Trailing days without any sale in any store: `drop` or `keep`.")
    ] = None,
    closures: Annotated[
        str | None, typer.Option(help="Long periods without any sale in a store: `gap` or `zero`.")
    ] = None,
    wide: Annotated[
        str | None, typer.Option(help="What the column headers of a wide table hold: date, item or store.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook.")] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Finding to accept, with the reason: totals='item Total is a voucher'."),
    ] = None,
    date_format: Annotated[str | None, typer.Option(help="Date format, e.g. %d.%m.%Y.")] = None,
    regressor: Regressors = None,
    database: Annotated[
        list[str] | None,
        typer.Option(help="DuckDB file to attach and read in place, e.g. erp=erp.duckdb for erp.main.sales."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing configuration.")] = False,
    home: Home = None,
) -> None:
    """Write source.yml for your own sales data and profile them; options that are not given are guessed and listed."""
    from models_ml.sources.long.initialise import describe_source
    from models_ml.sources.long.wishes import Wishes

    settings = settings_with(home=home)
    path = settings.source_config or settings.home / "source.yml"
    if path.exists() and not force:
        raise InputError(f"{path} already exists. Edit it, or overwrite it with --force.")
    if sales is None and not sys.stdin.isatty():
        raise InputError("Name the sales table: demand init sales.csv, or schema.table of the warehouse.")
    table = sales or typer.prompt("Table of sales (a .csv or .parquet file, or schema.table)")
    wishes = Wishes(
        columns=given(date=date, units=units, store=store, item=item, price=price, open=open_, stockout=stockout),
        tables=given(sales=table, future=future, items=items, stores=stores, prices=prices, events=events),
        where=where,
        hierarchy=given(category=category, department=department, region=region),
        regressors=regressor or [],
        rules=given(
            grain=grain,
            missing_dates=missing_dates,
            duplicates=duplicates,
            date_format=date_format,
            decimal=decimal,
            thousands=thousands,
            weekday=weekday,
            last_day=last_day,
            trailing_zeros=trailing_zeros,
            closures=closures,
        ),
        databases=database or [],
        layout=given(wide=wide, sheet=sheet),
        accept=dict(reasoned(text) for text in accept or []),
    )
    with tables_of(settings) as warehouse:
        guesses = describe_source(path, wishes, warehouse, asked)
        typer.echo(f"Wrote {path}; docs/your-own-data.md lists its other options.")
        for guess in guesses:
            typer.echo(f"guess: {guess}")
        show(path, warehouse, settings.horizon_days)


def reasoned(text: str) -> tuple[str, str]:
    """Name and reason of an accepted finding given as `name=reason`.

    Raises:
        InputError: there is no reason.
    """
    name, _, reason = text.partition("=")
    if not reason.strip():
        raise InputError(f"--accept {text!r}: write it as CHECK=REASON; the reason is stored in the configuration.")
    return name.strip(), reason.strip()


def given(**options: str | None) -> dict[str, str]:
    """The options that were given a value."""
    return {name: value for name, value in options.items() if value is not None}


def asked(field: str, columns: Sequence[str]) -> str:
    """Ask the user for the column.

    Raises:
        InputError: there is no terminal to ask on.
    """
    if not sys.stdin.isatty():
        raise InputError(
            f"No column looks like {field}. Name it with --{field}; the columns are: {', '.join(columns)}."
        )
    return str(typer.prompt(f"Column of {field} (one of {', '.join(columns)})"))


def check(
    config: Annotated[Path | None, typer.Argument(help="The YAML file, or its folder (DEMAND_SOURCE_CONFIG).")] = None,
    home: Home = None,
) -> None:
    """Validate a source and profile it; nothing is loaded."""
    settings = settings_with(home=home)
    with tables_of(settings) as warehouse:
        show(config or settings.source_config or settings.home / "source.yml", warehouse, settings.horizon_days)


@contextmanager
def tables_of(settings: Settings) -> Iterator[Path | DatabricksSession]:
    """Where tables that are not files live: a DuckDB file, or a session of a Databricks warehouse."""
    url = settings.effective_warehouse_url
    if not url.startswith("databricks://"):
        yield settings.warehouse_path
        return
    from models_ml.sources.long.session import databricks_session
    from models_ml.warehouse.connection import DatabricksWarehouse

    with databricks_session(DatabricksWarehouse(url)) as session:
        yield session


def show(path: Path, warehouse: Path | DatabricksSession, horizon_days: int) -> None:
    """Validate a source and print its profile; the estimate of a run's cost is shown for local runs only."""
    from models_ml.sources.long import profile
    from models_ml.sources.long.estimate import told as cost_told

    if isinstance(warehouse, Path):
        found = profile.check(path, warehouse, horizon_days=horizon_days)
        typer.echo(told(found, cost_told(found.size)))
    else:
        typer.echo(told(profile.check_in_place(path, warehouse, horizon_days=horizon_days)))


def counted(number: int, thing: str) -> str:
    """A count with its noun, singular or plural."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def told(profile: Profile, cost: str | None = None) -> str:
    """The lines of a profile, with the estimated cost of a run."""
    classes = ", ".join(f"{count:,} {name}" for name, count in profile.classes.items())
    lines = [
        f"{profile.series:,} series: {counted(profile.items, 'item')} in {counted(profile.stores, 'store')}"
        if profile.series > profile.stores
        else f"{profile.series:,} series: sales of whole stores",
        f"{profile.first_day} to {profile.last_day}, {profile.series_days:,} days on sale in total, "
        f"{profile.zero_share:.0%} of them without a sale",
        f"demand: {classes}",
        *profile.picture,
        *([cost] if cost else []),
        *(f"note: {problem}" for problem in profile.problems),
        *(f"left out: {reason}" for reason in profile.left_out),
    ]
    return "\n".join(lines)
