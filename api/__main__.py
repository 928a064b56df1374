"""`python -m api`: the API by uvicorn, with the workers, limits and time-outs of the settings."""

from __future__ import annotations

import os
import sys
import tempfile

import uvicorn

from api.settings import load_settings
from api.telemetry import MULTIPROCESS_VARIABLE, logging_config
from models_ml.errors import DemandError


def main() -> int:
    """Serve until told to stop.

    Returns:
        Exit code: 0 after a shutdown, 2 for a wrong setting.
    """
    try:
        # before any worker starts: a worker that cannot start would be restarted forever
        settings = load_settings()
    except DemandError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if settings.auth == "off":
        print("Authentication is OFF (DEMAND_API_AUTH=off): for a local demo only.", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="demand-api-metrics-") as folder:
        if settings.workers > 1:
            os.environ.setdefault(MULTIPROCESS_VARIABLE, folder)
        uvicorn.run(
            "api.main:app",
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            access_log=False,
            server_header=False,
            log_config=logging_config(),
            timeout_keep_alive=75,
            # on a busy machine imports take longer than uvicorn's default of 5 s, and the worker would be killed
            # forever
            timeout_worker_healthcheck=60,
            timeout_graceful_shutdown=settings.shutdown_seconds,
            h11_max_incomplete_event_size=65_536,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
