from __future__ import annotations

import httpx
import pytest

from .conftest import HISTORY, HORIZON, assert_problem


def test_all_days_of_history_and_horizon(client: httpx.Client) -> None:
    assert len(client.get("/calendar").json()["days"]) == HISTORY + HORIZON


def test_events_and_flags(client: httpx.Client) -> None:
    days = client.get("/calendar", params={"start": "2016-05-30", "end": "2016-06-01"}).json()["days"]
    assert days == [
        {"date": "2016-05-30", "weekday_name": "Monday", "event_name": "MemorialDay", "flagged_regions": []},
        {"date": "2016-05-31", "weekday_name": "Tuesday", "event_name": None, "flagged_regions": []},
        {"date": "2016-06-01", "weekday_name": "Wednesday", "event_name": None, "flagged_regions": ["CA"]},
    ]
    days = client.get("/calendar", params={"start": "2016-06-01", "region_id": "TX"}).json()["days"]
    assert all(day["flagged_regions"] == [] for day in days)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "tomorrow"},
        {"start": "0"},
        {"end": "20160101"},
        {"end": "1e9"},
        {"end": "2016-02-30"},
        {"day": "2016-01-01"},
    ],
)
def test_wrong_dates_are_refused(client: httpx.Client, wrong: dict[str, str]) -> None:
    assert_problem(client.get("/calendar", params=wrong), 422, "invalid-request")


def test_an_end_before_the_start_is_refused(client: httpx.Client) -> None:
    answer = client.get("/calendar", params={"start": "2016-06-01", "end": "2016-05-01"})
    assert_problem(answer, 422, "invalid-request")
