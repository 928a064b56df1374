"""Runs dbt's commands on the project, each in a process of its own (models_ml/warehouse/dbt_host.py)."""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from signal import Signals
from typing import Any

from models_ml import provenance
from models_ml.errors import InputError, StepError
from models_ml.hierarchy import WEEK_DAYS
from models_ml.settings import REPOSITORY, Settings
from models_ml.warehouse.connection import DatabricksWarehouse, access_token
from models_ml.warehouse.dbt_host import Host, Invocation

SERVICE_CREDENTIAL = "DATABRICKS_DEFAULT_SERVICE_CREDENTIAL_NAME"
"""Set on a cluster of Databricks whose tasks sign in to Azure by a service credential of Unity Catalog."""

RECENT_WEEKS = 8
"""The project's own `as_of_recent_weeks`: how far back the folds of an origin on any weekday may lie."""


@dataclass(frozen=True)
class DbtResult:
    """What a dbt invocation did.

    Attributes:
        counts: nodes by status (`success`, `pass`, `warn`, ...).
        invocation_id: dbt's own id of the invocation.
        warnings: names of tests that warned.
    """

    counts: dict[str, int]
    invocation_id: str
    warnings: list[str]


def build(
    settings: Settings,
    selector: str,
    *,
    full_refresh: bool = False,
    without: Sequence[str] = (),
    variables: dict[str, Any] | None = None,
) -> DbtResult:
    """`dbt build` of one zone (`warehouse` or `serving`): models, tests and unit tests.

    Args:
        settings: see `run`.
        selector: the zone.
        full_refresh: rebuild incremental models from all rows.
        without: kinds of nodes to leave out, e.g. `unit_test`.
        variables: see `run`.

    Raises:
        StepError: a model or a test failed; the message names each and the log.
    """
    arguments = ["build", "--selector", selector, *threads_for(settings, selector), *left_out(without)]
    if full_refresh:
        arguments.append("--full-refresh")
    return run(settings, arguments, variables, target=target_of(settings, selector))


def test(settings: Settings, selector: str) -> DbtResult:
    """The data tests of one zone over what is built. A DuckDB file is only read, so others may read it meanwhile.

    Raises:
        StepError: a test failed; the message names each and the log.
    """
    arguments = ["test", "--selector", selector, *threads_for(settings, selector), *left_out(["unit_test"])]
    return run(settings, arguments, target=target_of(settings, selector), read_only=True)


def prepare(settings: Settings) -> None:
    """Have dbt loaded and the project parsed, without waiting for it."""
    host().prepare(invocation(settings, [], target=settings.dbt_target))


def left_out(kinds: Sequence[str]) -> list[str]:
    """Arguments that leave out kinds of nodes."""
    return [argument for kind in kinds for argument in ("--exclude-resource-type", kind)]


def threads_for(settings: Settings, selector: str) -> list[str]:
    """Arguments for the models of a zone that are built side by side.

    On one machine dbt compiles a model while DuckDB computes another; SQLite takes one writer, as profiles.yml says.
    """
    return ["--threads", str(settings.threads)] if selector == "warehouse" and settings.dbt_target == "local" else []


def target_of(settings: Settings, selector: str) -> str:
    """The dbt target of a zone: serving models are built where the store is."""
    return "azure_sql" if selector == "serving" and on_sql_server(settings) else settings.dbt_target


def on_sql_server(settings: Settings) -> bool:
    """Whether the store is on a SQL Server."""
    return settings.effective_store_url.startswith("mssql")


def load_files(settings: Settings) -> str:
    """Have Databricks load the raw files of a volume into the source's raw tables, by the project's own operation.

    Returns:
        What was done, in a few words.

    Raises:
        InputError: the files are in no volume, which is all that a SQL warehouse can see.
        StepError: it failed.
    """
    folder = str(settings.data_dir or "")
    if not folder.startswith("/Volumes/"):
        raise InputError(
            f"DEMAND_DATA_DIR is {folder or 'unset'}, and Databricks loads files from a volume: give the folder as "
            "/Volumes/<catalog>/<schema>/<volume>/..., or describe tables of Unity Catalog and set DEMAND_SOURCE=long."
        )
    run(settings, ["run-operation", "load_raw_tables", "--args", json.dumps({"path": folder})])
    return f"Databricks loaded {folder} into raw_{settings.source}."


def on_databricks(settings: Settings) -> bool:
    """Whether the warehouse is on Databricks."""
    return settings.effective_warehouse_url.startswith("databricks://")


def run(
    settings: Settings,
    arguments: Sequence[str],
    variables: dict[str, Any] | None = None,
    *,
    target: str | None = None,
    read_only: bool = False,
) -> DbtResult:
    """Any dbt command on the project, with its target folder and its log in the home.

    Args:
        settings: of the home, the store and the source.
        arguments: of dbt.
        variables: of the project, beside those that follow from the settings.
        target: of profiles.yml; None: the one of the settings.
        read_only: open a DuckDB warehouse for reading.

    Raises:
        StepError: dbt failed.
    """
    folder, log = target_folder(settings), log_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    results_file = folder / "run_results.json"
    results_file.unlink(missing_ok=True)
    code, printed = host().run(
        invocation(settings, arguments, variables, target=target or settings.dbt_target, read_only=read_only)
    )
    results = json.loads(results_file.read_text()) if results_file.exists() else {"results": [], "metadata": {}}
    failed = [r for r in results["results"] if r["status"] in ("error", "fail", "runtime error")]
    if code != 0 or failed:
        lines = [f"{r['unique_id']}: {r['message']}" for r in failed[:5]] or printed.strip().splitlines()[-12:]
        if code < 0:
            lines.append(
                f"It was ended by {Signals(-code).name}; a machine that runs out of memory ends what takes most."
            )
        more = f"\n  and {len(failed) - 5} more" if len(failed) > 5 else ""
        raise StepError(
            f"dbt {arguments[0]} failed; the full log is {log / 'dbt.log'}:\n  " + "\n  ".join(lines) + more
        )
    return DbtResult(
        counts=dict(Counter(r["status"] for r in results["results"] if not r["unique_id"].startswith("operation."))),
        invocation_id=results["metadata"].get("invocation_id", ""),
        warnings=[r["unique_id"].split(".")[2] for r in results["results"] if r["status"] == "warn"],
    )


