"""Features, levels and sales that a source leaves out, with reasons."""

# ruff: noqa: S608 - names come from this package
from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from models_ml.sources.long.config import SourceConfig
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.raw_schema import SCHEMA, first
from models_ml.sources.long.session import Session

MOST_TOLD = 5


def left_out(connection: Session, config: SourceConfig, schema: str) -> Iterator[str]:
    """Features and levels that this source lacks, each with the reason.

    Args:
        connection: to the database with the source's raw tables.
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
        yield "promotions and other regressors: none is declared"
    same = connection.execute(
        f"select level_name, same_as from {schema}.levels where same_as is not null order by level"
    ).fetchall()
    if same:
        yield "levels: " + ", ".join(f"{name} (the same as {other})" for name, other in same)
    days = connection.execute(f"select date_diff('day', min(date), max(date)) + 1 from {schema}.sales").fetchone()
    if days is not None and days[0] < 400:
        yield f"last year's features: {days[0]} days of history are shorter than thirteen months"


def settled(raw: RawTables) -> Iterator[str]:
    """Sales excluded by rules of the configuration or their defaults."""
    config = raw.config
    if raw.cut is not None:
        yield (
            f"{config.grain}s after {raw.cut} are left out: nothing was sold anywhere, or they are incomplete "
            f"(`trailing_zeros: keep` and `last_day: keep` include them)."
        )
    days: dict[tuple[dt.date, dt.date], list[str]] = {}
    for closure in raw.closures:
        days.setdefault((closure.first, closure.last), []).append(closure.store_id)
    for (first_day, last_day), stores in list(days.items())[:MOST_TOLD]:
        yield (
            f"no sale at all from {first_day} to {last_day} in {len(stores)} store(s), such as {stores[0]}: read as a "
            "closure, not as zero demand (`closures: zero` overrules it)."
        )
    if len(days) > MOST_TOLD:
        yield f"{len(days) - MOST_TOLD} more closures like these."
    for check, reason in config.accept.items():
        yield f"{check} is accepted: {reason}"


def warnings(connection: Session, config: SourceConfig, horizon_days: int) -> Iterator[str]:
    """What is left out or guessed, and why."""
    left_out = first(
        connection,
        "select count(*), min(store_id), min(item_id) from ("
        f"select store_id, item_id from {SCHEMA}.sales group by all having not sum(greatest(units, 0)) > 0) as never",
    )
    if left_out is not None and left_out[0]:
        yield f"{left_out[0]} series never sold (such as {left_out[2]} in {left_out[1]}) and are left out."
    [(negative,)] = connection.execute(f"select count(*) from {SCHEMA}.sales where units < 0").fetchall()
    if negative:
        rows = negative // config.step_days  # a week is seven days here
        yield f"{rows:,} rows have negative units; a {config.grain} whose sum is below zero counts as zero."
    if config.prices is None and config.sales.price is None:
        yield "there are no prices: WRMSSE weighs by units, revenue is left out."
    ends = connection.execute(
        "select column_name, min(given_until) from (select * from"
        f" {SCHEMA}.declared_regressors where availability = 'known') as known cross join"
        f" (select max(date) + {horizon_days} as last_date from {SCHEMA}.sales) as horizon"
        " where given_until is null or given_until < last_date group by column_name order by column_name"
    ).fetchall()
    for column, until in ends:
        said = "no value" if until is None else f"values until {until}"
        yield (
            f"{column} has {said}: on later days to forecast it counts as usual. Give coming values by rows without "
            "units, or by the table `future`."
        )
