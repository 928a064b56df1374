"""The one YAML file that says what a retailer's tables and columns are called and how they are meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from models_ml.errors import InputError

FILE_NAME = "source.yml"

Availability = Literal["static", "known", "past_only"]
"""When a column's value is known: it never changes; for coming days too; only for days that are over."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SERIAL_DATES = "serial"
"""`date_format` of dates that are numbers of days since 1899-12-30, as spreadsheets store them."""

Check = Literal[
    "grain", "weekday", "numbers", "duplicates", "lonely_dates", "future_dates", "totals", "ids", "outliers", "level",
    "last_day",
]  # fmt: skip
"""Checks of plausibility that `accept` may name (see `findings`)."""

TEXT_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
FILE_SUFFIXES = (*TEXT_SUFFIXES, ".parquet", ".zip", *JSON_SUFFIXES, *WORKBOOK_SUFFIXES)
HIERARCHY = (("department", "items"), ("category", "items"), ("region", "stores"))
"""The levels that are columns, and the table whose columns they are."""

DATABASE_NAME = r"^[a-z][a-z0-9_]{0,47}$"
REGRESSOR_NAME = r"^[a-z][a-z0-9_]{0,47}$"


def as_list(value: Any) -> Any:
    """One column name is a list of one."""
    return [value] if isinstance(value, str) else value


Columns = Annotated[tuple[str, ...], BeforeValidator(as_list)]
"""One column, or several whose values are joined by `_`."""


class Strict(BaseModel):
    """Refuses fields that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Table(Strict):
    """A table: a file (its path is relative to the YAML file), several by a pattern, or a table of the warehouse.

    `where` is an SQL condition: rows for which it does not hold are left out. `encoding` is that of a CSV file,
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
        """Whether it is a file, by the end of its name."""
        return self.from_.lower().endswith(FILE_SUFFIXES)

    @property
    def catalog(self) -> str:
        """The first part of a table's name: a database, or a schema of the warehouse."""
        return self.from_.partition(".")[0]

    @model_validator(mode="after")
    def is_file_or_relation(self) -> Table:
        """A name that is neither is refused at once."""
        if not self.is_file and not re.fullmatch(r"\w+(\.\w+){1,2}", self.from_):
            raise ValueError(
                f"{self.from_!r} is neither a file ({', '.join(FILE_SUFFIXES)}) nor a table (schema.table or "
                "catalog.schema.table)"
            )
        return self


class Wide(Strict):
    """A table with a column a date, item or store: all columns but `keep` hold units, and their names hold `into`."""

    into: Literal["date", "item", "store"]
    keep: tuple[str, ...] = ()


class Sales(Table):
    """Columns of the sales; without a store or an item column there is one, named `all`."""

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
    """Prices known in advance: each holds from its date until the next one. Without a store they hold everywhere."""

    date: str
    item: str
    price: str
    store: str | None = None


class Events(Table):
    """Days with a name; how many days before and after them are felt is said for all, or a column says it."""

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

    Department and category are looked for in `items`, the region in `stores`, or in `sales` where there is no such
    table.
    """

    department: Columns | None = None
    category: Columns | None = None
    region: Columns | None = None


class Regressor(Strict):
    """A column that moves demand. Texts become a column a value, numbers and flags stay as they are."""

    column: str
    availability: Availability
    from_: Literal["sales", "items", "stores"] = Field("sales", alias="from")

    @model_validator(mode="after")
    def attributes_are_static(self) -> Regressor:
        """Only sales know days."""
        if (self.from_ == "sales") == (self.availability == "static"):
            raise ValueError(
                "a column of items or stores is static, and one of sales is known or past_only; "
                f"this one is {self.availability} and from {self.from_}"
            )
        return self


class SourceConfig(Strict):
    """Everything that is said of a source.

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
        """What names a table needs it."""
        if self.weekday is not None and self.grain != "week":
            raise ValueError("weekday is the one that weekly sales are dated by; leave it out, or say grain: week")
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError(f"decimal and thousands are both {self.thousands!r}; name the other one, too")
        if self.items is not None and self.sales.item is None:
            raise ValueError("items are described, but sales names no item column")
        if self.stores is not None and self.sales.store is None:
            raise ValueError("stores are described, but sales names no store column")
        for name, regressor in self.regressors.items():
            if regressor.from_ != "sales" and getattr(self, regressor.from_) is None:
                raise ValueError(f"regressor {name} is from {regressor.from_}, and there is no such table")
        if self.prices is not None and self.sales.price is not None:
            raise ValueError("prices are given twice, by the table prices and by sales.price; leave one out")
        return self

    @property
    def step_days(self) -> int:
        """Days from one row of a series to the next."""
        return 7 if self.grain == "week" else 1

    @property
    def reads_the_warehouse(self) -> bool:
        """Whether a table of the warehouse itself is among the tables."""
        return any(not table.is_file and table.catalog not in self.databases for table in self.tables.values())

    @property
    def tables(self) -> dict[str, Table]:
        """The tables that are there, by name."""
        names = ("sales", "future", "items", "stores", "prices", "events", "regional_flags")
        return {name: table for name in names if (table := getattr(self, name)) is not None}


def read_config(path: Path) -> SourceConfig:
    """The configuration in a YAML file, or in the file `source.yml` of a folder.

    Raises:
        InputError: no such file, no YAML, or a field that is missing, unknown or wrong.
    """
    path = config_path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Write it with `demand init`, or name another file by "
            "DEMAND_SOURCE_CONFIG."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}. Correct it.") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: it holds no fields. Write it with `demand init`.")
    try:
        return SourceConfig.model_validate(content)
    except ValidationError as error:
        raise InputError(said(path, error)) from None


def said(path: Path, error: ValidationError) -> str:
    """Every field that is wrong, each with its value and what is allowed."""
    lines = []
    for fault in error.errors():
        field = ".".join(str(part) for part in fault["loc"]) or "the whole"
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "there is no such field"
        found = "" if fault["type"] == "missing" or isinstance(fault["input"], dict) else f" (found {fault['input']!r})"
        lines.append(f"{path}, field {field}: {message}{found}.")
    return "\n".join(lines) + " Correct the file; `demand init` writes one."


def config_path(path: Path) -> Path:
    """The YAML file that is meant by a file or a folder."""
    return path / FILE_NAME if path.is_dir() else path
