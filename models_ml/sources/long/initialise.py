"""Write a first configuration for a table of sales: columns that are not named are guessed by name, then asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import yaml
from pydantic import ValidationError

from models_ml.errors import InputError
from models_ml.sources.loading import connected
from models_ml.sources.long.config import SourceConfig, Table, said
from models_ml.sources.long.relations import Relation, attach, open_relation

GUESSES: dict[str, tuple[str, ...]] = {
    "date": ("date", "day", "week", "week_start", "ds", "order_date", "sales_date"),
    "units": ("units", "sales", "unit_sales", "qty", "quantity", "units_sold", "y"),
    "store": ("store", "store_id", "store_nbr", "shop", "shop_id", "location"),
    "item": ("item", "item_id", "item_nbr", "sku", "product", "product_id", "article"),
    "price": ("price", "unit_price", "sell_price"),
    "open": ("open", "is_open"),
}
"""Names that a column often has; the first that is there is taken, whatever its case."""

REQUIRED = ("date", "units")

Ask = Callable[[str, Sequence[str]], str]
"""Asks a person which of some columns is meant."""


def describe_source(
    path: Path,
    sales: str,
    warehouse: Path,
    *,
    columns: Mapping[str, str],
    hierarchy: Mapping[str, str],
    regressors: Sequence[str],
    future: str | None,
    rules: Mapping[str, str],
    databases: Sequence[str],
    ask: Ask,
) -> None:
    """Write the configuration of a table of sales.

    Args:
        path: of the YAML file.
        sales, future: files (relative to the working folder) or warehouse tables.
        warehouse: the DuckDB file, opened only for a warehouse table.
        columns: columns of the sales that were named, by field.
        hierarchy: columns of the sales that are department, category or region.
        regressors: `column=availability` each.
        rules: grain and missing_dates.
        databases: `name=file` each: DuckDB files whose tables may be named.
        ask: for required columns that were neither named nor guessed.

    Raises:
        InputError: a table, a column or a value is wrong; then nothing is written.
    """
    try:
        table = Table.model_validate({"from": located(sales)})
    except ValidationError as error:
        raise InputError(said(path, error)) from None
    named = dict(database(text) for text in databases)
    relation = opened(table, warehouse, named)
    chosen = dict(columns)
    lower = {column.lower(): column for column in relation.columns}
    taken = {*columns.values(), *hierarchy.values(), *(text.partition("=")[0] for text in regressors)}
    for name, guesses in GUESSES.items():
        guess = next((lower[g] for g in guesses if g in lower and lower[g] not in taken), None)
        if name not in chosen and guess is not None:
            chosen[name] = guess
        if name not in chosen and name in REQUIRED:
            chosen[name] = ask(name, relation.columns)
    for name, column in {**chosen, **hierarchy}.items():
        relation.require(column, f"--{name}")
    content: dict[str, object] = {"sales": {"from": table.from_, **chosen}}
    if future is not None:
        content["future"] = {"from": located(future)}
    if hierarchy:
        content["hierarchy"] = dict(hierarchy)
    content.update(rules)
    if named:
        content["databases"] = named
    if regressors:
        content["regressors"] = dict(regressor(text, relation) for text in regressors)
    try:
        SourceConfig.model_validate(content)
    except ValidationError as error:
        raise InputError(said(path, error)) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def located(table: str) -> str:
    """A file by its whole path, so that the configuration may lie anywhere; a warehouse table as it is."""
    return str(Path(table).expanduser().resolve()) if Path(table).expanduser().exists() else table


def database(text: str) -> tuple[str, str]:
    """Name and whole path of a database given as `name=file`.

    Raises:
        InputError: the text has no `=`.
    """
    name, equals, file = text.partition("=")
    if not equals:
        raise InputError(f"--database {text!r}: write it as name=file.duckdb.")
    return name, str(Path(file).expanduser().resolve())


def opened(table: Table, warehouse: Path, databases: Mapping[str, str]) -> Relation:
    """The table's relation."""
    if table.is_file or table.catalog in databases:
        with duckdb.connect() as connection:
            attach(connection, databases, Path.cwd())
            return open_relation(connection, table, Path.cwd())
    with connected(warehouse, 4.0, 2) as connection:
        return open_relation(connection, table, Path.cwd())


def regressor(text: str, relation: Relation) -> tuple[str, dict[str, str]]:
    """Name and fields of a regressor given as `column=availability`.

    Raises:
        InputError: the text has no `=`, or there is no such column.
    """
    column, equals, availability = text.partition("=")
    if not equals:
        raise InputError(f"--regressor {text!r}: write it as column=known or column=past_only.")
    relation.require(column, "--regressor")
    name = "".join(c if c.isalnum() else "_" for c in column.lower())
    return name, {"column": column, "availability": availability}
