"""SQL Server: its driver (the registered one, or the one that a package brings), and the token for Azure SQL."""

from __future__ import annotations

import importlib
import platform
from pathlib import Path
from typing import Any

from models_ml.errors import StoreError

ODBC_DRIVER = "ODBC Driver 18 for SQL Server"
TOKEN_SCOPE = "https://database.windows.net/.default"  # noqa: S105 - an audience, not a secret


def entra_token() -> Any:
    """A token for Azure SQL of whoever this process is (azure-identity's default chain).

    Returns:
        With `token` and `expires_on` (seconds since 1970).
    """
    return importlib.import_module("azure.identity").DefaultAzureCredential().get_token(TOKEN_SCOPE)


def odbc_driver() -> str:
    """Name of the registered ODBC driver 18, else the path of the one in the package mssql-python-odbc.

    Raises:
        StoreError: neither is there.
    """
    pyodbc = importlib.import_module("pyodbc")
    if ODBC_DRIVER in pyodbc.drivers():
        return ODBC_DRIVER
    try:
        package = importlib.import_module("mssql_python_odbc")
    except ImportError:
        raise StoreError(
            f"{ODBC_DRIVER} is not installed. Install the extra: pip install 'retail-demand[azure]', "
            "or name another driver in the URL (?driver=...)."
        ) from None
    return _packaged_driver(Path(package.get_libs_dir()))


def _packaged_driver(libs: Path) -> str:
    machine = {"AMD64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    system = platform.system()
    folder = {"Linux": libs / "linux" / _linux_family() / machine, "Darwin": libs / "macos" / machine}.get(
        system, libs / system.lower() / machine
    )
    found = sorted([*folder.glob("**/libmsodbcsql*.so*"), *folder.glob("**/libmsodbcsql*.dylib")])
    if not found:
        raise StoreError(
            f"The package mssql-python-odbc has no ODBC driver for {system} on {machine}. "
            f"Install {ODBC_DRIVER} and name it in the URL (?driver=...)."
        )
    return str(found[0])


def _linux_family() -> str:
    """Which of the packaged builds fits this Linux (the name of its folder)."""
    release = Path("/etc/os-release")
    text = release.read_text(encoding="utf-8").lower() if release.is_file() else ""
    for word, family in (("alpine", "alpine"), ("suse", "suse"), ("rhel", "rhel"), ("fedora", "rhel")):
        if word in text:
            return family
    return "debian_ubuntu"
