"""Maps the user's columns to the raw tables: one SELECT per raw table, and the row checks."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from models_ml.sources.long.config import HIERARCHY, SERIAL_DATES, WEEKDAYS, SourceConfig, Table
from models_ml.sources.long.expressions import (
    FIRST_SERIAL,
    LAST_SERIAL,
    empty,
    flag,
    in_stores,
    joined,
    key,
    number,
    text,
    value,
)
from models_ml.sources.long.raw_schema import literal
from models_ml.sources.long.relations import Relation, quoted

LONGEST_ITEM, LONGEST_ID = 128, 64
"""Maximum length of an item's id, and of other ids, in the prediction store."""


@dataclass(frozen=True)
class Closure:
    """Inclusive range of days on which a store sold nothing."""

    store_id: str
    first: dt.date
    last: dt.date

    def days(self, step: int) -> Iterator[dt.date]:
        """Its days, one a step."""
        for offset in range(0, (self.last - self.first).days + 1, step):
            yield self.first + dt.timedelta(days=offset)


@dataclass(frozen=True)
class Check:
    """A check of single rows.

    Attributes:
        table: name of the table in the configuration.
        column: of the user's table.
        condition: SQL that is true for a faulty row.
        problem, remedy: see `faults.input_fault`.
    """

    table: str
    column: str
    condition: str
    problem: str
    remedy: str


