"""The serving zone for SQL Server: everything that dbt-sqlserver would send there, parsed as T-SQL and linted.

There is no server here (CI has one). What can be wrong without one is caught: a contract that the adapter refuses, a
macro of another engine, a statement that T-SQL's grammar does not know, a table of another type than its contract says.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import sqlfluff

from models_ml.settings import REPOSITORY
from tests.dbt_project import tsql_lint
from tests.dbt_project.project import PROJECT, Home

pytestmark = pytest.mark.dbt

BINARY = "collate Latin1_General_100_BIN2"


def build(home: Home, *options: str) -> dict[str, list[str]]:
    """`dbt build` of the serving zone against the recording server: node -> the statements it sent."""
    statements = home.path / f"statements{'-'.join(options)}.jsonl"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.dbt_project.recording_server", str(statements), *options),
            *("--warn-error", "--no-use-colors", "--log-path", str(home.path / "logs"), "build"),
            *("--target", "azure_sql", "--selector", "serving", "--target-path", str(home.path / "dbt")),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(REPOSITORY / "profiles")),
        ],
        env={**clean_environment(), "AZURE_SQL_AUTHENTICATION": "sql", "DEMAND_HOME": str(home.path)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    sent = defaultdict(list)
    for line in statements.read_text().splitlines():
        statement = json.loads(line)
        sent[statement["node"]].append(statement["sql"])
    return dict(sent)


def clean_environment() -> dict[str, str]:
    """The environment without what could reach a real store."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("DEMAND_", "DBT_", "AZURE_"))}


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("azure_sql")
    return Home(folder, folder)


@pytest.fixture(scope="module")
def sent(azure: Home) -> dict[str, list[str]]:
    """Node -> statements of a first build."""
    return build(azure)


@pytest.fixture(scope="module")
def manifest(azure: Home, sent: dict[str, list[str]]) -> dict[str, Any]:
    return azure.artefact("manifest")


