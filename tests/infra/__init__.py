"""Tests of what runs on Azure: the lake, Terraform, Data Factory, the Databricks bundle, Azure ML."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"
