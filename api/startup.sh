#!/bin/sh
# Start command of Azure App Service (Linux, Python): `sh api/startup.sh`. The platform gives the port in PORT and
# ends the instance with SIGTERM; its health check path is /ready.
set -eu
export DEMAND_API_HOST=0.0.0.0
export DEMAND_API_PORT="${PORT:-8000}"
export DEMAND_API_WORKERS="${DEMAND_API_WORKERS:-2}"
exec python -m api
