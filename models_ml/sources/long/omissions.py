"""What a source leaves out, because its tables have no such columns, levels or days."""

# ruff: noqa: S608 - names come from this package
from __future__ import annotations

from collections.abc import Iterator

from models_ml.sources.long.config import SourceConfig
from models_ml.sources.long.session import Session


def left_out(connection: Session, config: SourceConfig, schema: str) -> Iterator[str]:
    """Features and levels that this source cannot have, each with the reason.

    Args:
        connection: to the database that the source's raw tables are in.
        config: of the source.
        schema: of the raw tables.
    """
    if config.prices is None and config.sales.price is None:
        yield "price features, revenue: there are no prices"
    if config.events is None:
        yield "event features: there is no table of events"
    if config.regional_flags is None:
        yield "the regional flag: there is no table of flags"
    if not config.regressors:
        yield "promotions and other columns: none is declared"
    same = connection.execute(
        f"select level_name, same_as from {schema}.levels where same_as is not null order by level"
    ).fetchall()
    if same:
        yield "levels: " + ", ".join(f"{name} (the same as {other})" for name, other in same)
    days = connection.execute(f"select date_diff('day', min(date), max(date)) + 1 from {schema}.sales").fetchone()
    if days is not None and days[0] < 400:
        yield f"last year's features: {days[0]} days of history are less than thirteen months"
