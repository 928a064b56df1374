"""Drift, live accuracy and alarms."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import RunId, Schema


class MonitorAlarm(Schema):
    """A metric that was bad in too many of the last weeks."""

    metric: str
    subject: str = Field(description="A node: `total` or `department:<id>`.")
    bad_weeks: int
    weeks: int = Field(description="Weeks that were looked at.")
    last_week: date = Field(description="Last day of the newest of them.")
    message: str
    raised_at: AwareDatetime
    cleared_at: AwareDatetime | None = Field(description="Null while the alarm holds.")


class MonitorWeek(Schema):
    """One metric of one week."""

    metric: str
    subject: str
    period_end: date = Field(description="Last day of the week.")
    run_id: RunId | None = Field(description="The run whose forecasts were compared; null for drift.")
    value: float
    low: float | None = Field(description="Smallest good value; null is open.")
    high: float | None = Field(description="Largest good value; null is open.")
    bad: bool


class Monitoring(Schema):
    """Alarms that hold and those cleared lately, and the newest weeks; bad weeks first."""

    status: Literal["passed", "alarm", "unknown"]
    measured_at: AwareDatetime | None
    alarms: list[MonitorAlarm]
    weeks: list[MonitorWeek]
