"""Drift, live accuracy and alarms."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import RunId, Schema


class MonitorAlarm(Schema):
    """A metric that was out of bounds in too many recent weeks."""

    metric: str
    subject: str = Field(description="A node: `total` or `department:<id>`.")
    bad_weeks: int
    weeks: int = Field(description="Evaluated weeks.")
    last_week: date = Field(description="Last day of the newest evaluated week.")
    message: str
    raised_at: AwareDatetime
    cleared_at: AwareDatetime | None = Field(description="Null while the alarm is active.")


class MonitorWeek(Schema):
    """One metric of one week."""

    metric: str
    subject: str
    period_end: date = Field(description="Last day of the week.")
    run_id: RunId | None = Field(description="The evaluated run; null for drift.")
    value: float
    low: float | None = Field(description="Lower bound; null: unbounded.")
    high: float | None = Field(description="Upper bound; null: unbounded.")
    bad: bool


class Monitoring(Schema):
    """Active and recently cleared alarms, and the latest weeks, out-of-bounds weeks first."""

    status: Literal["passed", "alarm", "unknown"]
    measured_at: AwareDatetime | None
    alarms: list[MonitorAlarm]
    weeks: list[MonitorWeek]
