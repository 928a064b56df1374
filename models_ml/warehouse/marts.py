"""The marts as of one origin: all that is known at the origin, and nothing later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models_ml.errors import InputError, ModelError
from models_ml.hierarchy.aggregation import BOTTOM_AGGREGATE, node_ids
from models_ml.warehouse.connection import Warehouse

SERIES_KEYS = ["store_id", "item_id"]


@dataclass(frozen=True)
class Marts:
    """Reads marts for one origin and one set of stores.

    Sales and features end at the origin; the calendar and prices are known in advance.

    Attributes:
        warehouse: where the marts are.
        origin: the last day whose sales are known.
        horizon_days: days to forecast.
        stores: the stores in scope; empty: every store.
    """

    warehouse: Warehouse
    origin: date
    horizon_days: int
    stores: tuple[str, ...] = field(default=())

    @property
    def target_dates(self) -> list[date]:
        """The days to forecast."""
        return [self.origin + timedelta(days=lead) for lead in range(1, self.horizon_days + 1)]

    @cached_property
    def step_days(self) -> int:
        """Days of a step of the source's grain: 1, or 7 where its sales are weekly.

        Raises:
            ModelError: the horizon is not a whole number of steps.
        """
        # Marts built before weekly sources existed are daily.
        days = int(self.calendar["step_days"].iloc[-1]) if "step_days" in self.calendar else 1
        if self.horizon_days % days:
            raise ModelError(
                f"The sales are weekly, and a horizon of {self.horizon_days} days is not a whole number of weeks. "
                f"Set DEMAND_HORIZON_DAYS to a multiple of {days}."
            )
        return days

    @property
    def step_dates(self) -> list[date]:
        """The first day of each step to forecast: every target day, or for weekly sales the first day of each week."""
        return self.target_dates[:: self.step_days]

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row a series on sale by the end of the horizon, ordered by store and item.

        Columns store_id, item_id, department_id, category_id, region_id, launch_date (datetime64).
        """
        table = self.warehouse.read(
            "core.dim_series",
            ["store_id", "item_id", "department_id", "category_id", "region_id", "launch_date"],
            stores=self.stores,
            date_column="launch_date",
            until=self.target_dates[-1],
        )
        frame: pd.DataFrame = table.to_pandas()
        missing = set(self.stores) - set(frame["store_id"])
        if missing:
            raise InputError(
                f"Unknown store {', '.join(sorted(missing))}: the warehouse has no series of it on sale by "
                f"{self.target_dates[-1]}. Correct --stores, or ingest it."
            )
        if frame.empty:
            raise ModelError(f"No series is on sale by {self.target_dates[-1]}; choose a later origin.")
        frame["launch_date"] = pd.to_datetime(frame["launch_date"])
        return frame.sort_values(SERIES_KEYS, ignore_index=True)

    @cached_property
    def calendar(self) -> pd.DataFrame:
        """`core.dim_calendar`, indexed by date (datetime64), through the last target day.

        Raises:
            ModelError: the calendar ends before the horizon does.
        """
        relation = "core.dim_calendar"
        frame: pd.DataFrame = self.warehouse.read(relation, ["*"], until=self.target_dates[-1]).to_pandas()
        frame["date"] = pd.to_datetime(frame["date"])
        frame = frame.set_index("date").sort_index()
        if frame.empty or frame.index[-1] < pd.Timestamp(self.target_dates[-1]):
            raise ModelError(
                f"The calendar ends on {frame.index[-1].date() if len(frame) else 'no day'}, before the last day to "
                f"forecast, {self.target_dates[-1]}. Add days to the calendar, or shorten DEMAND_HORIZON_DAYS."
            )
        return frame

    @cached_property
    def levels(self) -> list[int]:
        """Numbers of the levels with distinct nodes; each other level repeats the nodes of one of these."""
        table = self.warehouse.read("core.dim_levels", ["level", "same_as"])
        return sorted(int(level) for level, same in zip(*table.to_pydict().values(), strict=True) if same is None)

    def series_positions(self, store_id: pa.ChunkedArray, item_id: pa.ChunkedArray) -> np.ndarray:
        """Row of `series` for each pair of ids; -1 for a series that is not there."""
        stores = pd.Index(self.series["store_id"].unique())
        items = pd.Index(self.series["item_id"].unique())
        lookup = np.full((len(stores), len(items)), -1, dtype=np.int32)
        own_stores, own_items = pd.Index(self.series["store_id"]), pd.Index(self.series["item_id"])
        lookup[stores.get_indexer(own_stores), items.get_indexer(own_items)] = np.arange(len(self.series))
        store_code, item_code = codes(store_id, stores), codes(item_id, items)
        return np.where((store_code >= 0) & (item_code >= 0), lookup[store_code, item_code], -1)

    def daily(self, since: date, until: date, column: str = "units") -> np.ndarray:
        """Daily sales of each series, zero where it was not on sale.

        Args:
            since: first day.
            until: last day, at most the origin.
            column: `units`, `revenue` or `price`.

        Returns:
            float32, series x days.
        """
        if until > self.origin:
            raise ModelError(f"Sales of {until} are not known at the origin {self.origin}.")
        return read_daily(self, since, until, column)

    @cached_property
    def store_departments(self) -> pd.DataFrame:
        """The store x department nodes of the series: node_id, store_id, department_id, category_id, region_id."""
        keys = ["store_id", "department_id", "category_id", "region_id"]
        frame = self.series[keys].drop_duplicates().sort_values(keys[:2], ignore_index=True)
        return frame.assign(node_id=node_ids(frame, BOTTOM_AGGREGATE))

    @cached_property
    def node_of_series(self) -> np.ndarray:
        """Row of `store_departments` of each series."""
        keys = ["store_id", "department_id"]
        nodes = pd.MultiIndex.from_frame(self.store_departments[keys])
        return np.asarray(nodes.get_indexer(pd.MultiIndex.from_frame(self.series[keys])))

    @property
    def days_on_sale(self) -> np.ndarray:
        """Days from the launch of each series to the origin, both counted; 0 or less if it is yet to come."""
        return np.asarray((pd.Timestamp(self.origin) - self.series["launch_date"]).dt.days) + 1

    def store_department_daily(
        self, since: date, until: date, column: str = "units"
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Daily `units` or `revenue` of each store x department.

        Returns:
            `store_departments`, and float32 nodes x days.
        """
        if until > self.origin:
            raise ModelError(f"Sales of {until} are not known at the origin {self.origin}.")
        nodes = self.store_departments
        table = self.warehouse.read(
            "core.fct_node_sales", ["node_id", "date", column], stores=list(nodes["store_id"].unique()),
            since=since, until=until,
        )  # fmt: skip
        rows = codes(table["node_id"], pd.Index(nodes["node_id"]))
        known = rows >= 0
        units = np.zeros((len(nodes), (until - since).days + 1), dtype=np.float32)
        units[rows[known], day_offsets(table["date"], since)[known]] = table[column].to_numpy()[known]
        return nodes, units

    @cached_property
    def first_day(self) -> date:
        """The first day of the calendar."""
        day: date = self.calendar.index[0].date()
        return day


def codes(values: pa.ChunkedArray, index: pd.Index) -> np.ndarray:
    """Position of each string in `index` (-1 where absent), through a dictionary rather than value by value."""
    encoded = pc.dictionary_encode(values).combine_chunks() if len(values) else None
    if encoded is None:
        return np.empty(0, dtype=np.int32)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    positions = index.get_indexer(encoded.dictionary.to_pandas()).astype(np.int32)
    result: np.ndarray = positions[encoded.indices.to_numpy()]
    return result


def day_offsets(days: pa.ChunkedArray, since: date) -> np.ndarray:
    """Whole days from `since` to each date."""
    result: np.ndarray = days.cast(pa.date32()).cast(pa.int32()).to_numpy() - (since - date(1970, 1, 1)).days
    return result


def read_daily(marts: Marts, since: date, until: date, column: str) -> np.ndarray:
    """Like `Marts.daily`, without its guard: evaluation may look past the origin, a forecaster may not."""
    values = np.zeros((len(marts.series), (until - since).days + 1), dtype=np.float32)
    for table in marts.warehouse.batches(
        "core.fct_daily_sales", ["store_id", "item_id", "date", column], stores=marts.stores, since=since, until=until
    ):
        rows = marts.series_positions(table["store_id"], table["item_id"])
        known = rows >= 0
        values[rows[known], day_offsets(table["date"], since)[known]] = table[column].to_numpy()[known]
    return values


def last_sale_day(warehouse: Warehouse, stores: Sequence[str] = ()) -> date:
    """The last day in the marts that has sales: the origin of a forecast of the future.

    Raises:
        ModelError: there are no sales.
    """
    table = warehouse.read("core.dim_series", ["max(last_date) as last_date"], stores=stores)
    day = table["last_date"][0].as_py()
    if day is None:
        raise ModelError(f"The marts hold no sales{' of ' + ', '.join(stores) if stores else ''}.")
    result: date = day
    return result


def stores_of(warehouse: Warehouse, stores: Sequence[str] = ()) -> list[str]:
    """The stores that the marts have series of, by name; those named only, where some are."""
    table = warehouse.read("core.dim_series", ["distinct store_id"], stores=stores)
    return sorted(table["store_id"].to_pylist())


def group_of_stores(stores: Sequence[str], group: str) -> list[str]:
    """One of several groups of about the same size; together they are all stores, each once.

    Args:
        stores: all of them.
        group: `I/N`, from 1/N to N/N. With more groups than stores some are empty.

    Raises:
        InputError: it is not of this form.
    """
    number, _, count = group.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise InputError(f"--group: {group!r} is no group; write the third of eight as 3/8.")
    return sorted(stores)[int(number) - 1 :: int(count)]
