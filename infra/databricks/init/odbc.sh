#!/bin/bash
# Runs on each node of a cluster before its first task: the ODBC manager. Microsoft's driver comes with the lock.
set -euo pipefail
apt-get update -qq
apt-get install -qq --yes --no-install-recommends unixodbc