def host() -> Host:
    """The process that runs dbt for this one, which loads it and parses a project once; started when it is needed."""
    global _host
    if _host is None or not _host.alive:
        _host = Host()
        atexit.register(_host.end)
    return _host


_host: Host | None = None


def invocation(
    settings: Settings,
    arguments: Sequence[str],
    variables: dict[str, Any] | None = None,
    *,
    target: str,
    read_only: bool = False,
) -> Invocation:
    """A dbt command; see `run`."""
    return Invocation(
        command=arguments,
        project=[
            "--vars", json.dumps({**project_variables(settings), **(variables or {})}),
            "--project-dir", str(settings.project_dir.resolve() / "dbt_project"),
            "--profiles-dir", str(settings.project_dir.resolve() / "profiles"),
            "--target", target,
        ],
        output=["--log-path", str(log_folder(settings)), "--target-path", str(target_folder(settings))],
        environment=environment(settings) | ({"DEMAND_DBT_ACCESS": "READ_ONLY"} if read_only else {}),
        folder=Path.cwd(),
    )  # fmt: skip


def target_folder(settings: Settings) -> Path:
    """Where dbt puts what it made."""
    return settings.home.resolve() / "dbt"


def log_folder(settings: Settings) -> Path:
    """Where dbt writes its log."""
    return settings.home.resolve() / "logs"


def project_variables(settings: Settings) -> dict[str, Any]:
    """The project's variables that follow from the settings; models built with others must be built anew."""
    fold_weeks = -(-settings.horizon_days // WEEK_DAYS)
    recent = {"as_of_recent_weeks": fold_weeks} if fold_weeks > RECENT_WEEKS else {}
    return {"source": settings.source, **recent}


def marts_code(settings: Settings) -> str:
    """Hash of what decides the rows of the marts, but for the data: the project's code, target and variables."""
    code = [
        provenance.code_version(provenance.WAREHOUSE_FOLDERS), settings.dbt_target, project_variables(settings),
    ]  # fmt: skip
    return sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:16]


def environment(settings: Settings) -> dict[str, str]:
    """The variables that profiles.yml reads."""
    return {
        **os.environ,
        "DEMAND_HOME": str(settings.home.resolve()),
        "DEMAND_STORE_URL": settings.effective_store_url,
        "DEMAND_MEMORY_LIMIT_GB": f"{settings.memory_limit_gb:g}",
        "DEMAND_THREADS": str(settings.threads),
        "DEMAND_MARTS_CODE": marts_code(settings),
        **(sql_server_variables(settings) if on_sql_server(settings) else {}),
        **(databricks_variables(settings) if on_databricks(settings) else {}),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def sql_server_variables(settings: Settings) -> dict[str, str]:
    """What the target azure_sql reads, from the store's URL: one place says where the store is and who signs in."""
    from sqlalchemy import make_url

    from models_ml.warehouse.odbc import entra_token, odbc_driver

    url = make_url(settings.effective_store_url)
    query = {name.lower(): str(value) for name, value in url.query.items()}
    given = {
        "AZURE_SQL_DRIVER": query.get("driver") or odbc_driver(),
        "AZURE_SQL_SERVER": url.host,
        "AZURE_SQL_PORT": str(url.port or 1433),
        "AZURE_SQL_DATABASE": url.database,
        "AZURE_SQL_AUTHENTICATION": "sql" if url.username else query.get("authentication", "auto"),
        "AZURE_SQL_USER": url.username,
        "DBT_ENV_SECRET_AZURE_SQL_PASSWORD": url.password,
        "AZURE_SQL_TRUST_CERT": str(query.get("trustservercertificate", "no").lower() in ("yes", "true")),
        "DEMAND_STORE_SCHEMA": query.get("schema"),
    }
    if given["AZURE_SQL_AUTHENTICATION"] == "auto" and SERVICE_CREDENTIAL in os.environ:
        token = entra_token()
        given |= {
            "AZURE_SQL_AUTHENTICATION": "ActiveDirectoryAccessToken",
            "DBT_ENV_SECRET_AZURE_SQL_TOKEN": token.token,
            "AZURE_SQL_TOKEN_EXPIRES_ON": str(token.expires_on),
        }
    return {name: str(value) for name, value in given.items() if value}


def databricks_variables(settings: Settings) -> dict[str, str]:
    """What the target databricks reads, from the warehouse's URL, with a token of whoever this process is.

    A cluster's own identity is known to the process of the task alone, and dbt runs in another one.
    """
    warehouse = DatabricksWarehouse(settings.effective_warehouse_url)
    given = {
        "DATABRICKS_HOST": warehouse.host,
        "DATABRICKS_HTTP_PATH": warehouse.http_path,
        "DATABRICKS_CATALOG": warehouse.catalog,
        "DATABRICKS_TOKEN": access_token(warehouse.host),
    }
    return {name: value for name, value in given.items() if value}


def project_file(name: str) -> Path:
    """A file of the dbt project."""
    return REPOSITORY / "dbt_project" / name
