"""The YAML configuration that maps a retailer's tables and columns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from models_ml.errors import InputError

FILE_NAME = "source.yml"

Availability = Literal["static", "known", "past_only"]
"""Availability of a column: static, known for future days, or only for past days."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SERIAL_DATES = "serial"
"""`date_format` of dates stored as day numbers since 1899-12-30, as in spreadsheets."""

Check = Literal[
    "grain", "weekday", "numbers", "duplicates", "lonely_dates", "future_dates", "totals", "ids", "outliers", "level",
    "last_day",
]  # fmt: skip
"""Plausibility checks that `accept` may name (see `findings`)."""

TEXT_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
FILE_SUFFIXES = (*TEXT_SUFFIXES, ".parquet", ".zip", *JSON_SUFFIXES, *WORKBOOK_SUFFIXES)
HIERARCHY = (("department", "items"), ("category", "items"), ("region", "stores"))
"""Hierarchy levels that are columns, and the table that has them."""

DATABASE_NAME = r"^[a-z][a-z0-9_]{0,47}$"
REGRESSOR_NAME = r"^[a-z][a-z0-9_]{0,47}$"


def as_list(value: Any) -> Any:
    """A single column name becomes a list."""
    return [value] if isinstance(value, str) else value


Columns = Annotated[tuple[str, ...], BeforeValidator(as_list)]
"""One column, or several whose values are joined with `_`."""


class Strict(BaseModel):
    """Rejects unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Table(Strict):
    """A table: a file (path relative to the YAML file), several files by a pattern, or a warehouse table.

    `where` is an SQL condition that filters rows. `encoding` is that of a CSV file,
    `skip_lines` the number of lines above its header, `sheet` a sheet of a workbook (the first one by default).
    """

    from_: str = Field(alias="from", min_length=1)
    where: str | None = Field(None, min_length=1)
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"
    skip_lines: int = Field(0, ge=0)
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    sheet: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether it is a file, judged by its suffix."""
        return self.from_.lower().endswith(FILE_SUFFIXES)

    @property
    def catalog(self) -> str:
        """The first part of a table's name: a database, or a schema of the warehouse."""
        return self.from_.partition(".")[0]

    @model_validator(mode="after")
    def is_file_or_relation(self) -> Table:
        """Reject a name that is neither a file nor a table."""
        if not self.is_file and not re.fullmatch(r"\w+(\.\w+){1,2}", self.from_):
            raise ValueError(
                f"{self.from_!r} is neither a file ({', '.join(FILE_SUFFIXES)}) nor a table (schema.table or "
                "catalog.schema.table)"
            )
        return self


class Wide(Strict):
    """A wide table with one column per date, item or store: all columns except `keep` hold units, and their names are
    values of `into`."""

    into: Literal["date", "item", "store"]
    keep: tuple[str, ...] = ()


class Sales(Table):
    """Columns of the sales; without a store or item column there is a single one, named `all`."""

    wide: Wide | None = None
    date: str
    units: str
    store: str | None = None
    item: str | None = None
    price: str | None = None
    stockout: str | None = None
    open: str | None = None


class Items(Table):
    """The table that has the items' attributes."""

    item: str


class Stores(Table):
    """The table that has the stores' attributes."""

    store: str


class Prices(Table):
    """Prices known in advance: each is valid from its date until the next one; without a store, in all stores."""

    date: str
    item: str
    price: str
    store: str | None = None


class Events(Table):
    """Named days; the days of effect before and after are constants or columns."""

    date: str
    name: str
    kind: str | None = None
    days_before: str | int = 0
    days_after: str | int = 0


class RegionalFlags(Table):
    """Days with a flag in a region. Without a flag column each row is a flag."""

    date: str
    region: str
    flag: str | None = None


class Hierarchy(Strict):
    """Which columns are department, category and region.

    Department and category are columns of `items`, the region of `stores`; without such a table, of `sales`.
    """

    department: Columns | None = None
    category: Columns | None = None
    region: Columns | None = None


