"""Stores, departments and the calendar."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.base import CategoryId, DepartmentId, RegionId, RunRef, Schema, StoreId


class Store(Schema):
    """A store with a served run."""

    store_id: StoreId
    region_id: RegionId
    series_count: int
    departments: list[DepartmentId]
    run: RunRef


class StoreList(Schema):
    """Served stores in order of name."""

    stores: list[Store]


class Department(Schema):
    """A department of at least one served store."""

    department_id: DepartmentId
    category_id: CategoryId
    series_count: int
    stores: list[StoreId]


class DepartmentList(Schema):
    """Departments in order of name."""

    departments: list[Department]


class CalendarDay(Schema):
    """One day with its events and flags."""

    date: date
    weekday_name: str = Field(examples=["Saturday"])
    event_name: str | None = Field(examples=["SuperBowl"])
    flagged_regions: list[RegionId] = Field(description="Regions with the flag set on that day.")


class Calendar(Schema):
    """Days of the published history and of the horizon."""

    days: list[CalendarDay]
