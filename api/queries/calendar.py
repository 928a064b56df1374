"""Events and regional flags."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from sqlalchemy import Connection, select

from api.schemas.places import Calendar, CalendarDay
from models_ml.prediction_store.schema import calendar_days, calendar_region_flags


def calendar(connection: Connection, *, start: date | None, end: date | None, region_id: str | None) -> Calendar:
    """Days from `start` to `end` that were published, with their events and flags."""
    wanted = select(calendar_days).order_by(calendar_days.c.date)
    flags = select(calendar_region_flags.c.date, calendar_region_flags.c.region_id).where(
        calendar_region_flags.c.regional_flag == 1
    )
    if start is not None:
        wanted = wanted.where(calendar_days.c.date >= start)
        flags = flags.where(calendar_region_flags.c.date >= start)
    if end is not None:
        wanted = wanted.where(calendar_days.c.date <= end)
        flags = flags.where(calendar_region_flags.c.date <= end)
    if region_id is not None:
        flags = flags.where(calendar_region_flags.c.region_id == region_id)
    flagged: dict[date, list[str]] = defaultdict(list)
    for day, region in connection.execute(flags.order_by(calendar_region_flags.c.region_id)):
        flagged[day].append(region)
    return Calendar(
        days=[
            CalendarDay(
                date=row.date,
                weekday_name=row.weekday_name,
                event_name=row.event_name,
                flagged_regions=flagged.get(row.date, []),
            )
            for row in connection.execute(wanted)
        ]
    )
