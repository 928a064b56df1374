"""What must hold in the database before a run may be published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import Connection, Select, and_, func, or_, select

from models_ml.errors import PublishError
from models_ml.prediction_store.digest import DIGESTED, Digest, stored_digest
from models_ml.prediction_store.frames import FRAME_TABLES
from models_ml.prediction_store.records import RunRecord
from models_ml.prediction_store.schema import (
    forecasts,
    node_forecasts,
    run_nodes,
    run_series,
    staged_sales_history,
)

BY_RUN = {table.name: table for table in (*FRAME_TABLES.values(), staged_sales_history) if "run_id" in table.columns}
"""Tables whose rows belong to the run that is published."""


def verify(connection: Connection, run: RunRecord, sent: Digest, counts: Mapping[str, int]) -> str:
    """Check the staged rows of a run against what was sent, all in the database; returns the checksum.

    Bounds and quantile order are constraints of the tables. Checked here: every row arrived with its values
    (counts, sums by store and column), every series and node has each step of the horizon once and no other,
    no forecast is without its series or node, every store of the scope has series.

    Args:
        counts: rows sent by frame name.

    Raises:
        PublishError: listing all that does not hold.
    """
    problems = []
    held = stored_digest(connection, run.run_id)
    for name, table in BY_RUN.items():
        if name in DIGESTED:  # counted by the digest
            continue
        stored = connection.execute(
            select(func.count()).select_from(table).where(table.c.run_id == run.run_id)
        ).scalar_one()
        if stored != counts.get(name, 0):
            problems.append(f"{name}: {counts.get(name, 0)} rows sent, {stored} stored")

    problems.extend(sent.differences(held))

    for name, query in (("forecasts", series_query(run)), ("node_forecasts", nodes_query(run))):
        bad = connection.execute(query).all()
        problems.extend(
            f"{name}: {' '.join(str(part) for part in row[:-3])} has {row[-3] or 0} of "
            f"{run.steps} {'days' if run.step_days == 1 else 'weeks'} (from {row[-2]} to {row[-1]})"
            for row in bad
        )

    # With complete series, the count leaves no room for rows that belong to none.
    for name, parent in (("forecasts", "run_series"), ("node_forecasts", "run_nodes")):
        expected = counts.get(parent, 0) * run.steps
        if held.rows(name) != expected:
            problems.append(f"{name}: {held.rows(name)} rows, but {parent} x horizon are {expected}")

    absent = sorted(set(run.scope) - held.stores())
    if absent:
        problems.append(f"no forecasts for {', '.join(absent)} of the scope")
    if problems:
        listed = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise PublishError(
            f"{run.run_id} failed its check in the store and was not published: {listed}. "
            "The run served before is still served."
        )
    return held.checksum()


def first_and_last(run: RunRecord) -> tuple[date, date]:
    """The first days of the first and of the last step of the horizon."""
    return run.origin + timedelta(days=1), run.origin + timedelta(days=run.horizon_days - run.step_days + 1)


def series_query(run: RunRecord, limit: int = 5) -> Select[tuple[str, str, int, object, object]]:
    """Series whose steps are not exactly the horizon."""
    first, last = first_and_last(run)
    days = (
        select(
            forecasts.c.store_id,
            forecasts.c.item_id,
            func.count().label("days"),
            func.min(forecasts.c.target_date).label("first"),
            func.max(forecasts.c.target_date).label("last"),
        )
        .where(forecasts.c.run_id == run.run_id)
        .group_by(forecasts.c.store_id, forecasts.c.item_id)
        .subquery()
    )
    return (
        select(run_series.c.store_id, run_series.c.item_id, days.c.days, days.c.first, days.c.last)
        .select_from(
            run_series.outerjoin(
                days,
                and_(run_series.c.store_id == days.c.store_id, run_series.c.item_id == days.c.item_id),
            )
        )
        .where(
            run_series.c.run_id == run.run_id,
            or_(
                days.c.days.is_(None),
                days.c.days != run.steps,
                days.c.first != first,
                days.c.last != last,
            ),
        )
        .order_by(run_series.c.store_id, run_series.c.item_id)
        .limit(limit)
    )


def nodes_query(run: RunRecord, limit: int = 5) -> Select[tuple[str, int, object, object]]:
    """Nodes whose steps are not exactly the horizon."""
    first, last = first_and_last(run)
    days = (
        select(
            node_forecasts.c.node_id,
            func.count().label("days"),
            func.min(node_forecasts.c.target_date).label("first"),
            func.max(node_forecasts.c.target_date).label("last"),
        )
        .where(node_forecasts.c.run_id == run.run_id)
        .group_by(node_forecasts.c.node_id)
        .subquery()
    )
    return (
        select(run_nodes.c.node_id, days.c.days, days.c.first, days.c.last)
        .select_from(run_nodes.outerjoin(days, run_nodes.c.node_id == days.c.node_id))
        .where(
            run_nodes.c.run_id == run.run_id,
            or_(
                days.c.days.is_(None),
                days.c.days != run.steps,
                days.c.first != first,
                days.c.last != last,
            ),
        )
        .order_by(run_nodes.c.node_id)
        .limit(limit)
    )
