"""`demand orders`, `demand stock` and `demand supply`: stock, supply terms and order proposals."""

from __future__ import annotations

import getpass
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.options import Home
from models_ml.cli.store import opened
from models_ml.cli.tables import print_rows
from models_ml.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

stock_app = typer.Typer(help="Stock on hand and on order.", no_args_is_help=True)
supply_app = typer.Typer(help="Supply terms.", no_args_is_help=True)

TableFile = Annotated[Path, typer.Argument(help="A CSV, parquet or Arrow file.", metavar="FILE")]
SHOWN = ("store_id", "item_id", "supplier_id", "order_units", "order_date", "delivery_date", "days_until_stockout",
         "on_hand", "on_order", "order_value")  # fmt: skip


class Format(StrEnum):
    """Output format."""

    table = "table"
    csv = "csv"
    json = "json"
    arrow = "arrow"


def orders(
    store: Annotated[str | None, typer.Option("--store", help="One store; default: the whole chain.")] = None,
    supplier: Annotated[str | None, typer.Option("--supplier", help="One supplier.")] = None,
    department: Annotated[str | None, typer.Option("--department", help="One department.")] = None,
    lead_time_days: Annotated[
        int | None,
        typer.Option("--lead-time-days", min=0, max=56, help="What-if: use this value instead of the stored one."),
    ] = None,
    service_level: Annotated[
        float | None,
        typer.Option("--service-level", min=0.5, max=0.999, help="What-if: use this value instead of the stored one."),
    ] = None,
    only_to_order: Annotated[
        bool, typer.Option("--only-to-order", help="Leave out items with nothing to order.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Show only the first N rows.")] = None,
    form: Annotated[
        Format, typer.Option("--format", help="Output format; csv and arrow have all columns.")
    ] = Format.table,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write; default: standard output.", metavar="FILE")
    ] = None,
    home: Home = None,
) -> None:
    """Propose orders, with reasons, for items whose stock is known; items that run out first come first."""
    from models_ml.inventory.proposals import OrderQuestion, as_table, read_proposals
    from models_ml.prediction_store.export import arrow_of, csv_of
    from models_ml.prediction_store.read import pointers
    from models_ml.prediction_store.transactions import reading

    question = OrderQuestion(
        store_id=store,
        supplier_id=supplier,
        department_id=department,
        lead_time_days=lead_time_days,
        service_level=service_level,
        only_to_order=only_to_order,
    )
    with opened(home) as engine, reading(engine) as connection:
        served = sorted(pointers(connection))
        if not served:
            raise InputError("No run is served yet. Publish one: demand run.")
        if store is not None and store not in served:
            raise InputError(f"--store: {store!r} is not served; served are {', '.join(served)}.")
        found = read_proposals(connection, question)
    if found.without_stock or found.beyond_forecast:
        typer.echo(
            f"No proposal for {found.without_stock} items whose stock is not known (demand stock import) and for "
            f"{found.beyond_forecast} whose second next delivery lies beyond the forecast horizon.",
            err=True,
        )
    table = as_table(found.rows.head(limit) if limit else found.rows)
    if form in (Format.csv, Format.arrow):
        write(csv_of(table).encode() if form is Format.csv else arrow_of(table), output)
    elif output is not None:
        raise InputError("--output takes --format csv or arrow.")
    else:
        rows = table.to_pylist()
        if form is Format.table:
            for row in rows:
                for name in ("days_until_stockout", "order_value"):
                    row[name] = None if row[name] is None else f"{row[name]:.1f}"
        print_rows(rows, table.column_names if form is Format.json else SHOWN, as_json=form is Format.json)


def write(content: bytes, path: Path | None) -> None:
    """Write bytes to a file atomically, or to standard output."""
    if path is None:
        typer.get_binary_stream("stdout").write(content)
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@stock_app.command("import")
def import_stock(file: TableFile, home: Home = None) -> None:
    """Import stock levels: store_id, item_id, as_of_date, on_hand and optionally on_order, arrival_date.

    All rows are stored or none. Items not in the file keep their stock.
    """
    from models_ml.prediction_store.replenishment import checked_stock, put_stock

    rows = checked_stock(read_table(file))
    with opened(home) as engine:
        put_stock(engine, rows, author=getpass.getuser())
    typer.echo(f"{file}: stock of {len(rows.levels)} items in {rows.levels['store_id'].nunique()} stores")


@supply_app.command("import")
def import_supply(file: TableFile, home: Home = None) -> None:
    """Import supply terms; they replace all stored ones.

    Keys: store_id, department_id, item_id; a blank means all. Terms: supplier_id, lead_time_days,
    order_weekdays, delivery_weekdays (mon thu), pack_size, minimum_order, shelf_life_days. All rows are stored or none.
    """
    from models_ml.prediction_store.replenishment import checked_supply, put_supply

    rows = checked_supply(read_table(file))
    with opened(home) as engine:
        put_supply(engine, rows, author=getpass.getuser())
    typer.echo(f"{file}: {len(rows)} rows of supply terms")


def read_table(path: Path) -> pd.DataFrame:
    """Read a file as a table; all columns of a CSV are strings.

    Raises:
        InputError: the file does not exist, or is not a table.
    """
    import pandas as pd
    import pyarrow as pa

    from models_ml.prediction_store.replenishment import csv_frame

    try:
        if path.suffix == ".csv":
            return csv_frame(path.read_bytes())
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix in (".arrow", ".arrows"):
            with pa.OSFile(str(path)) as source:
                frame: pd.DataFrame = pa.ipc.open_stream(source).read_all().to_pandas()
                return frame
    except FileNotFoundError:
        raise InputError(f"{path}: the file does not exist.") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: cannot be read ({str(error).strip()[:200]}).") from None
    raise InputError(f"{path}: the name must end in .csv, .parquet or .arrow.")
