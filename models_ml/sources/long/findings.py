"""Suspicious patterns in well-formed rows, and the rules that resolve them.

`demand init` writes the rule of a finding into the configuration and reports it. `demand check` and `demand run` stop
at a finding that neither a rule nor `accept` resolves, because data may change after its configuration was written.
"""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models_ml.errors import InputError
from models_ml.sources.faults import input_fault
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.raw_schema import literal
from models_ml.sources.long.relations import quoted
from models_ml.sources.long.session import Session


@dataclass(frozen=True)
class Finding:
    """Something suspicious in the sales.

    Attributes:
        check: one of `config.Check`.
        problem: what was found and why it is suspicious, with an example; without a full stop.
        remedy: what the user can do: a sentence with its full stop.
        rule: configuration fields that resolve it; empty: the user must decide.
        effect: what the rule does.
        option: the option of `demand init` that overrides it.
        column: of the sales; the line and value of the first row for which `condition` holds are named.
        condition: SQL over the sales.
        value: what was found, if no single row shows it.
    """

    check: str
    problem: str
    remedy: str
    rule: Mapping[str, Any] = field(default_factory=dict)
    effect: str = ""
    option: str = ""
    column: str | None = None
    condition: str | None = None
    value: object | None = None

    def refused(self, connection: Session, raw: RawTables) -> InputError:
        """The error that stops an ingest."""
        relation, line, value = raw.relations["sales"], None, self.value
        if self.condition is not None:
            line, value = relation.line(connection, self.condition, quoted(self.column or raw.config.sales.units))
        return input_fault(
            relation.name,
            self.problem,
            line=line,
            column=self.column,
            value=value,
            remedy=f"{self.remedy} If the data are correct, accept the finding with a reason: "
            f"`--accept {self.check}=REASON` of `demand init`, or "
            f"`accept: {{{self.check}: REASON}}` in the configuration.",
        )

    def told(self) -> str:
        """The guess of `demand init`, with its reason and the option that overrides it."""
        overrule = f"; override with {self.option}" if self.option else ""
        return f"{self.check}: {self.effect}, because {self.problem}{overrule}"


def by_date(connection: Session, raw: RawTables, *keys: str, where: str = "") -> pd.DataFrame:
    """Sales by date and other keys of the rows (store_id, item_id): columns date, keys, units (above zero), rows."""
    listed = ", ".join(("date", *keys))
    query = (
        f"select {listed}, sum(case when units > 0 then units else 0 end) as units, count(*) as n"
        f" from ({raw.rows()}) as sold{f' where {where}' if where else ''} group by {listed}"
    )
    if query in raw.aggregates:
        return raw.aggregates[query]
    frame = pd.DataFrame(connection.execute(query).fetchall(), columns=["date", *keys, "units", "rows"])
    frame["date"] = pd.to_datetime(frame["date"], errors="coerce")  # years that pandas lacks are refused by their line
    frame = frame.dropna(subset="date")
    frame[["units", "rows"]] = frame[["units", "rows"]].astype(np.float64)
    raw.aggregates[query] = frame.sort_values(["date", *keys], ignore_index=True)
    return raw.aggregates[query]


def on_date(raw: RawTables, date: dt.date | pd.Timestamp | str) -> str:
    """Condition of the rows of a date."""
    return f"{raw.date(raw.config.sales.date)} = date '{str(date)[:10]}'"


def is_value(column: str, value: str) -> str:
    """Condition of the rows with a value."""
    return f"trim(cast({quoted(column)} as varchar)) = {literal(value)}"
