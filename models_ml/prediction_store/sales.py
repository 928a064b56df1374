"""How the sales of a run get into the store.

SQLite takes them in the transaction that shows the run: it has one writer at a time, whom a staged row would only cost
two more writes. On a server this transaction is kept short and the way there is slow, so that sales wait in a table of
their own, where a row holds up to `STEPS` days of a series at one price: a year of days is then a few dozen rows. The
database unpacks them itself when the run is shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, Table, cast, delete, func, insert, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import DATE, Integer, Unicode

from models_ml.errors import PublishError
from models_ml.prediction_store.frames import batches, check, floats, insert_sql, rows
from models_ml.prediction_store.records import RunRecord
from models_ml.prediction_store.schema import REAL, STEPS, run_series, sales_history, staged_sales_history
from models_ml.prediction_store.text import json_rows

Insert = Callable[[Table, pa.Table], None]
"""Inserts rows of a run into a table, in a transaction that holds the run's claim."""


class Sales(Protocol):
    """The days of sales that a run sends."""

    def stage(self, insert: Insert) -> int:
        """Put them beside the store's history; returns the rows staged, 0 if they are inserted at once."""

    def insert(self, connection: Connection, store: str) -> None:
        """Insert the rows of a store into its history.

        Raises:
            PublishError: not every row arrived there once.
        """

    def discard(self, connection: Connection) -> None:
        """Remove what was staged."""


@dataclass(frozen=True)
class _Sent:
    run: RunRecord
    rows: pa.Table
    batch_rows: int
    progress: Callable[[str, int], None] | None
    done: dict[str, int] = field(default_factory=dict)

    def _stores(self) -> list[str]:
        """Stores that have rows.

        Raises:
            PublishError: a row has no store, or one outside the run's scope.
        """
        stores: list[str] = pc.unique(self.rows.column("store_id")).to_pylist()
        if None in stores:
            raise PublishError("sales_history.store_id is null. Every row needs a value.")
        for store in stores:
            if store not in self.run.scope:
                raise PublishError(f"sales_history: store_id {store} is not in the run's scope.")
        return stores

    def _of(self, store: str) -> pa.Table:
        return self.rows.filter(pc.equal(self.rows.column("store_id"), store))

    def _say(self, store: str, count: int) -> None:
        self.done[store] = self.done.get(store, 0) + count
        if self.progress is not None:
            self.progress("sales_history", sum(self.done.values()))


class DirectSales(_Sent):
    """Sales that are inserted in the transaction that shows them."""

    def stage(self, insert: Insert) -> int:  # noqa: ARG002
        """Stage nothing.

        Raises:
            PublishError: a row has no store, or one outside the run's scope.
        """
        self._stores()
        return 0

    def insert(self, connection: Connection, store: str) -> None:
        """Insert the rows of a store.

        Raises:
            PublishError: a row is twice, is of a series that the run does not list, or was lost by the driver.
        """
        of_store = self._of(store)
        series = run_series.c.run_id == self.run.run_id, run_series.c.store_id == store
        listed = set(connection.execute(select(run_series.c.item_id).where(*series)).scalars())
        unlisted = set(pc.unique(of_store.column("item_id")).to_pylist()) - listed
        if unlisted:
            named = ", ".join(sorted(map(str, unlisted))[:5])
            raise PublishError(
                f"{self.run.run_id}: sales_history has rows of series not in run_series: {named} in {store}."
            )
        self.done.pop(store, None)  # the transaction may be a repeat
        for part in batches("sales_history", of_store, self.batch_rows):
            check("sales_history", part, self.run)
            given = rows(part, None, iso_dates=True)
            try:
                inserted = connection.exec_driver_sql(insert_sql(connection, sales_history), given).rowcount
            except IntegrityError as error:
                raise PublishError(f"{self.run.run_id}: sales_history has a row twice ({error.orig}).") from error
            if inserted != part.num_rows:
                raise PublishError(f"sales_history: {part.num_rows} rows sent, {inserted} stored in {store}.")
            self._say(store, inserted)

    def discard(self, connection: Connection) -> None:
        """Nothing was staged."""


class StagedSales(_Sent):
    """Sales that are packed and staged before the transaction that shows them."""

    def stage(self, insert: Insert) -> int:
        """Stage the rows of all stores.

        Raises:
            PublishError: a row is refused (see `frames.check`), is twice, or is of a series that the run does not list.
        """
        staged = 0
        for store in self._stores():
            parts = list(batches("sales_history", self._of(store), self.batch_rows))
            for part in parts:
                check("sales_history", part, self.run)
            packed = pack(pa.concat_tables(parts), self.run.step_days)
            for start in range(0, packed.num_rows, self.batch_rows):
                part = packed.slice(start, self.batch_rows)
                insert(staged_sales_history, part)
                staged += part.num_rows
                self._say(store, pc.sum(part.column("steps")).as_py())
        return staged

    def insert(self, connection: Connection, store: str) -> None:
        """Unpack the rows of a store.

        Raises:
            PublishError: the database made another number of rows of them.
        """
        columns = [column.name for column in sales_history.columns]
        inserted = connection.execute(insert(sales_history).from_select(columns, unpacked(self.run, store))).rowcount
        if inserted != (sent := self.done.get(store, 0)):
            raise PublishError(f"sales_history: {sent} rows sent, {inserted} stored in {store}.")

    def discard(self, connection: Connection) -> None:
        """Remove the staged rows of the run."""
        connection.execute(delete(staged_sales_history).where(staged_sales_history.c.run_id == self.run.run_id))


