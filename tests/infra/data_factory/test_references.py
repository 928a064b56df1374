"""Every name that a file of infra/data_factory uses is defined: in another file, in Terraform, or in the pipeline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from tests.api.conftest import make_run
from tests.infra import INFRA

pytestmark = pytest.mark.infra

FILES = {
    (path.parent.name, path.stem): json.loads(path.read_text())["properties"]
    for path in sorted((INFRA / "data_factory").glob("*/*.json"))
}
MODULE = (INFRA / "terraform" / "modules" / "data_factory" / "main.tf").read_text()
KINDS = {
    "LinkedServiceReference": "linkedService",
    "DatasetReference": "dataset",
    "PipelineReference": "pipeline",
}
IN_TERRAFORM = {
    "CredentialReference": set(
        re.findall(r'"azurerm_data_factory_credential_\w+" "\w+" \{\n  name +=\s"(\w+)"', MODULE)
    ),
    "IntegrationRuntimeReference": set(
        re.findall(r'"azurerm_data_factory_integration_runtime_azure" "\w+" \{\n  name +=\s"(\w+)"', MODULE)
    ),
}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a value, at any depth."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


def strings(value: Any) -> Iterator[str]:
    """Every text in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def scopes(activities: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Lists of activities that see each other: a pipeline's, and those inside a loop or a condition."""
    yield activities
    for activity in activities:
        for key in ("activities", "ifTrueActivities", "ifFalseActivities"):
            if key in activity["typeProperties"]:
                yield from scopes(activity["typeProperties"][key])


def pipelines() -> list[tuple[str, dict[str, Any]]]:
    return [(name, content) for (kind, name), content in FILES.items() if kind == "pipeline"]


def test_references_lead_to_files_or_to_terraform() -> None:
    seen = set()
    for (kind, name), content in FILES.items():
        for one in objects(content):
            if "referenceName" not in one:
                continue
            seen.add(one["type"])
            if one["type"] in KINDS:
                target = FILES.get((KINDS[one["type"]], one["referenceName"]))
                assert target is not None, f"{kind} {name}: no {one['type']} {one['referenceName']}"
                given, known = set(one.get("parameters", {})), set(target.get("parameters", {}))
                assert given <= known, f"{kind} {name}: {one['referenceName']} has no parameter {given - known}"
                if one["type"] != "PipelineReference":
                    assert given == known, f"{kind} {name}: {one['referenceName']} misses {known - given}"
            else:
                assert one["referenceName"] in IN_TERRAFORM[one["type"]], f"{kind} {name}: {one}"
    assert seen == {*KINDS, *IN_TERRAFORM}


def test_child_pipelines_get_parameters_that_they_have() -> None:
    called = 0
    for _, content in pipelines():
        for one in objects(content):
            if one.get("type") == "ExecutePipeline":
                child = FILES["pipeline", one["typeProperties"]["pipeline"]["referenceName"]]
                required = {name for name, p in child["parameters"].items() if "defaultValue" not in p}
                assert required <= set(one["typeProperties"]["parameters"]) <= set(child["parameters"])
                called += 1
    assert called == 2


def test_activities_follow_activities_that_exist_and_never_in_a_circle() -> None:
    for name, content in pipelines():
        for scope in scopes(content["activities"]):
            names = [activity["name"] for activity in scope]
            assert len(set(names)) == len(names), name
            done: set[str] = set()
            for _ in scope:
                done |= {a["name"] for a in scope if {d["activity"] for d in a["dependsOn"]} <= done}
            assert done == set(names), f"{name}: {set(names) - done} wait for what never comes"


def test_expressions_speak_of_what_there_is() -> None:
    known_globals = set(re.findall(r"^    (\w+) += \{ type = ", MODULE, re.M))
    for (kind, name), content in FILES.items():
        parameters = set(content.get("parameters", {}))
        activities = {one["name"] for one in objects(content) if "typeProperties" in one and "name" in one}
        for text in strings(content):
            assert not text.startswith("["), f"{kind} {name}: ARM would take {text} for an expression of its own"
            if "@" not in text:
                continue
            assert set(re.findall(r"globalParameters\.(\w+)", text)) <= known_globals, text
            assert (
                set(re.findall(r"(?:pipeline\(\)\.parameters|dataset\(\)|linkedService\(\))\.(\w+)", text))
                <= parameters
            ), text
            assert set(re.findall(r"activity\('(\w+)'\)", text)) <= activities, text
            assert set(re.findall(r"variables\('(\w+)'\)", text)) <= set(content.get("variables", {})), text
            assert text.count("(") == text.count(")"), text


def test_every_global_parameter_is_used() -> None:
    known = set(re.findall(r"^    (\w+) += \{ type = ", MODULE, re.M))
    used = {
        name
        for content in FILES.values()
        for text in strings(content)
        for name in re.findall(r"globalParameters\.(\w+)", text)
    }
    assert used == known
    assert len(known) >= 7


def test_every_sign_in_is_by_managed_identity() -> None:
    for (kind, name), content in FILES.items():
        for one in objects(content):
            if kind == "linkedService":
                assert content["typeProperties"]["credential"]["referenceName"] == "orchestration"
            if "authentication" in one:
                assert one["authentication"]["type"] == "UserAssignedManagedIdentity", name
            assert not {"password", "accountKey", "accessToken", "sasUri", "connectionString"} & set(one), name


def reached(conditions: set[str]) -> set[str]:
    """Activities of the main pipeline that run when each one that is not told about ends in one of `conditions`."""
    activities = FILES["pipeline", "demand-forecast"]["activities"]
    state: dict[str, str] = {}
    for _ in activities:
        for activity in activities:
            name = activity["name"]
            if name in state or any(d["activity"] not in state for d in activity["dependsOn"]):
                continue
            runs = all(
                state[d["activity"]] in d["dependencyConditions"]
                or ("Completed" in d["dependencyConditions"] and state[d["activity"]] != "Skipped")
                for d in activity["dependsOn"]
            )
            state[name] = ("Failed" if name in conditions else "Succeeded") if runs else "Skipped"
    return {name for name, how in state.items() if how != "Skipped"}


MAIN_LINE = ["Files", "Forecast", "LookAtStore", "QualityGate", "ServingReports"]


def test_when_all_goes_well_the_operators_hear_of_it() -> None:
    assert reached(set()) == {*MAIN_LINE, "Drift", "ChannelForSuccess", "TellSuccess"}


@pytest.mark.parametrize("failing", MAIN_LINE)
def test_wherever_it_fails_nothing_goes_on_and_the_run_fails(failing: str) -> None:
    done = reached({failing})
    before = MAIN_LINE[: MAIN_LINE.index(failing) + 1]
    assert done - {"Drift"} == {*before, "ChannelForFailure", "TellFailure", "PipelineFailed"}
    assert ("Drift" in done) == ("ServingReports" in before)


@pytest.mark.parametrize("channel", ["ChannelForFailure", "TellFailure"])
def test_a_failure_that_cannot_be_told_is_a_failed_run(channel: str) -> None:
    """The pipeline's own state is that of its last activities: a failed or skipped one fails the run."""
    done = reached({"Forecast", channel})
    assert channel in done
    assert "TellSuccess" not in done


def test_jobs_that_are_started_are_in_the_bundle() -> None:
    bundle = (INFRA / "databricks" / "resources" / "demand_forecast.yml").read_text()
    started = {
        one["typeProperties"]["parameters"]["job"]
        for one in objects(FILES["pipeline", "demand-forecast"])
        if one.get("type") == "ExecutePipeline"
    }
    assert started == {"demand-forecast", "demand-serving"}
    assert started <= set(re.findall(r"^      name: (\S+)$", bundle, re.M))


def test_trigger_is_weekly_and_gives_parameters_that_exist() -> None:
    trigger = FILES["trigger", "weekly"]
    [pipeline] = trigger["pipelines"]
    assert set(pipeline["parameters"]) <= set(FILES["pipeline", "demand-forecast"]["parameters"])
    assert trigger["typeProperties"]["recurrence"]["frequency"] == "Week"
    assert FILES["pipeline", "demand-forecast"]["concurrency"] == 1


def asked_of(engine: Engine) -> dict[str, int]:
    """What the gate's query gives on a store (its tables are Azure SQL's schema dbo there)."""
    [query] = [text for text in strings(FILES["pipeline", "demand-forecast"]) if text.startswith("select")]
    with engine.connect() as connection:
        return dict(connection.exec_driver_sql(query.replace("dbo.", "")).mappings().one())


def test_gate_asks_what_is_served_whoever_published_it(tmp_path: Path) -> None:
    """The same run published again keeps its time and moves no pointer, and is served all the same."""
    engine = make_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    upgrade(engine)
    assert asked_of(engine) == {"stores": 0, "broken": 0, "alarms": 0}, "nothing is served: the gate fails"
    made = make_run(1)
    for _ in range(2):
        publish(engine, made.run, made.frames)
        assert asked_of(engine) == {"stores": len(made.run.scope), "broken": 0, "alarms": 0}
    with engine.begin() as connection:
        connection.exec_driver_sql("delete from forecasts where store_id = ?", (made.run.scope[0],))
    assert asked_of(engine)["broken"] == 1
    engine.dispose()


def test_only_the_examples_files_are_copied() -> None:
    """The source long reads the retailer's own tables where they are."""
    [files] = [a for a in FILES["pipeline", "demand-forecast"]["activities"] if a["name"] == "Files"]
    assert files["typeProperties"]["expression"]["value"] == "@equals(pipeline().globalParameters.source, 'm5')"
    assert [a["name"] for a in files["typeProperties"]["ifTrueActivities"]] == ["WaitForFiles", "CopyRawFiles"]
    assert "ifFalseActivities" not in files["typeProperties"]


def test_alarms_speak_of_activities_that_exist() -> None:
    alarms = (INFRA / "terraform" / "modules" / "alerts" / "main.tf").read_text()
    names = {one["name"] for content in FILES.values() for one in objects(content) if "typeProperties" in one
             and "name" in one}  # fmt: skip
    asked = set(re.findall(r'ActivityName == "(\w+)"', alarms))
    assert asked == {"JobFailed", "TellDrift"} <= names
    assert set(re.findall(r'PipelineName == "([\w-]+)"', alarms)) <= {
        name for kind, name in FILES if kind == "pipeline"
    }
    tasks = (INFRA / "databricks" / "resources" / "demand_forecast.yml").read_text()
    assert set(re.findall(r"task_key: (check_\w+)", tasks)) == {"check_marts", "check_store"}
    assert 'ErrorMessage has "check_"' in alarms
