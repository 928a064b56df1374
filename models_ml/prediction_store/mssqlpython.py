"""SQLAlchemy's way to Microsoft's driver mssql-python, which needs no ODBC manager.

SQLAlchemy 2.1 brings a dialect of this name, which is then the one that is used; Great Expectations keeps us below it.
Statements are those of the SQL Server dialect; what is here is how to connect and how to tell a lost connection.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mssql.base import MSDialect
from sqlalchemy.exc import NoSuchModuleError

LOST = (
    "client unable to establish connection",
    "connection does not exist",
    "server rejected the connection",
    "connection failure during transaction",
    "communication link failure",
    "connection timeout expired",
)
"""What the driver says in place of the SQL states 08xxx, which it does not pass on."""


class MSDialect_mssqlpython(MSDialect):  # noqa: N801 - as SQLAlchemy names its dialects
    """SQL Server by mssql-python, on SQLAlchemy 2.0."""

    driver = "mssqlpython"
    supports_statement_cache = True
    supports_native_decimal = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"paramstyle": "qmark", **options})  # type: ignore[no-untyped-call]

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """The driver."""
        return importlib.import_module("mssql_python")

    def create_connect_args(self, url: URL) -> tuple[list[str], dict[str, Any]]:
        """The connection string: an Entra identity (azure-identity's default chain) unless the URL has a user."""
        query = {name.lower(): str(value) for name, value in url.query.items()}
        parts = {
            "Server": f"{url.host},{url.port or 1433}",
            "Database": url.database or "",
            "Encrypt": query.pop("encrypt", "yes"),
        }
        if url.username:
            parts |= {"UID": url.username, "PWD": url.password or ""}
        else:
            parts["Authentication"] = query.pop("authentication", "ActiveDirectoryDefault")
        return [";".join(f"{name}={_quoted(str(value))}" for name, value in (parts | query).items())], {}

    def is_disconnect(self, e: Exception, _connection: Any, _cursor: Any) -> bool:
        """Whether an error says that the connection is gone."""
        return is_lost(e)


def is_lost(error: BaseException) -> bool:
    """Whether mssql-python's error says that the connection was lost or not made."""
    return type(error).__module__.startswith("mssql_python") and any(words in str(error).lower() for words in LOST)


def _quoted(value: str) -> str:
    """A value of a connection string, in braces where it would be read otherwise."""
    return "{" + value.replace("}", "}}") + "}" if set(value) & set(";{}= ") else value


def register() -> None:
    """Make `mssql+mssqlpython://` known to SQLAlchemy, unless it knows it by itself."""
    try:
        registry.load("mssql.mssqlpython")
    except NoSuchModuleError:
        registry.register("mssql.mssqlpython", __name__, MSDialect_mssqlpython.__name__)
