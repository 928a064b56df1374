"""`monitor` on a warehouse and a store: what it measures, when it raises an alarm, and that it may be repeated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models_ml.errors import InputError
from models_ml.monitoring import accuracy, drift, watches
from models_ml.monitoring.alarms import WORDS
from models_ml.monitoring.run import Monitored, monitor
from models_ml.monitoring.watches import read_watches, watches_path
from models_ml.settings import Settings

Build = Callable[..., Any]


def query(settings: Settings, sql: str) -> list[tuple]:
    with sqlite3.connect(settings.home / "prediction_store.sqlite") as connection:
        return connection.execute(sql).fetchall()


def alarms(found: Monitored) -> set[tuple[str, str]]:
    return {(alarm.metric, alarm.subject) for alarm in found.alarms}


def test_accuracy_is_that_of_a_loop_over_days(build: Build) -> None:
    world = build()
    weeks = monitor(world.settings).weeks
    own = weeks[weeks["run_id"] == world.run_id].set_index(["metric", "subject", "period_end"])["value"]
    origin = date(2016, 4, 24)
    sold: dict[tuple[str, date], float] = {}
    for row in world.sales.itertuples():
        for node in ("total", f"department:{row.department_id}"):
            sold[node, row.date] = sold.get((node, row.date), 0.0) + row.units
    forecast = {(row.node_id, row.target_date): row for row in world.forecasts.itertuples()}
    checked = 0
    for node in ("total", "department:FOODS_1", "department:FOODS_2", "department:HOBBIES_1"):
        for week in range(4):
            errors, naive_errors, actuals, inside = [], [], [], []
            for day in range(7):
                target = origin + timedelta(days=7 * week + day + 1)
                made = forecast[node, target]
                errors.append(made.mean - sold[node, target])
                naive_errors.append(abs(sold[node, origin + timedelta(days=day - 6)] - sold[node, target]))
                actuals.append(sold[node, target])
                inside.append(made.q_0_025 <= sold[node, target] <= made.q_0_975)
            expected = {
                "wape": sum(map(abs, errors)) / sum(actuals),
                "wape_against_baseline": sum(map(abs, errors)) / sum(naive_errors),
                "bias": sum(errors) / sum(actuals),
                "coverage_95": sum(inside) / 7,
            }
            for metric, value in expected.items():
                assert own[metric, node, origin + timedelta(days=7 * week + 7)] == pytest.approx(value, rel=1e-9)
                checked += 1
    assert checked == len(own)


def test_clean_data_is_silent_and_recorded(build: Build) -> None:
    world = build()
    found = monitor(world.settings)
    assert found.alarms == ()
    assert found.runs == 1
    assert "no alarm" in found.text
    assert query(world.settings, "select count(*), sum(bad) from monitor_results")[0] == (len(found.weeks), 0)
    drift = query(world.settings, "select count(*) from monitor_results where metric like 'psi%' and run_id is null")
    assert drift == [(3 * 3 * 4,)]


def test_every_metric_has_words_for_a_planner() -> None:
    assert set(WORDS) == {*drift.METRICS, *accuracy.METRICS}


@pytest.mark.parametrize(("weeks", "raised"), [(1, False), (2, False), (3, True), (4, True)])
def test_drift_is_an_alarm_from_three_of_the_last_four_weeks_on(build: Build, weeks: int, raised: bool) -> None:
    found = monitor(build(FOODS_2=weeks).settings)
    assert found.weeks["bad"].sum() >= weeks
    expected = {("psi_units_mean_28", "department:FOODS_2")} if raised else set()
    assert {key for key in alarms(found) if key[0] == "psi_units_mean_28"} == expected
    assert {subject for _, subject in alarms(found)} <= {"department:FOODS_2"}


def test_forecasts_that_are_too_high_are_an_alarm_with_its_figures(build: Build) -> None:
    world = build(factor=1.4)
    found = monitor(world.settings)
    assert {"bias", "coverage_95", "wape_against_baseline"} <= {metric for metric, _ in alarms(found)}
    [alarm] = [a for a in found.alarms if (a.metric, a.subject) == ("bias", "total")]
    assert (alarm.bad_weeks, alarm.weeks, alarm.last_week) == (4, 4, date(2016, 5, 22))
    assert "total: forecasts were biased, in 4 of the last 4 weeks (bias " in alarm.message
    assert "at least -0.15 and at most 0.15 is good" in alarm.message


def test_the_same_again_changes_nothing_and_a_mended_cause_clears_the_alarm(build: Build) -> None:
    settings = build(FOODS_2=4).settings
    monitor(settings)
    everything = "select metric, subject, period_end, run_id, value, bad from monitor_results order by 1, 2, 3, 4"
    results = query(settings, everything)
    opened = query(settings, "select * from monitor_alarms")
    assert opened
    monitor(settings)
    assert query(settings, everything) == results
    assert query(settings, "select * from monitor_alarms") == opened

    monitor(build().settings)
    assert query(settings, "select count(*) from monitor_alarms where cleared_at is null") == [(0,)]
    assert query(settings, "select count(*) from monitor_alarms") == [(len(opened),)]
    monitor(build(FOODS_2=4).settings)
    again = query(settings, "select count(*) from monitor_alarms where cleared_at is null")
    assert again == [(len(opened),)]


def test_a_challenger_raises_no_alarm(build: Build) -> None:
    world = build(factor=1.4)
    with sqlite3.connect(world.settings.home / "prediction_store.sqlite") as connection:
        connection.execute("update model_runs set role = 'challenger'")
    found = monitor(world.settings)
    assert found.weeks["bad"].sum() > 0
    assert found.alarms == ()


def test_dry_run_says_and_records_no_alarm(build: Build) -> None:
    world = build(factor=1.4)
    own = world.settings.home / watches.OWN_FILE
    own.write_text('mode = "dry-run"\n[[watch]]\nmetric = "bias"\nmax = 0.15\n')
    found = monitor(world.settings)
    assert "no alarm" in found.text
    assert any(note.startswith("dry-run, would be an alarm: total: forecasts were biased") for note in found.notes)
    assert query(world.settings, "select count(*) from monitor_alarms") == [(0,)]
    own.write_text('mode = "disabled"\n[[watch]]\nmetric = "bias"\nmax = 0.15\n')
    assert monitor(world.settings).weeks.empty


def test_a_week_in_which_nothing_was_sold_has_no_shares(build: Build) -> None:
    from models_ml.monitoring.accuracy import weekly_accuracy

    world = build()
    days = pd.to_datetime(world.forecasts["target_date"])
    forecasts = world.forecasts.assign(
        run_id="r", role="champion", origin=pd.Timestamp(2016, 4, 24), published_at=pd.Timestamp(2016, 4, 25),
        step_days=1, scope=[("CA_1", "CA_2")] * len(days), target_date=days, low=np.nan, high=np.nan,
    )  # fmt: skip
    sales = world.sales.assign(date=pd.to_datetime(world.sales["date"]), units=0.0)
    assert weekly_accuracy(forecasts, sales, date(2016, 5, 22)).empty


def test_the_packages_thresholds_are_read() -> None:
    listed = read_watches(watches_path(Settings().home / "no such home"))
    assert {"psi_units_mean_28", "bias", "coverage_95", "wape", "wape_against_baseline"} <= {w.metric for w in listed}
    assert {(w.at_least, w.of_last) for w in listed} == {(3, 4)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mode = 1", "mode is 1"),
        ("speed = 3", "speed is unknown"),
        ('[[watch]]\nmetric = "luck"', "metric is 'luck'; it must be one of psi_units_mean_28"),
        ('[[watch]]\nmetric = "bias"\nmax = "high"', "max"),
        ('[[watch]]\nmetric = "bias"\nlimit = 1', "limit"),
        ('[[watch]]\nmetric = "bias"\nat_least = 5', "at_least 5 is more than of_last 4"),
        ("[[watch]", "Correct it"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Any, text: str, said: str) -> None:
    path = tmp_path / watches.OWN_FILE
    path.write_text(text)
    with pytest.raises(InputError, match=watches.OWN_FILE) as refused:
        read_watches(path)
    assert said in str(refused.value)
