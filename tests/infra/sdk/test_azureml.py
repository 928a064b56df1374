"""Azure ML's files, loaded and validated by its own library."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.infra import INFRA

warnings.simplefilter("ignore")
from azure.ai.ml import load_component, load_compute, load_environment, load_job  # noqa: E402
from azure.ai.ml.entities import PipelineJob  # noqa: E402

pytestmark = [pytest.mark.infra, pytest.mark.filterwarnings("ignore")]

FOLDER = INFRA / "azureml"


@pytest.fixture(scope="module")
def pipeline() -> PipelineJob:
    return load_job(FOLDER / "pipeline.yml")


def test_pipeline_is_valid(pipeline: PipelineJob) -> None:
    result = pipeline._validate(raise_error=False)
    assert result.passed, result.error_messages
    assert list(pipeline.jobs) == ["train", "publish"]
    assert pipeline.settings.default_compute == "training"


def test_publish_gets_what_train_left(pipeline: PipelineJob) -> None:
    written = pipeline._to_dict()["jobs"]
    assert written["publish"]["inputs"]["home"]["path"] == "${{parent.jobs.train.outputs.home}}"
    for step in pipeline.jobs.values():
        known = set(step.component.inputs)
        required = {
            name for name, one in step.component.inputs.items() if not one.optional and one.get("default") is None
        }
        assert required <= set(step.inputs) <= known


@pytest.mark.parametrize("name", ["train", "publish"])
def test_component_runs_the_same_command_as_everywhere(name: str) -> None:
    component = load_component(FOLDER / f"{name}.yml")
    assert component._validate(raise_error=False).passed
    assert f"demand {name}" in component.command
    used = set(re.findall(r"\$\{\{inputs\.(\w+)\}\}", component.command))
    assert used == set(component.inputs)
    assert component.environment == "azureml:retail-demand@latest" or component.environment.endswith("@latest")


def test_environment_is_the_image() -> None:
    environment = load_environment(FOLDER / "environment.yml")
    assert environment.name == "retail-demand"
    assert environment.image == "REGISTRY/retail-demand-api:TAG"


def test_cluster_scales_to_zero_and_is_private() -> None:
    compute = load_compute(FOLDER / "compute.yml")
    assert compute.name == "training"
    assert compute.min_instances == 0
    assert compute.idle_time_before_scale_down == 300
    assert compute.enable_node_public_ip is False


def test_nothing_is_submitted_that_nobody_fills_in(pipeline: PipelineJob) -> None:
    """A shell's `${NAME}` in a file is passed on as it is; the README gives each input that has no value."""
    for path in FOLDER.glob("*.yml"):
        assert not re.search(r"(?<!\$)\$\{(?!\{)", path.read_text()), path.name
    given = set(re.findall(r"inputs\.(\w+)=", (INFRA / "README.md").read_text()))
    empty = {name for name, value in pipeline.inputs.items() if value._data == ""}
    assert empty - {"stores", "origin"} == given


def test_models_are_registered_where_mlflow_3_can() -> None:
    for name in ("train", "publish"):
        registry = "MLFLOW_REGISTRY_URI=databricks-uc"  # pragma: allowlist secret
        assert registry in load_component(FOLDER / f"{name}.yml").command


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("pipeline.yml", "type: pipeline", "type: pipline"),
        ("train.yml", "type: uri_folder", "type: uri_foldr"),
        ("compute.yml", "min_instances: 0", "min_instances: none"),
    ],
)
def test_a_mistake_is_found(tmp_path: Path, file: str, before: str, after: str) -> None:
    loaders: dict[str, Any] = {"pipeline.yml": load_job, "train.yml": load_component, "compute.yml": load_compute}
    text = (FOLDER / file).read_text()
    assert before in text
    (tmp_path / file).write_text(text.replace(before, after, 1))
    with pytest.raises(Exception, match=r"(?i)valid|type"):
        loaders[file](tmp_path / file)
