"""The unmodified dbt-databricks adapter builds the warehouse zone on Delta tables of a local Spark."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.spark.parity import differences
from tests.spark.project import Warehouse

pytestmark = pytest.mark.spark

MARTS = ["core.fct_daily_sales", "features.fct_series_features", "features.fct_node_features"]


def test_everything_is_built_and_tested(built: Warehouse) -> None:
    results = Counter((r["unique_id"].split(".")[0], r["status"]) for r in built.artefact("run_results")["results"])
    assert {status for _, status in results} <= {"success", "pass", "no-op"}
    assert results["model", "success"] >= 25
    assert results["test", "pass"] >= 150
    assert results["unit_test", "pass"] >= 20


def test_models_are_delta_tables_as_the_contract_says(built: Warehouse) -> None:
    for node in built.models():
        relation = f"{node['schema']}.{node['alias']}"
        columns = {field.name: field.dataType.simpleString() for field in built.spark.table(relation).schema}
        expected = {name: column["data_type"].replace("integer", "int") for name, column in node["columns"].items()}
        assert columns == expected, relation
        if node["config"]["materialized"] != "view":
            (detail,) = built.spark.sql(f"describe detail {relation}").collect()
            assert detail.format == "delta", relation


@pytest.mark.parametrize("relation", MARTS)
def test_big_facts_are_clustered_by_what_readers_ask_for(built: Warehouse, relation: str) -> None:
    (node,) = (n for n in built.models() if f"{n['schema']}.{n['alias']}" == relation)
    (detail,) = built.spark.sql(f"describe detail {relation}").collect()
    assert detail.clusteringColumns == node["config"]["liquid_clustered_by"]


def test_docs_describe_every_model(built: Warehouse) -> None:
    built.dbt("docs", "generate", "--selector", "warehouse", "--no-compile")
    catalog = built.artefact("catalog")
    assert not catalog["errors"]
    for node in built.models():
        assert list(catalog["nodes"][node["unique_id"]]["columns"]) == list(node["columns"]), node["name"]
    assert len(catalog["sources"]) == 3


def test_raw_tables_are_fresh(built: Warehouse) -> None:
    built.dbt("source", "freshness", "--selector", "warehouse")


def test_a_build_without_news_merges_nothing(built: Warehouse) -> None:
    before = {relation: built.rows(relation) for relation in MARTS}
    built.dbt("run", "--select", *(relation.split(".")[1] for relation in MARTS))
    for relation, rows in before.items():
        assert differences(rows, built.rows(relation)) == [], relation
