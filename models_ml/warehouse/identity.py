"""What the warehouse holds: the raw data that was read into it, and what its marts were built from."""

from __future__ import annotations

from dataclasses import dataclass

from models_ml.errors import WarehouseError
from models_ml.settings import Settings
from models_ml.warehouse.connection import Warehouse

BUILD_FIRST = "Run `demand build` (or `demand run`, which builds them when they need it)."


@dataclass(frozen=True)
class RawIdentity:
    """What the raw tables hold, as the ingest recorded it.

    Attributes:
        fingerprint: of the raw files.
        stores: which stores and days of them were loaded (see `sources.loading.asked_for`); empty: all.
    """

    fingerprint: str
    stores: str


@dataclass(frozen=True)
class MartsIdentity:
    """What the marts were built from, as the dbt build itself recorded it (dbt_project/macros/marts_identity.sql).

    Attributes:
        raw: the raw tables; None: the last build covered a part, failed, or was killed.
        code_version: see `dbt.marts_code`; empty if dbt was not run by `demand`.
        invocation_id: of the build.
    """

    raw: RawIdentity | None
    code_version: str
    invocation_id: str


def raw_identity(settings: Settings, warehouse: Warehouse) -> RawIdentity:
    """What the raw tables hold.

    Raises:
        WarehouseError: nothing was ingested.
    """
    table = warehouse.read(f"raw_{settings.source}.ingest_log", ["fingerprint", "stores"])
    if table.num_rows != 1:
        raise WarehouseError("The warehouse has no record of an ingest. Run `demand ingest` first.")
    [row] = table.to_pylist()
    return RawIdentity(row["fingerprint"], row["stores"])


def marts_identity(warehouse: Warehouse) -> MartsIdentity | None:
    """What the marts were built from; None before the first build."""
    columns = ["fingerprint", "stores", "code_version", "invocation_id"]
    try:
        rows = warehouse.read("core.marts_identity", columns).to_pylist()
    except WarehouseError:
        return None  # the raw tables are read from the same warehouse: what else is wrong with it is said there
    if len(rows) != 1:
        return None
    [row] = rows
    raw = RawIdentity(row["fingerprint"], row["stores"]) if row["fingerprint"] is not None else None
    return MartsIdentity(raw, row["code_version"], row["invocation_id"])


def built_marts(settings: Settings, warehouse: Warehouse) -> tuple[str, str]:
    """The marts, if they are those of the raw tables.

    Returns:
        Fingerprint of their raw data, and the id of the dbt invocation that built them.

    Raises:
        WarehouseError: nothing was ingested, or the marts were built from other raw data or by an unfinished build.
    """
    raw, marts = raw_identity(settings, warehouse), marts_identity(warehouse)
    if marts is None or marts.raw is None:
        raise WarehouseError(f"The marts are not built, or not wholly: the last build did not finish. {BUILD_FIRST}")
    if marts.raw != raw:
        raise WarehouseError(
            f"The marts were built from other raw data ({described(marts.raw)}) than the raw tables hold "
            f"({described(raw)}). {BUILD_FIRST}"
        )
    return raw.fingerprint, marts.invocation_id


def described(raw: RawIdentity) -> str:
    """Raw data in a few words."""
    return f"fingerprint {raw.fingerprint[:12]}, {raw.stores.strip() or 'all stores and days'}"