class Regressor(Strict):
    """A column that influences demand. Strings are one-hot encoded; numbers and flags stay as they are."""

    column: str
    availability: Availability
    from_: Literal["sales", "items", "stores"] = Field("sales", alias="from")

    @model_validator(mode="after")
    def attributes_are_static(self) -> Regressor:
        """Only sales have dates."""
        if (self.from_ == "sales") == (self.availability == "static"):
            raise ValueError(
                "columns of items or stores must be static, and columns of sales known or past_only; this one is "
                f"{self.availability} and from {self.from_}"
            )
        return self


class SourceConfig(Strict):
    """The configuration of a source.

    `databases` are DuckDB files by name, whose tables are read in place as name.schema.table.
    """

    sales: Sales
    future: Table | None = None
    items: Items | None = None
    stores: Stores | None = None
    prices: Prices | None = None
    events: Events | None = None
    regional_flags: RegionalFlags | None = None
    hierarchy: Hierarchy = Hierarchy()
    regressors: dict[Annotated[str, Field(pattern=REGRESSOR_NAME)], Regressor] = {}
    grain: Literal["day", "week"] = "day"
    missing_dates: Literal["zero", "gap"] = "zero"
    negative_units: Literal["zero", "refuse"] = "zero"
    duplicates: Literal["refuse", "sum", "drop", "last"] = "refuse"
    date_format: str | None = None
    weekday: Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " "] | None = None
    last_day: Literal["ask", "keep", "drop"] = "ask"
    trailing_zeros: Literal["drop", "keep"] = "drop"
    closures: Literal["gap", "zero"] = "gap"
    accept: dict[Check, Annotated[str, Field(min_length=3)]] = {}
    databases: dict[Annotated[str, Field(pattern=DATABASE_NAME)], str] = {}

    @model_validator(mode="after")
    def tables_are_there(self) -> SourceConfig:
        """Check that referenced tables are configured."""
        if self.weekday is not None and self.grain != "week":
            raise ValueError("weekday applies to weekly sales only; remove it, or set grain: week")
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError(f"decimal and thousands are both {self.thousands!r}; set both")
        if self.items is not None and self.sales.item is None:
            raise ValueError("an items table is given, but sales has no item column")
        if self.stores is not None and self.sales.store is None:
            raise ValueError("a stores table is given, but sales has no store column")
        for name, regressor in self.regressors.items():
            if regressor.from_ != "sales" and getattr(self, regressor.from_) is None:
                raise ValueError(f"regressor {name} is from {regressor.from_}, which is not configured")
        if self.prices is not None and self.sales.price is not None:
            raise ValueError("prices are given twice, by the table prices and by sales.price; remove one")
        return self

    @property
    def step_days(self) -> int:
        """Days between two rows of a series."""
        return 7 if self.grain == "week" else 1

    @property
    def reads_the_warehouse(self) -> bool:
        """Whether one of the tables is a warehouse table."""
        return any(not table.is_file and table.catalog not in self.databases for table in self.tables.values())

    @property
    def tables(self) -> dict[str, Table]:
        """The configured tables, by name."""
        names = ("sales", "future", "items", "stores", "prices", "events", "regional_flags")
        return {name: table for name in names if (table := getattr(self, name)) is not None}


def read_config(path: Path) -> SourceConfig:
    """The configuration in a YAML file, or in the file `source.yml` of a folder.

    Raises:
        InputError: the file is missing or not YAML, or a field is missing, unknown or invalid.
    """
    path = config_path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Write it with `demand init`, or set DEMAND_SOURCE_CONFIG to "
            f"another file."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}. Correct it.") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: the file has no fields. Write it with `demand init`.")
    try:
        return SourceConfig.model_validate(content)
    except ValidationError as error:
        raise InputError(said(path, error)) from None


def said(path: Path, error: ValidationError) -> str:
    """One message for each invalid field, with its value and what is allowed."""
    lines = []
    for fault in error.errors():
        field = ".".join(str(part) for part in fault["loc"]) or "the whole"
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "unknown field"
        found = "" if fault["type"] == "missing" or isinstance(fault["input"], dict) else f" (found {fault['input']!r})"
        lines.append(f"{path}, field {field}: {message}{found}.")
    return "\n".join(lines) + " Correct the file; `demand init` writes one."


def config_path(path: Path) -> Path:
    """The YAML file for a path to a file or folder."""
    return path / FILE_NAME if path.is_dir() else path
