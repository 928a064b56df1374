"""Write a first configuration for a retailer's tables; missing fields are guessed and reported, or asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import yaml
from pydantic import ValidationError

from models_ml.errors import InputError
from models_ml.sources.long.config import HIERARCHY, Sales, SourceConfig, Table, said
from models_ml.sources.long.guesses import (
    GROUPS_OF_ITEMS,
    belongs_to,
    by_content,
    date_format_of,
    keys_by_content,
    known_in_advance,
    named,
    rows_of,
)
from models_ml.sources.long.layout import wide_dates
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.regressors import MOST_VALUES
from models_ml.sources.long.relations import Relation, open_relation
from models_ml.sources.long.session import DatabricksSession, Session
from models_ml.sources.long.suspicions import findings, settle_days
from models_ml.sources.long.wishes import Wishes, connection_to, database, located, regressor

SALES_FIELDS = ("date", "units", "store", "item", "price", "open", "stockout")
REQUIRED = ("date", "units")
MOST_FINDINGS = 10

Ask = Callable[[str, Sequence[str]], str]
"""Asks the user to choose a column."""


def describe_source(path: Path, wishes: Wishes, warehouse: Path | DatabricksSession, ask: Ask) -> list[str]:
    """Write the configuration of a sales table and its related tables.

    Args:
        path: of the YAML file.
        wishes: the given fields; `wishes.tables` has at least `sales`.
        warehouse: the DuckDB file, opened only for a warehouse table; or a session of Databricks, which sees no file.
        ask: called for required columns that were neither given nor guessed.

    Returns:
        One line for each guess, with its reason.

    Raises:
        InputError: a table, column or value is invalid; nothing is written.
    """
    databases = dict(database(text) for text in wishes.databases)
    try:
        tables = {name: located(table) for name, table in wishes.tables.items()}
        tables["sales"] |= {"where": wishes.where} if wishes.where else {}
        tables["sales"] |= {"sheet": wishes.layout["sheet"]} if "sheet" in wishes.layout else {}
        parsed = {name: Table.model_validate(table) for name, table in tables.items()}
    except ValidationError as error:
        raise InputError(said(path, error)) from None
    with connection_to(path, parsed.values(), databases, warehouse) as connection:
        relations = {name: open_relation(connection, table, Path.cwd()) for name, table in parsed.items()}
        draft = Draft(path, connection, relations, wishes, tables, databases)
        draft.lengthen()
        draft.name_columns(ask)
        draft.settle(draft.raw_sales, names_suffice=False)
        draft.read_rows()
        draft.name_levels()
        draft.name_regressors()
        draft.settle(draft.raw)
        draft.name_the_rest()
    draft.config()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(draft.content, sort_keys=False), encoding="utf-8")
    return draft.notes


class Draft:
    """A configuration in progress: `content` will be written, `notes` lists the guesses."""

    def __init__(
        self,
        path: Path,
        connection: Session,
        relations: Mapping[str, Relation],
        wishes: Wishes,
        tables: Mapping[str, dict[str, object]],
        databases: Mapping[str, str],
    ) -> None:
        self.path, self.connection, self.wishes = path, connection, wishes
        self.relations = dict(relations)
        self.content: dict[str, object] = {name: dict(table) for name, table in tables.items()}
        self.content.update({"databases": dict(databases)} if databases else {})
        self.notes: list[str] = [
            f"{relations[name].name} is not UTF-8 and is read as {table['encoding']}"
            for name, table in tables.items()
            if "encoding" in table
        ]
        self.notes += [
            f"{relations[name].name}: the header is line {int(str(table['skip_lines'])) + 1} (skip_lines)"
            for name, table in tables.items()
            if table.get("skip_lines")
        ]
        rules = {name: rule for name, rule in wishes.rules.items() if name not in ("date_format", "missing_dates")}
        if "thousands" in rules and "decimal" not in rules:
            rules["decimal"] = "," if rules["thousands"] == "." else "."
        self.content.update(rules)
        if wishes.accept:
            self.content["accept"] = dict(wishes.accept)

    def config(self) -> SourceConfig:
        """The configuration so far, validated."""
        try:
            return SourceConfig.model_validate(self.content)
        except ValidationError as error:
            raise InputError(said(self.path, error)) from None

    def raw(self) -> RawTables:
        """Selects for the configuration so far."""
        return RawTables(self.config(), self.relations)

    def raw_sales(self) -> RawTables:
        """Selects of the sales and future days, without related tables."""
        others = ("items", "stores", "prices", "events", "hierarchy", "regressors")
        try:
            config = SourceConfig.model_validate({k: v for k, v in self.content.items() if k not in others})
        except ValidationError as error:
            raise InputError(said(self.path, error)) from None
        return RawTables(config, {name: self.relations[name] for name in config.tables})

    def lengthen(self) -> None:
        """Unpivot a table with one column per date or item."""
        sales, table = self.relations["sales"], self.table("sales")
        into, dates = self.wishes.layout.get("wide"), wide_dates(sales.columns)
        if into is None and dates is None:
            return
        if into in (None, "date"):
            if dates is None:
                raise InputError(f"{sales.name}: fewer than four column names are dates. Leave out --wide date.")
            table["wide"] = {"into": "date", "keep": list(dates.keep)}
            self.notes.append(
                f"wide: each of {len(sales.columns) - len(dates.keep)} columns is a date ({', '.join(dates.example)}, "
                "...); each cell becomes a row with date and units (sales.wide)"
            )
        else:
            named_dates = self.wishes.columns.get("date") or named("date", sales.columns)
            keep = [c for c in (named_dates, *(self.wishes.columns.get(f) for f in ("store", "item"))) if c]
            keep += [c for c in sales.columns if c in (named("store", sales.columns),) and c not in keep]
            table["wide"] = {"into": into, "keep": [c for c in keep if c in sales.columns]}
            self.notes.append(f"wide: every column except {', '.join(keep)} is one {into} (sales.wide)")
        parsed = Sales.model_validate({**table, "date": "date", "units": "units"})
        self.relations["sales"] = open_relation(self.connection, parsed, Path.cwd())

    def settle(self, raw: Callable[[], RawTables], *, names_suffice: bool = True) -> None:
        """Write the rule of each finding, or stop where the user must decide.

        Raises:
            InputError: a finding has no rule.
        """
        settled = 0
        while (found := next(findings(self.connection, raw(), names_suffice=names_suffice), None)) is not None:
            settled += 1
            if found.check == "grain" and found.rule and "grain" in self.wishes.rules:
                accepted = self.content.setdefault("accept", {})
                assert isinstance(accepted, dict)
                accepted["grain"] = f"--grain {self.wishes.rules['grain']} was given to demand init"
                continue
            if not found.rule or settled > MOST_FINDINGS:
                raise found.refused(self.connection, raw())
            for name, rule in found.rule.items():
                if name == "sales":
                    self.table("sales").update(rule)
                    if "where" in rule:
                        relation = self.relations["sales"]
                        self.relations["sales"] = replace(relation, where=str(rule["where"]))
                else:
                    self.content[name] = rule
            self.notes.append(found.told())

    def table(self, name: str) -> dict[str, object]:
        """Fields of a table of the configuration."""
        table = self.content[name]
        assert isinstance(table, dict)
        return table

    def name_columns(self, ask: Ask) -> None:
        """Columns of every table: given, guessed from their names, or asked for."""
        sales, wishes = self.relations["sales"], self.wishes
        fields = self.table("sales")
        regressors = (text.partition("=")[0] for text in wishes.regressors)
        taken = {*wishes.columns.values(), *wishes.hierarchy.values(), *regressors}
        for name in SALES_FIELDS:
            column = wishes.columns.get(name) or named(name, sales.columns, taken)
            if column is None and name in REQUIRED:
                column = by_content(self.connection, sales, name, taken)
                if column is not None:
                    self.notes.append(f"{name} is column {column}, the only one with matching values (--{name})")
            if column is None and name == "units" and (money := named("money", sales.columns, taken)) is not None:
                column = money
                self.notes.append(
                    f"units: {money} is an amount of money and no column counts units, so revenue is forecast, in its "
                    f"currency wherever units are shown (--units names another column)"
                )
            if column is None and name in REQUIRED:
                column = ask(name, sales.columns)
            if column is not None:
                sales.require(column, f"--{name}")
                fields[name] = column
                taken.add(column)
        self._date_format(sales, str(fields["date"]))
        if "item" not in fields:
            self._items_by_content(sales, fields, taken)
        fields_of = {
            "items": ("item",),
            "stores": ("store",),
            "prices": ("date", "item", "price", "store"),
            "events": ("date", "name", "kind"),
        }
        for table, names in fields_of.items():
            if table in self.relations:
                self._columns_of(table, names)

    def _columns_of(self, table: str, names: Sequence[str]) -> None:
        relation, fields, own = self.relations[table], self.table(table), self.table("sales")
        taken: set[str] = set()
        for name in names:
            shared = str(own.get(name, ""))
            column = shared if shared in relation.columns else named(name, relation.columns, taken)
            if column is not None:
                fields[name] = column
                taken.add(column)
            elif name not in ("kind", "store") or table == "stores":
                raise InputError(
                    f"{relation.name}: no column looks like the {name} of `{table}`. Its columns are: "
                    f"{', '.join(relation.columns)}. Leave out --{table} and add the table to {self.path} by hand."
                )

    def _date_format(self, sales: Relation, column: str) -> None:
        shape = self.wishes.rules.get("date_format") or date_format_of(self.connection, sales, column)
        if shape is not None:
            self.content["date_format"] = shape
        if shape is not None and "date_format" not in self.wishes.rules:
            self.notes.append(f"dates are read as {shape} (date_format)")

    def _items_by_content(self, sales: Relation, fields: dict[str, object], taken: set[str]) -> None:
        """No column is named like an item and a store has several rows a date: what tells them apart is the item."""
        if not rows_of(self.connection, self.raw_sales()).repeated:
            return
        free = [column for column in sales.columns if column not in taken]
        groups = [column for group in GROUPS_OF_ITEMS if (column := named(group, free)) is not None]
        keys = tuple(groups[:1]) or keys_by_content(self.connection, self.raw_sales(), free)
        for field, column in zip(("store", "item")[2 - len(keys) :], keys, strict=True):
            fields[field] = column
            taken.add(column)
            self.notes.append(
                f"no column is named like the {field}; {column} tells a date's rows apart and is read as it (--{field})"
            )

    def read_rows(self) -> None:
        """Rules that follow from the rows: grain, missing dates and duplicates."""
        rows = rows_of(self.connection, settle_days(self.connection, self.raw_sales()))
        given: dict[str, str] = {n: str(self.content[n]) for n in ("grain", "duplicates") if n in self.content}
        given |= {name: rule for name, rule in self.wishes.rules.items() if name == "missing_dates"}
        guessed: dict[str, tuple[str, str]] = {}
        if rows.missing_dates == "gap":
            guessed["missing_dates"] = (
                "gap",
                f"{rows.zero_share:.0%} of the rows are zero, so a missing date means unknown demand",
            )
        if rows.repeated:  # more than a few, and not copies: `settle` has stopped at those
            guessed["duplicates"] = (
                "sum",
                f"{rows.repeated:,} of {rows.rows:,} rows share date, store and item with another row; if they repeat "
                f"it rather than add to it, remove them",
            )
        for name, default in (("grain", "day"), ("missing_dates", "zero"), ("duplicates", "refuse")):
            rule, why = guessed.get(name, (default, ""))
            self.content[name] = given.get(name, rule)
            if name not in given and why:
                self.notes.append(f"{name}: {rule}, because {why}")

    def name_levels(self) -> None:
        """Department, category and region: given, or columns with matching names that are constant per item or
        store."""
        hierarchy: dict[str, str] = {}
        taken = {*map(str, self.table("sales").values())}
        for level, kind in HIERARCHY:
            table = kind if kind in self.relations else "sales"
            relation, owner = self.relations[table], self.table(table).get(kind.removesuffix("s"))
            if level in self.wishes.hierarchy:
                column = self.wishes.hierarchy[level]
                relation.require(column, f"--{level}")
                hierarchy[level] = column
                continue
            guess = named(level, relation.columns, taken)
            if guess is None or owner is None or not belongs_to(self.connection, relation, guess, str(owner)):
                continue
            if level == "category" and "department" in hierarchy:
                of = hierarchy["department"]
                if not belongs_to(self.connection, relation, guess, of):
                    continue
            hierarchy[level] = guess
            self.notes.append(f"{guess} of {relation.name} is the {level}")
        if hierarchy:
            self.content["hierarchy"] = hierarchy

    def name_regressors(self) -> None:
        """Regressors: given, or columns of the sales with values for future days."""
        regressors = dict(regressor(text, self.relations) for text in self.wishes.regressors)
        used = {*map(str, self.table("sales").values()), *(str(fields["column"]) for fields in regressors.values())}
        known = known_in_advance(
            self.connection,
            self.raw_sales(),
            [c for c in self.relations["sales"].columns if c not in used],
            MOST_VALUES,
        )
        for column in known:
            name, fields = regressor(f"{column}=known", self.relations)
            while name in regressors:
                name += "_"
            regressors[name] = fields
        if known:
            self.notes.append(
                f"regressors known in advance, because they have values for future days: {', '.join(known)}"
            )
        if regressors:
            self.content["regressors"] = regressors

    def name_the_rest(self) -> None:
        """Report unused columns."""
        config = self.config()
        used = {(table, column) for table, column, _ in self.raw().columns()}
        for table in ("sales", "items", "stores"):
            rest = (
                [c for c in self.relations[table].columns if (table, c) not in used] if table in config.tables else []
            )
            if rest:
                kinds = "NAME=known or NAME=past_only" if table == "sales" else "NAME=static"
                self.notes.append(
                    f"unused columns of {self.relations[table].name}: {', '.join(rest)} (--regressor {kinds} adds one)"
                )
