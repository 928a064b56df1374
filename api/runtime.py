"""State shared by the requests of one process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from api.auth import Authenticator
from api.cache import ByteCache
from api.reader import StoreReader
from api.settings import ApiSettings
from api.telemetry import AccessLog, Metrics
from api.writer import StoreWriter


@dataclass(frozen=True)
class Runtime:
    """Created once by `create_app`; available as `app.state.runtime`."""

    settings: ApiSettings
    reader: StoreReader
    writer: StoreWriter
    cache: ByteCache
    authenticator: Authenticator
    metrics: Metrics
    access_log: AccessLog
    started_at: datetime
