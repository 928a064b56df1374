"""What the warehouse holds: which raw data was read into it."""

from __future__ import annotations

from models_ml.errors import WarehouseError
from models_ml.settings import Settings
from models_ml.warehouse.connection import Warehouse


def raw_fingerprint(settings: Settings, warehouse: Warehouse) -> str:
    """Fingerprint of the raw data behind the marts, as the ingest recorded it.

    Raises:
        WarehouseError: nothing was ingested.
    """
    table = warehouse.read(f"raw_{settings.source}.ingest_log", ["fingerprint"])
    if table.num_rows != 1:
        raise WarehouseError("The warehouse has no record of an ingest. Run `demand ingest` first.")
    return str(table["fingerprint"][0].as_py())