def ours(sent: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """(node, statement) of all that our SQL is a part of: views, tables, loads; each once."""
    seen = set()
    for node, batches in sent.items():
        for batch in batches:
            for statement in tsql_lint.statements(batch):
                text = " ".join(statement.split())
                if re.match(r"(create (or alter )?view|create table|insert)\b", text, re.IGNORECASE):
                    name = re.sub(r"testview_\w+|expectedview_\w+|\w+__dbt_tmp_vw", "view", text)
                    if name not in seen:
                        seen.add(name)
                        yield node, statement


def test_everything_of_the_zone_is_sent(sent: dict[str, list[str]], manifest: dict[str, Any]) -> None:
    of_zone = {k for k, n in manifest["nodes"].items() if "serving" in n["config"]["tags"]}
    unit_tests = {k for k, u in manifest["unit_tests"].items() if u["model"] in {n.split(".")[2] for n in of_zone}}
    assert of_zone | unit_tests <= set(sent)
    assert len([n for n in of_zone if n.startswith("model.")]) >= 14
    assert len([n for n in sent if n.startswith("test.")]) >= 150
    assert len(unit_tests) >= 9


def test_every_statement_is_t_sql(sent: dict[str, list[str]], manifest: dict[str, Any]) -> None:
    integers = {
        column["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and "serving" in node["config"]["tags"]
        for column in node["columns"].values()
        if column["data_type"] == "integer"
    }
    statements = list(ours(sent))
    assert len(statements) >= 150
    for node, statement in statements:
        assert tsql_lint.findings(statement, integers) == [], node


@pytest.mark.parametrize("part", ["model", pytest.param("unit_test", marks=pytest.mark.slow), "test"])
def test_a_parser_of_t_sql_accepts_every_statement(sent: dict[str, list[str]], part: str) -> None:
    statements = [statement.strip().rstrip(";") for node, statement in ours(sent) if node.startswith(f"{part}.")]
    assert statements
    assert sqlfluff.parse(";\ngo\n".join(statements) + ";\n", dialect="tsql")


def test_tables_have_the_types_of_their_contracts(sent: dict[str, list[str]], manifest: dict[str, Any]) -> None:
    types = {"string": f"nvarchar(256) {BINARY}", "double": "float", "timestamp": "datetime2(6)"}
    made = {node: s for node, s in ours(sent) if node.startswith("model.") and s.lower().startswith("create table")}
    reports = {k: n for k, n in manifest["nodes"].items() if n["name"].startswith("rpt_")}
    assert set(made) == set(reports)
    for unique_id, node in reports.items():
        columns = [f"{c['name']} {types.get(c['data_type'], c['data_type'])}" for c in node["columns"].values()]
        assert made[unique_id].partition("(")[2] == ", ".join(columns) + ")", unique_id


PERMISSIONS = {
    r"create (or alter )?view": {"create view", "alter"},
    r"create table": {"create table", "alter"},
    r"create (unique )?index|alter table|drop (table|view|index)|sp_rename": {"alter"},
    r"references": {"references"},
    r"insert into": {"insert"},
    r"delete from": {"delete"},
    r"update": {"update"},
    r"from sys\.sql_expression_dependencies": {"select on sys.sql_expression_dependencies", "view definition"},
}
"""What a statement needs beyond SELECT (learn.microsoft.com, the statement's section "Permissions")."""

OPEN_TO_ALL = {
    *("sys.columns", "sys.objects", "sys.schemas", "sys.tables", "sys.types", "sys.views"),  # rows of what one may use
    *("sys.default_constraints", "sys.dm_exec_describe_first_result_set"),
    *("sp_getapplock", "sp_releaseapplock", "sp_rename"),
}
"""Of the catalogue, what every user may read or call."""


def granted() -> set[str]:
    """What grants.sql gives the role that runs dbt: `select`, or `select on sys.x`."""
    found = set()
    text = (REPOSITORY / "infra/sql/grants.sql").read_text(encoding="utf-8")
    for names, of in re.findall(r"^grant ([\w, ]+?)(?: on (\S+))? to demand_writer;", text, flags=re.MULTILINE):
        assert of in ("", "schema::dbo") or of.startswith("sys."), of
        found |= {f"{name.strip()} on {of}" if of.startswith("sys.") else name.strip() for name in names.split(",")}
    return found


def test_23_12_the_role_that_runs_dbt_may_do_all_that_is_sent(sent: dict[str, list[str]]) -> None:
    migrations = (REPOSITORY / "tests/models_ml/prediction_store/golden/mssql_migrations.sql").read_text("utf-8")
    batches = [" ".join(sql.lower().split()) for sql in [migrations, *(sql for of in sent.values() for sql in of)]]
    needed = {
        permission
        for sql in batches
        for statement, permissions in PERMISSIONS.items()
        if re.search(rf"\b(?:{statement})\b", sql)
        for permission in permissions
    }
    assert {"create view", "view definition", "references", "update"} <= needed
    assert needed <= granted()
    catalogue = {name for sql in batches for name in re.findall(r"\b(?:sys\.\w+|sp_\w+)\b", sql)}
    assert catalogue - OPEN_TO_ALL == {"sys.sql_expression_dependencies"}


def test_23_12_nothing_is_sent_that_azure_sql_or_its_tier_lacks(sent: dict[str, list[str]]) -> None:
    """Azure SQL stays in one database; a serverless tier pauses, so the first connection may take a minute."""
    text = " ".join(" ".join(of) for of in sent.values()).lower()
    assert set(re.findall(r"\buse \[?\"?(\w+)", text)) == {"prediction_store"}
    assert set(re.findall(r'"(\w+)"\."dbo"\.', text)) == {"prediction_store"}
    for feature in (
        "openrowset",
        "openquery",
        "linked",
        "memory_optimized",
        "filestream",
        "bulk insert",
        "xp_cmdshell",
    ):
        assert feature not in text, feature
    terraform = (REPOSITORY / "infra/terraform/modules/sql/main.tf").read_text(encoding="utf-8")
    assert re.search(r'sku_name\s*= "GP_S_Gen5_', terraform)
    profile = (REPOSITORY / "profiles/profiles.yml").read_text(encoding="utf-8").partition("azure_sql:")[2]
    patience = [int(n) for n in re.findall(r"(?:login_timeout|retries): (\d+)", profile)]
    assert patience[0] * patience[1] >= 60


def test_no_table_is_a_columnstore(sent: dict[str, list[str]]) -> None:
    assert not [node for node, batches in sent.items() if "columnstore" in " ".join(batches).lower()]


@pytest.mark.slow
def test_a_refresh_never_takes_a_table_away(azure: Home, manifest: dict[str, Any]) -> None:
    """Readers find every report at every moment: rows are replaced within a transaction, no table is renamed."""
    refreshed = build(azure, "--existing")
    for unique_id, node in manifest["nodes"].items():
        if node["name"].startswith("rpt_"):
            batches = "\n".join(" ".join(sql.split()) for sql in refreshed[unique_id])
            relation = f'"prediction_store"."dbo"."{node["name"]}"'
            assert "sp_rename" not in batches, unique_id
            assert f"DELETE FROM {relation}; INSERT INTO {relation} (" in batches, unique_id
    # The adapter opens and ends transactions under no node's name.
    assert len([sql for sql in refreshed[""] if "BEGIN TRANSACTION" in sql]) >= 6
