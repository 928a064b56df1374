"""What a source holds, before it is loaded for good: size, sparsity, demand classes, and what is left out."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from models_ml.evaluation.demand_class import ADI_CUT, CV2_CUT, NEW_DAYS
from models_ml.sources.loading import connected
from models_ml.sources.long.config import SourceConfig, config_path, read_config
from models_ml.sources.long.estimate import Size
from models_ml.sources.long.ingest import load, open_relations, refuse_unseen
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.omissions import left_out, settled, warnings
from models_ml.sources.long.picture import picture
from models_ml.sources.long.raw_schema import SCHEMA
from models_ml.sources.long.relations import attach
from models_ml.sources.long.session import DatabricksSession, Session, scratch


@dataclass(frozen=True)
class Profile:
    """A source in figures.

    Attributes:
        series, stores, items: how many have been sold.
        first_day, last_day: of the sales.
        series_days: days on sale of all series together.
        nodes: departments in stores.
        zero_share: share of them without a sale.
        classes: number of series by demand class.
        problems: what the user should know of the data.
        left_out: features and levels that cannot be, and why.
        picture: units by week and the largest series, in lines for a terminal.
    """

    series: int
    stores: int
    items: int
    first_day: dt.date
    last_day: dt.date
    series_days: int
    nodes: int
    zero_share: float
    classes: dict[str, int]
    problems: tuple[str, ...]
    left_out: tuple[str, ...]
    picture: tuple[str, ...] = ()

    @property
    def size(self) -> Size:
        """What the cost of a run follows from."""
        days = (self.last_day - self.first_day).days + 1
        return Size(self.series, self.series_days, self.nodes, self.nodes * days)


def check(source: Path, warehouse: Path, *, horizon_days: int, threads: int = 2) -> Profile:
    """Validate a source as its ingest would, profile it, and load nothing.

    Args:
        source: the YAML file, or its folder.
        warehouse: the DuckDB file, opened only if the configuration names tables in it.
        horizon_days: days that will be forecast.
        threads: DuckDB's threads.

    Raises:
        InputError: the configuration or a table is wrong.
    """
    config = read_config(source)
    with _forgetful(config, warehouse, threads) as connection:
        folder = config_path(source).resolve().parent
        attach(connection, config.databases, folder)
        relations = open_relations(connection, config, folder)
        connection.begin()
        try:
            raw = RawTables(config, relations)
            load(connection, raw)
            return profile(connection, raw, horizon_days)
        finally:
            connection.rollback()


def check_in_place(source: Path, session: DatabricksSession, *, horizon_days: int) -> Profile:
    """Validate and profile tables of a Databricks warehouse, through views that are dropped in the end.

    Raises:
        InputError: see `check`; or the configuration names files or databases, which the warehouse cannot see.
        WarehouseError: the warehouse refuses a statement.
    """
    config, path = read_config(source), config_path(source)
    refuse_unseen(path, config.tables.values(), config.databases)
    with scratch(session, SCHEMA) as views:
        raw = RawTables(config, open_relations(views, config, path.resolve().parent))
        load(views, raw)
        return profile(views, raw, horizon_days)


@contextmanager
def _forgetful(config: SourceConfig, warehouse: Path, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that forgets what is loaded: the warehouse itself only where tables of it are read."""
    if not config.reads_the_warehouse:
        with duckdb.connect(config={"threads": threads}) as connection:
            yield connection
    else:
        with connected(warehouse, 4.0, threads) as connection:
            yield connection


def profile(connection: Session, raw: RawTables, horizon_days: int) -> Profile:
    """Figures of what is in the raw tables now."""
    config = raw.config
    by_series = f"""
        with days as (
            select store_id, item_id, date, greatest(sum(units), 0) as units from {SCHEMA}.sales group by all
        ),
        sold as (
            select store_id, item_id, min(date) as launch, count(*) as sale_days, avg(units) as mean,
                var_pop(units) as variance
            from days where units > 0 group by all
        )
        select *, date_diff('day', launch, (select max(date) from days)) + 1 as days_on_sale from sold
    """
    row = connection.execute(
        f"select count(*), count(distinct store_id), count(distinct series.item_id), sum(days_on_sale),"
        f" count(distinct (store_id, department_id)), 1 - sum(sale_days) / sum(days_on_sale),"
        f" (select min(date) from {SCHEMA}.sales), (select max(date) from {SCHEMA}.sales) from ({by_series}) as series"
        f" join {SCHEMA}.items as items on series.item_id = items.item_id"
    ).fetchone()
    assert row is not None
    classes = connection.execute(
        f"""
        select case when days_on_sale < {NEW_DAYS} then 'new'
                when days_on_sale / sale_days < {ADI_CUT}
                    then case when variance / (mean * mean) < {CV2_CUT} then 'smooth' else 'erratic' end
                when variance / (mean * mean) < {CV2_CUT} then 'intermittent' else 'lumpy' end as class,
            count(*)
        from ({by_series}) as series group by all order by 2 desc, 1
        """
    ).fetchall()
    series, stores, items, series_days, nodes, zero_share, first_day, last_day = row
    return Profile(
        series=series,
        stores=stores,
        items=items,
        first_day=first_day,
        last_day=last_day,
        series_days=int(series_days),
        nodes=nodes,
        zero_share=float(zero_share),
        classes=dict(classes),
        problems=(*settled(raw), *warnings(connection, config, horizon_days)),
        left_out=tuple(left_out(connection, config, SCHEMA)),
        picture=tuple(picture(connection)),
    )