def pack(sales: pa.Table, step_days: int) -> pa.Table:
    """Rows of `sales_history` as rows of `staged_sales_history`: unbroken steps of a series at one price, in order.

    Args:
        sales: columns of `sales_history`.
        step_days: days from a row of a series to its next one: 1, or 7 where sales are weekly.

    Raises:
        PublishError: a series has a day twice.
    """
    sales = sales.sort_by([(name, "ascending") for name in ("store_id", "item_id", "date")])
    count = sales.num_rows
    days = sales.column("date").cast(pa.int32()).to_numpy()
    prices = np.nan_to_num(floats(sales.column("price")), nan=-1.0)
    of_series = _same(sales.column("store_id")) & _same(sales.column("item_id"))
    gaps = np.diff(days)
    if (twice := of_series & (gaps == 0)).any():
        row = sales.slice(int(twice.argmax()), 1).to_pylist()[0]
        named = ", ".join(f"{name} {row[name]}" for name in ("store_id", "item_id", "date"))
        raise PublishError(f"sales_history has a row twice: {named}.")
    begins = np.ones(count, dtype=bool)
    begins[1:] = ~(of_series & (gaps == step_days) & (np.diff(prices) == 0))
    position = np.arange(count)
    since = position - np.maximum.accumulate(np.where(begins, position, 0))
    first = np.flatnonzero(since % STEPS == 0)
    texts = sales.column("units").combine_chunks().cast(pa.string())
    widths = np.maximum.reduceat(pc.utf8_length(texts).to_numpy(), first)
    steps = np.diff(first, append=count)
    # Every figure of a row has the row's width, so that the database finds one by its place.
    padded = _padded(texts, np.repeat(widths, steps))
    offsets = pa.array(np.append(first, count), pa.int32())
    heads = sales.take(pa.array(first))
    return pa.table(
        {
            "store_id": heads.column("store_id"),
            "item_id": heads.column("item_id"),
            "first_date": heads.column("date"),
            "price": heads.column("price"),
            "steps": pa.array(steps, pa.int32()),
            "width": pa.array(widths, pa.int32()),
            "units": pc.binary_join(pa.ListArray.from_arrays(offsets, padded), ""),
        }
    )


def _same(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Whether a value is that of the row before, from the second row on."""
    codes = column.combine_chunks().dictionary_encode().indices.to_numpy()
    return np.asarray(np.diff(codes) == 0)


def _padded(texts: pa.Array, widths: NDArray[np.int64]) -> pa.Array:
    """Texts with blanks in front, each as long as its width."""
    padded = texts
    blanks = widths - pc.utf8_length(texts).to_numpy()
    for count in np.unique(blanks[blanks > 0]):
        wider = pc.binary_join_element_wise(" " * int(count), texts, "")
        padded = pc.if_else(pa.array(blanks == count), wider, padded)
    return padded


def unpacked(run: RunRecord, store: str) -> Select[Any]:
    """The staged rows of a store as rows of `sales_history`."""
    staged = staged_sales_history
    numbers = json_rows(literal(json.dumps(list(range(STEPS))), Unicode())).table_valued("value")
    step = cast(numbers.c.value, Integer)
    units = cast(func.substring(staged.c.units, step * staged.c.width + 1, staged.c.width), REAL)
    return (
        select(
            staged.c.store_id,
            staged.c.item_id,
            _days_after(staged.c.first_date, step * run.step_days),
            units,
            staged.c.price,
        )
        .select_from(staged.join(numbers, step < staged.c.steps))
        .where(staged.c.run_id == run.run_id, staged.c.store_id == store)
    )


class _days_after(FunctionElement[Any]):  # noqa: N801 - as SQLAlchemy names functions
    """A date so many days after another."""

    type = DATE()
    inherit_cache = True

    def __init__(self, day: ColumnElement[Any], days: ColumnElement[int]) -> None:
        super().__init__(day, days)


@compiles(_days_after, "mssql")
def _days_after_on_sql_server(element: _days_after, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(part, **options) for part in element.clauses)
    return f"dateadd(day, {days}, {day})"


@compiles(_days_after, "sqlite")
def _days_after_on_sqlite(element: _days_after, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(part, **options) for part in element.clauses)
    return f"date({day}, ({days}) || ' days')"
