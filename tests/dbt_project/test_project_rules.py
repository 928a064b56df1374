"""The rules of the project, read from the manifest: what a reviewer would otherwise look for by hand."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.project import PROJECT, Home

pytestmark = pytest.mark.dbt

FOLDERS = {
    "stg_": ("staging/",),
    "int_": ("intermediate/",),
    "dim_": ("marts/core/",),
    "fct_": ("marts/core/", "marts/features/"),
    "rpt_": ("serving/",),
}

KEY_TESTS = {"unique", "unique_combination_of_columns"}


@pytest.fixture(scope="module")
def manifest(home: Home) -> dict[str, Any]:
    done = home.dbt("parse")
    assert done.returncode == 0, done.stdout[-3000:]
    return home.artefact("manifest")


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {k: n for k, n in manifest["nodes"].items() if n["resource_type"] == "model"}


@pytest.fixture(scope="module")
def tests_of(manifest: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            found[node["attached_node"]].add(node["test_metadata"]["name"])
    return found


def test_names_and_folders_agree(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        prefix = node["name"].split("_")[0] + "_"
        assert prefix in FOLDERS, node["name"]
        assert node["path"].startswith(FOLDERS[prefix]), node["path"]


def test_every_model_has_a_key_test(
    models: dict[str, dict[str, Any]], manifest: dict[str, Any], tests_of: dict[str, set[str]]
) -> None:
    # The keys of the unpivoted sales are tested where the rows are stored, one model on.
    passed_on = {"stg_m5__sales": "fct_daily_sales", "stg_m5__sales_digests": "int_series_versions"}
    by_name = {node["name"]: unique_id for unique_id, node in models.items()}
    for unique_id, node in models.items():
        tested = by_name[passed_on.get(node["name"], node["name"])]
        assert tests_of[tested] & KEY_TESTS, unique_id


def test_every_model_says_its_grain_first(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        assert node["description"].startswith("One row "), node["name"]


def test_everything_is_described(models: dict[str, dict[str, Any]], manifest: dict[str, Any]) -> None:
    for node in [*models.values(), *(n for n in manifest["nodes"].values() if n["resource_type"] == "seed")]:
        for column in node["columns"].values():
            assert column["description"].strip(), f"{node['name']}.{column['name']}"
    for source in manifest["sources"].values():
        assert source["description"].strip(), source["name"]
        assert source["source_description"].strip(), source["source_name"]
    for exposure in manifest["exposures"].values():
        assert exposure["description"].strip(), exposure["name"]


def test_every_model_has_an_enforced_contract_of_all_its_columns(models: dict[str, dict[str, Any]], home: Home) -> None:
    for node in models.values():
        assert node["config"]["contract"]["enforced"], node["name"]
        assert all(column["data_type"] for column in node["columns"].values()), node["name"]


def test_only_staging_reads_sources(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        if not node["path"].startswith("staging/"):
            assert not [d for d in node["depends_on"]["nodes"] if d.startswith("source.")], node["name"]


def test_core_and_features_know_no_source(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        if node["path"].startswith(("marts/", "intermediate/")):
            assert "stg_" not in node["raw_code"], f"{node['name']} names a source's staging model: use source_model()"


def test_nothing_is_hard_coded(models: dict[str, dict[str, Any]]) -> None:
    relation = re.compile(r"\b(?:from|join)\s+(?!lateral\b)([a-z_][\w.]*\.[\w.]+)", re.IGNORECASE)
    for node in models.values():
        assert not relation.findall(node["raw_code"]), node["name"]


def test_no_engine_is_named_in_a_model(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        assert "target." not in node["raw_code"], (
            f"{node['name']}: what differs by engine belongs to a dispatched macro"
        )


EVERY_ENGINE = set(
    "abs avg cast ceiling coalesce count dense_rank exists first_value floor lag last_value lead max min nullif "
    "percent_rank power rank round row_number sqrt substring sum".split()
)
"""Functions that DuckDB, Spark and SQL Server have under one name, with one meaning."""
WAREHOUSE_ENGINES = EVERY_ENGINE | set("bit_xor ceil decimal extract greatest least mod".split())
"""Those that DuckDB and Spark have: what runs on a warehouse alone may call them."""
KEYWORDS = {"as", "in", "on", "and", "or", "not", "over", "from", "join", "where", "when", "then", "else", "values"}
DIALECT = re.compile(r"::|\bqualify\b|\bexclude\b|\blimit\b|\bilike\b|\btop\s+\d|\bgroup by all\b|//|`|\[\s*\d")


def test_models_call_functions_that_their_engines_share(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        sql = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", " x ", node["raw_code"], flags=re.DOTALL)
        sql = re.sub(r"'[^']*'", "''", re.sub(r"--.*", "", sql)).lower()
        called = set(re.findall(r"\b([a-z_0-9]+)\s*\(", sql)) - KEYWORDS
        shared = WAREHOUSE_ENGINES if node["group"] == "warehouse" else EVERY_ENGINE
        assert called <= shared, f"{node['name']} calls {called - shared}: put it into a dispatched macro"
        assert not DIALECT.search(sql), f"{node['name']}: {DIALECT.search(sql)}"


def test_every_dispatched_macro_is_tested_on_its_engines(manifest: dict[str, Any]) -> None:
    """A macro of several engines is in the tests of each: run on DuckDB and Spark, read for SQL Server."""
    dispatched = re.compile(r"adapter\.dispatch\('(\w+)'")
    own = [m["macro_sql"] for m in manifest["macros"].values() if m["package_name"] == "retail_demand"]
    names = {name for sql in own for name in dispatched.findall(sql)}
    assert len(names) > 4
    tests = PROJECT.parent / "tests"
    local = (tests / "dbt_project" / "test_macros.py").read_text() + (
        tests / "dbt_project" / "test_operations.py"
    ).read_text().replace("load_raw_tables", "raw_table_statements")
    spark = (tests / "spark" / "test_macros.py").read_text()
    # A call, in a query or by `dbt run-operation`; a name in a sentence is none.
    call = re.compile(r"(?:\{\{[^}]*?\b|run-operation\", \")(\w+)(?=\(|\")")
    assert names - SERVING_MACROS - set(call.findall(local)) == set()
    # No open Spark has read_files or COPY INTO; nobody unpivots or digests on SQL Server.
    assert names - SERVING_MACROS - set(call.findall(spark)) == {"raw_table_statements"}


SERVING_MACROS = {"refresh_in_place"}
"""Macros of settings that only SQL Server has: test_azure_sql sees what the adapter makes of them."""


def test_incremental_models_say_how(models: dict[str, dict[str, Any]], manifest: dict[str, Any]) -> None:
    """A deliberate answer to new columns, a unit test, and a hook that deletes the rows that the query replaces."""
    incremental = [node for node in models.values() if node["config"]["materialized"] == "incremental"]
    assert len(incremental) >= 8
    unit_tested = {unit["model"] for unit in manifest["unit_tests"].values()}
    for node in incremental:
        name, config = node["name"], node["config"]
        assert config["on_schema_change"] == "fail", name
        assert name in unit_tested, name
        assert "updated_at" in node["columns"], name
        if name == "int_series_versions":  # what tells the others what changed
            assert config["incremental_strategy"] == "merge", name
            continue
        hooks = " ".join(hook["sql"] for hook in config["pre-hook"])
        assert config["incremental_strategy"] == "append", name
        assert "delete_changes(" in hooks, name
        assert ("delete_outdated_as_of_days(" in hooks) == ("as_of_date" in node["columns"]), name


def test_no_model_of_the_warehouse_depends_on_forecasts(manifest: dict[str, Any]) -> None:
    """One way, no cycles: what the model learns from never comes from what it published."""
    parents = manifest["parent_map"]

    def ancestors(unique_id: str) -> set[str]:
        above: set[str] = set()
        for parent in parents.get(unique_id, []):
            above |= {parent} | ancestors(parent)
        return above

    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] == "model" and node["group"] == "warehouse":
            assert not [a for a in ancestors(unique_id) if ".predictions." in a or "stg_predictions" in a], unique_id


def test_every_raw_source_has_freshness(manifest: dict[str, Any]) -> None:
    fresh = {s["name"]: s["freshness"] for s in manifest["sources"].values()}
    for name in ("calendar", "sales_train_evaluation", "sell_prices", "model_runs", "forecasts"):
        assert fresh[name]["warn_after"]["count"], name
        assert fresh[name]["error_after"]["count"], name


def test_every_model_is_in_a_group_and_a_zone(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        assert node["group"] in {"warehouse", "serving"}, node["name"]
        assert node["config"]["tags"] == [node["group"]], node["name"]


def test_exposures_hang_on_tables(manifest: dict[str, Any]) -> None:
    exposures = {e["name"]: e["depends_on"]["nodes"] for e in manifest["exposures"].values()}
    assert set(exposures) == {"forecaster", "forecast_api", "planner_dashboard", "planning_reports", "run_audit"}
    for name, parents in exposures.items():
        assert parents, name
        for parent in parents:
            node = manifest["nodes"].get(parent)
            assert node is None or node["config"]["materialized"] != "view", f"{name}: {parent}"


def test_every_mart_is_used(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    for unique_id, node in models.items():
        if node["path"].startswith("staging/predictions/"):
            continue  # a source's tables are staged as a whole
        users = [c for c in manifest["child_map"][unique_id] if c.split(".")[0] in {"model", "exposure"}]
        assert users, f"{node['name']} feeds no model and no exposure"


def test_one_yaml_a_model() -> None:
    for path in (PROJECT / "models").rglob("*.sql"):
        assert path.with_suffix(".yml").exists(), path.name


def test_words_of_the_source_stay_with_it() -> None:
    words = re.compile(r"\bsnap(_\w*)?\b|wm_yr_wk|\b(state|dept|cat)_id\b|\bd_1\b|sell_price", re.IGNORECASE)
    for path in sorted(PROJECT.rglob("*")):
        relative = path.relative_to(PROJECT)
        own = relative.parts[:2] == ("seeds", "m5") or relative.parts[:3] == ("models", "staging", "m5")
        if path.is_file() and path.suffix in {".sql", ".yml", ".csv"} and not own:
            assert not words.search(path.read_text()), relative


def test_generic_tests_end_in_their_errors() -> None:
    for path in (PROJECT / "tests").rglob("*.sql"):
        text = path.read_text().replace("{% endtest %}", "").strip()
        assert text.endswith("select * from validation_errors"), path.name


def test_models_use_no_select_distinct_star_or_upper_case_keywords() -> None:
    keywords = re.compile(r"\b(SELECT|FROM|WHERE|JOIN|GROUP BY|ORDER BY|CASE|WHEN|AND)\b")
    for path in [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "macros").rglob("*.sql")]:
        assert not keywords.search(without_comments(path)), path.name


def without_comments(path: Path) -> str:
    """SQL of a file without `{# #}` and `--` comments."""
    return re.sub(r"--.*", "", re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL))
