#!/bin/bash
# Runs on each node of a cluster before its first task: the ODBC manager, and Microsoft's driver from its Python package.
set -euo pipefail
apt-get update -qq
apt-get install -qq --yes --no-install-recommends unixodbc odbcinst
/databricks/python/bin/pip install --quiet "mssql-python-odbc>=18"
driver=$(/databricks/python/bin/python -c '
import pathlib, mssql_python_odbc
print(sorted(pathlib.Path(mssql_python_odbc.__file__).parent.rglob("libmsodbcsql-18*.so*"))[0])')
printf '[ODBC Driver 18 for SQL Server]\nDescription=Microsoft ODBC Driver 18\nDriver=%s\n' "$driver" | odbcinst -i -d -r