class RawTables:
    """Expressions and checks of one configuration over its relations."""

    def __init__(
        self,
        config: SourceConfig,
        relations: Mapping[str, Relation],
        stores_asked: tuple[str, ...] = (),
        as_of: dt.date | None = None,
    ) -> None:
        self.config, self.relations = config, relations
        self.stores_asked, self.as_of = stores_asked, as_of
        self.cut: dt.date | None = None
        self.closures: tuple[Closure, ...] = ()
        self.aggregates: dict[str, pd.DataFrame] = {}

    def date(self, column: str) -> str:
        """A day, or null."""
        value = text(quoted(column))
        if self.config.date_format == SERIAL_DATES:
            days = f"try_cast({value} as double)"
            in_range = f"{days} between {FIRST_SERIAL} and {LAST_SERIAL}"
            return f"(case when {in_range} then date '1899-12-30' + cast(floor({days}) as integer) end)"
        if self.config.date_format:
            shape = self.config.date_format.replace("'", "''")
            return f"cast(try_strptime({value}, '{shape}') as date)"
        return f"coalesce(try_cast({value} as date), cast(try_cast({value} as timestamp) as date))"

    def sales_date(self) -> str:
        """The day of a row of sales; of weekly sales that name their weekday, the nearest such day."""
        day = self.date(self.config.sales.date)
        if self.config.weekday is None:
            return day
        anchor = WEEKDAYS.index(self.config.weekday)  # 1900-01-01 was a Monday
        ahead = f"({anchor} - date_diff('day', date '1900-01-01', {day}) % 7 + 10) % 7 - 3"
        return f"({day} + cast({ahead} as integer))"

    def amount(self, column: str) -> str:
        """A number parsed with the configured separators, or null."""
        config = self.config
        if not config.thousands and config.decimal in (None, "."):
            return number(quoted(column))
        found = text(quoted(column))
        if config.thousands == " ":
            found = f"regexp_replace({found}, '[ \u00a0\u202f''\u2019]', '', 'g')"
        elif config.thousands:
            found = f"replace({found}, '{config.thousands}', '')"
        if config.decimal == ",":
            found = f"replace({found}, ',', '.')"
        return number(found)

    def attribute_table(self, kind: str) -> tuple[str, Relation]:
        """The table with the attributes of items or stores: their own, or the sales."""
        name = kind if kind in self.relations else "sales"
        return name, self.relations[name]

    # ---------- row checks

    def columns(self) -> Iterator[tuple[str, str, str]]:
        """Table, column and configuration field of every configured column."""
        config = self.config
        for name in config.tables:
            table = getattr(config, name)
            if name == "future":
                for field in ("date", "store", "item"):
                    if getattr(config.sales, field) is not None:
                        yield "future", getattr(config.sales, field), f"sales.{field}"
                continue
            for field, column in table.model_dump(exclude=set(Table.model_fields)).items():
                if isinstance(column, str):
                    yield name, column, f"{name}.{field}"
        for field, kind in HIERARCHY:
            for column in getattr(config.hierarchy, field) or ():
                yield self.attribute_table(kind)[0], column, f"hierarchy.{field}"
        for name, regressor in config.regressors.items():
            yield regressor.from_, regressor.column, f"regressors.{name}.column"

    def checks(self) -> Iterator[Check]:
        """Faults of single rows, table by table."""
        config, sales = self.config, self.config.sales
        for name in ("sales", "future"):
            if name in self.relations:
                yield self._date(name, sales.date)
                yield from self._key(name, sales.store, LONGEST_ID)
                yield from self._key(name, sales.item, LONGEST_ITEM)
                if name == "sales" or sales.open in self.relations[name].columns:
                    yield from self._flag(name, sales.open)
        yield self._number("sales", sales.units)
        if config.negative_units == "refuse":
            yield Check(
                "sales",
                sales.units,
                f"{self.amount(sales.units)} < 0",
                "units are negative, which negative_units: refuse forbids",
                "Correct the row, or set negative_units: zero, which sets a day with a negative sum to zero.",
            )
        if sales.price is not None:
            yield self._number("sales", sales.price)
            yield self._price("sales", sales.price, "< 0")
        yield from self._flag("sales", sales.stockout)
        if config.items is not None:
            yield from self._key("items", config.items.item, LONGEST_ITEM)
        if config.stores is not None:
            yield from self._key("stores", config.stores.store, LONGEST_ID)
        if config.prices is not None:
            yield self._date("prices", config.prices.date)
            yield from self._key("prices", config.prices.store, LONGEST_ID)
            yield from self._key("prices", config.prices.item, LONGEST_ITEM)
            yield self._number("prices", config.prices.price)
            yield self._price("prices", config.prices.price, "<= 0")
        if config.events is not None:
            yield self._date("events", config.events.date)
            yield from self._key("events", config.events.name, LONGEST_ID)
            for column in (config.events.days_before, config.events.days_after):
                if isinstance(column, str):
                    yield self._number("events", column)
        if config.regional_flags is not None:
            yield self._date("regional_flags", config.regional_flags.date)
            yield from self._key("regional_flags", config.regional_flags.region, LONGEST_ID)
            yield from self._flag("regional_flags", config.regional_flags.flag)
        for field, kind in HIERARCHY:
            for column in getattr(config.hierarchy, field) or ():
                yield from self._key(self.attribute_table(kind)[0], column, LONGEST_ID)

    def _date(self, table: str, column: str) -> Check:
        shape = self.config.date_format
        wanted = f"as {shape}" if shape else "as YYYY-MM-DD, or set date_format"
        return Check(
            table,
            column,
            f"{self.date(column)} is null or year({self.date(column)}) not between 1800 and 2200",
            "this is not a date",
            f"Write dates {wanted}.",
        )

    def _number(self, table: str, column: str) -> Check:
        name = quoted(column)
        return Check(
            table,
            column,
            f"{value(name)} is not null and {self.amount(column)} is null",
            "this is not a number",
            "Correct it, leave the field empty, or set `decimal` and `thousands`.",
        )

    def _price(self, table: str, column: str, wrong: str) -> Check:
        return Check(
            table,
            column,
            f"{self.amount(column)} {wrong}" + ("" if table == "sales" else f" or {text(quoted(column))} is null"),
            "prices must be above zero",
            f"Correct it, or exclude such rows with the table's `where: cast({quoted(column)} as double) >= 0`.",
        )

    def _key(self, table: str, column: str | None, longest: int) -> Iterator[Check]:
        if column is None:
            return
        id_ = text(quoted(column))
        yield Check(
            table,
            column,
            f"{id_} is null",
            "the value is missing",
            f"Fill it in, or exclude such rows with the table's `where: {quoted(column)} is not null`.",
        )
        yield Check(
            table,
            column,
            f"length({id_}) > {longest} or regexp_matches({id_}, '[\\x00-\\x1f\\x7f|]')",
            f"an id has at most {longest} characters, none of them a control character or '|'",
            "Use shorter ids without '|'.",
        )

    def _flag(self, table: str, column: str | None) -> Iterator[Check]:
        if column is not None:
            yield Check(
                table,
                column,
                f"{value(quoted(column))} is not null and {flag(quoted(column))} is null",
                "a flag must be 0 or 1 (or true, false, yes, no)",
                "Correct it, or leave the field empty.",
            )

    # ---------- raw tables

    def rows(self) -> str:
        """Rows of units as given, up to the cut-off day: date, ids, units, price, is_stockout."""
        sales, config = self.config.sales, self.config
        price = "cast(null as double)" if sales.price is None else f"nullif({self.amount(sales.price)}, 0)"
        stockout = "0" if sales.stockout is None else f"coalesce({flag(quoted(sales.stockout))}, 0)"
        rows = (
            f"select {self.sales_date()} as date, {key(sales.store)} as store_id, {key(sales.item)} as item_id,"
            f" {self.amount(sales.units)} as units, {price} as price, {stockout} as is_stockout"
            f" from {self._sales_once()}"
            f" where {value(quoted(sales.units))} is not null{in_stores(key(sales.store), self.stores_asked, 'and')}"
        )
        ends = [] if self.as_of is None else [f"date + {config.step_days - 1} <= date '{self.as_of}'"]
        ends += [] if self.cut is None else [f"date <= date '{self.cut}'"]
        return f"select * from ({rows}) as sold" + (f" where {' and '.join(ends)}" if ends else "")

    def _sales_once(self) -> str:
        """The sales rows after `duplicates` was applied."""
        relation, sales = self.relations["sales"], self.config.sales
        columns = ", ".join(map(quoted, relation.columns))
        if self.config.duplicates == "drop":
            return f"(select distinct {columns} from {relation.sql}) as sales"
        if self.config.duplicates == "last":
            keys = f"{self.sales_date()}, {key(sales.store)}, {key(sales.item)}"
            placed = f"select *, row_number() over () as place_in_file from {relation.sql}"
            return (
                f"(select {columns} from (select *, row_number() over (partition by {keys} order by place_in_file desc)"
                f" as place_from_end from ({placed}) as placed) as ranked where place_from_end = 1) as sales"
            )
        return relation.sql

    def sales(self) -> str:
        """Rows of units: one per date, store and item, or more if there are duplicates; a week becomes seven days.

        Demand is unknown during a closure: every series that sells before and after it gets a row flagged as stockout.
        """
        rows, days = self.rows(), self.config.step_days
        if self.closures:
            closed = " union all ".join(
                f"select date '{day}' as date, {literal(closure.store_id)} as store_id"
                for closure in self.closures
                for day in closure.days(days)
            )
            series = (
                f"select store_id, item_id, min(date) as first_date, max(date) as last_date from ({rows}) as sold"
                " group by store_id, item_id"
            )
            rows = (
                f"select sold.* from ({rows}) as sold left join ({closed}) as closed on sold.date = closed.date"
                " and sold.store_id = closed.store_id where closed.date is null union all"
                " select closed.date, closed.store_id, series.item_id, 0.0, cast(null as double), 1"
                f" from ({closed}) as closed join ({series}) as series on closed.store_id = series.store_id"
                " and closed.date > series.first_date and closed.date < series.last_date"
            )
        rows = f"select date, store_id, item_id, units / {days} as units, price, is_stockout from ({rows}) as sold"
        return self.by_day(rows, "store_id, item_id, units, price, is_stockout")

    def by_day(self, rows: str, columns: str) -> str:
        """Rows of daily data; rows of weekly data are repeated for each day of the week that begins on their date."""
        if self.config.step_days == 1:
            return rows
        days = " union all ".join(f"select {day} as day_of_step" for day in range(self.config.step_days))
        return f"select date + day_of_step as date, {columns} from ({rows}) as step cross join ({days}) as days"

    def items(self) -> str:
        """Each item's department and category; if only one is configured, it serves as both."""
        levels = self.config.hierarchy
        department, category = levels.department or levels.category, levels.category or levels.department
        _, relation = self.attribute_table("items")
        item = self.config.items.item if self.config.items is not None else self.config.sales.item
        return (
            f"select distinct {key(item)} as item_id, {joined(department)} as department_id,"
            f" {joined(category)} as category_id from {relation.sql}"
        )

    def stores(self) -> str:
        """Each store's region."""
        _, relation = self.attribute_table("stores")
        store = self.config.stores.store if self.config.stores is not None else self.config.sales.store
        return (
            f"select distinct {key(store)} as store_id, {joined(self.config.hierarchy.region)} as region_id"
            f" from {relation.sql}"
        )

    def prices(self) -> str:
        """Prices known in advance; `store_id` is null if they apply to every store."""
        prices = self.config.prices
        if prices is None:
            return empty(date="date", store_id="varchar", item_id="varchar", price="double")
        store = "cast(null as varchar)" if prices.store is None else key(prices.store)
        return (
            f"select {self.date(prices.date)} as date, {store} as store_id, {key(prices.item)} as item_id,"
            f" {self.amount(prices.price)} as price from {self.relations['prices'].sql}"
        )

    def events(self) -> str:
        """Days with an event."""
        events = self.config.events
        if events is None:
            return empty(
                date="date", event_name="varchar", event_kind="varchar", days_before="integer", days_after="integer"
            )

        def days(value: str | int) -> str:
            return f"cast(coalesce({number(quoted(value))}, 0) as integer)" if isinstance(value, str) else str(value)

        kind = "'event'" if events.kind is None else f"coalesce({text(quoted(events.kind))}, 'event')"
        return (
            f"select distinct {self.date(events.date)} as date, {key(events.name)} as event_name,"
            f" {kind} as event_kind, {days(events.days_before)} as days_before,"
            f" {days(events.days_after)} as days_after from {self.relations['events'].sql}"
        )

    def regional_flags(self) -> str:
        """Flagged days by region."""
        flags = self.config.regional_flags
        if flags is None:
            return empty(date="date", region_id="varchar")
        where = "" if flags.flag is None else f" where {flag(quoted(flags.flag))} = 1"
        return (
            f"select distinct {self.date(flags.date)} as date, {key(flags.region)} as region_id"
            f" from {self.relations['regional_flags'].sql}{where}"
        )

    def dated(self, column: str) -> str:
        """Rows of a column of the sales, past and future: date, store_id, item_id and `found` (text)."""
        sales = self.config.sales
        parts = []
        for name in ("sales", "future"):
            relation = self.relations.get(name)
            if relation is None or column not in relation.columns:
                continue
            parts.append(
                f"select {self.sales_date()} as date, {key(sales.store)} as store_id,"
                f" {key(sales.item)} as item_id, {text(quoted(column))} as found from {relation.sql}"
                f"{in_stores(key(sales.store), self.stores_asked, 'where')}"
            )
        return self.by_day(" union all ".join(parts), "store_id, item_id, found")

    def attribute(self, name: str) -> str:
        """Values of a static column: item_id or store_id, and `found` (text)."""
        regressor = self.config.regressors[name]
        own = self.config.items.item if regressor.from_ == "items" and self.config.items else None
        if regressor.from_ == "stores" and self.config.stores is not None:
            own = self.config.stores.store
        return (
            f"select distinct {key(own)} as owner_id, {text(quoted(regressor.column))} as found"
            f" from {self.relations[regressor.from_].sql}"
        )
