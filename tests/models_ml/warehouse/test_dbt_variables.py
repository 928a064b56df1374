"""The variables that `demand` gives to dbt."""

from __future__ import annotations

import yaml

from models_ml.settings import Settings
from models_ml.warehouse.dbt import RECENT_WEEKS, project_file, project_variables


def test_the_fold_of_every_horizon_is_an_as_of_day() -> None:
    """An origin may be any weekday: the marts have features of so many weeks before it on that weekday."""
    own = yaml.safe_load(project_file("dbt_project.yml").read_text())["vars"]["as_of_recent_weeks"]
    assert own == RECENT_WEEKS
    for horizon in range(7, 85):
        weeks = project_variables(Settings(horizon_days=horizon)).get("as_of_recent_weeks", own)
        assert 7 * weeks >= horizon
    assert project_variables(Settings(source="long")) == {"source": "long"}
