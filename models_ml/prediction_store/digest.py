"""A checksum of a run's forecasts that the database and the publisher compute alike.

Sums of floats depend on their order; sums of integers do not. So every value counts as its
micro-units (value x 1,000,000, rounded half up) modulo a prime, summed by store and column. SQL and NumPy
agree to the bit.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import BigInteger, Connection, Select, Table, cast, func, literal, select

from models_ml.prediction_store.frames import floats
from models_ml.prediction_store.records import canonical_json
from models_ml.prediction_store.schema import REAL, forecasts, inventory_policy, node_forecasts, node_period_forecasts
from models_ml.settings import QUANTILE_COLUMNS

VALUE_COLUMNS = ("mean", *QUANTILE_COLUMNS)
PRIME = 1_000_000_007
_MICRO = 1e6
DIGESTED = {table.name: table for table in (forecasts, node_forecasts, node_period_forecasts, inventory_policy)}
POLICY_COLUMNS = tuple(
    column.name
    for column in inventory_policy.columns
    # Safety stock has a sign, at which SQL and NumPy take the remainder differently; it follows from the others.
    if not column.primary_key and column.name != "safety_stock"
)


def digested_columns(name: str) -> tuple[str, ...]:
    """The columns of a table that count."""
    return POLICY_COLUMNS if name == inventory_policy.name else VALUE_COLUMNS


class Digest:
    """Row count and column sums by table and store (node rows under one key), added up batch by batch."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], list[int]] = {}

    def add(self, name: str, part: pa.Table) -> None:
        """Count a batch of a table of forecasts; other frames have no digest."""
        if name not in DIGESTED or part.num_rows == 0:
            return
        values = [_micro_units(part.column(column)) for column in digested_columns(name)]
        if "store_id" not in part.column_names:
            self._add(name, "", np.full(part.num_rows, True), values)
            return
        stores = part.column("store_id")
        for store in pc.unique(stores).to_pylist():
            self._add(name, store, np.asarray(pc.equal(stores, store)), values)

    def _add(self, name: str, store: str, mask: Any, values: list[Any]) -> None:
        total = self._sums.setdefault((name, store), [0] * (1 + len(values)))
        total[0] += int(mask.sum())
        for position, column in enumerate(values, start=1):
            total[position] += int(column[mask].sum())

    def put(self, name: str, store: str, sums: list[int]) -> None:
        """Take sums that the database made."""
        self._sums[name, store] = sums

    def rows(self, name: str) -> int:
        """Rows counted in a table."""
        return sum(sums[0] for (table, _), sums in self._sums.items() if table == name)

    def stores(self) -> set[str]:
        """Stores that have forecasts."""
        return {store for table, store in self._sums if table == "forecasts"}

    def differences(self, other: Digest) -> list[str]:
        """Which stores' rows differ between two digests, in words."""
        said = []
        for table, store in sorted(set(self._sums) | set(other._sums)):
            mine, theirs = self._sums.get((table, store)), other._sums.get((table, store))
            if mine != theirs:
                counts = f"{mine[0] if mine else 0} rows sent, {theirs[0] if theirs else 0} stored"
                said.append(f"{table}{' of store ' + store if store else ''}: {counts}, or values changed")
        return said

    def checksum(self) -> str:
        """SHA-256 (hex) of all counts and sums."""
        content = [[*key, *sums] for key, sums in sorted(self._sums.items())]
        return hashlib.sha256(canonical_json(content, "digest").encode()).hexdigest()


def _micro_units(column: pa.ChunkedArray) -> Any:
    values = floats(column)
    if column.null_count:
        values = np.nan_to_num(values, nan=0.0)
    return np.floor(values * _MICRO + 0.5).astype(np.int64) % PRIME


def stored_digest(connection: Connection, run_id: str) -> Digest:
    """The digest of what the store holds for a run, computed by the database."""
    digest = Digest()
    for name, table in DIGESTED.items():
        for row in connection.execute(digest_query(name, run_id)):
            store, sums = (row[0], row[1:]) if "store_id" in table.columns else ("", row)
            if sums[0]:
                digest.put(name, store, [int(value or 0) for value in sums])
    return digest


def digest_query(name: str, run_id: str) -> Select[Any]:
    """The statement behind `stored_digest`: a row of count and sums, for a table with stores a row a store."""
    table: Table = DIGESTED[name]
    sums = [
        func.sum(cast(table.c[column] * literal(_MICRO, REAL) + literal(0.5, REAL), BigInteger) % PRIME)
        for column in digested_columns(name)
    ]
    if "store_id" not in table.columns:
        return select(func.count(), *sums).select_from(table).where(table.c.run_id == run_id)
    return select(table.c.store_id, func.count(), *sums).where(table.c.run_id == run_id).group_by(table.c.store_id)
