"""Sales on their way into the store: packed, staged and unpacked as on a server, here by SQLite's own SQL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, func, select, update

from benchmarks import store_server
from models_ml.errors import PublishError
from models_ml.prediction_store import publish as publish_module
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS, insert_sql, rows
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.sales import pack, unpacked
from models_ml.prediction_store.schema import STEPS, sales_history, staged_sales_history
from tests.synthetic import synthetic_run

FIRST = date(2016, 1, 1)
ROWS_PER_SECOND = 4_500  # pyodbc on a loaded machine
MOST_SECONDS = 600


UNITS = st.one_of(st.integers(0, 2_000).map(float), st.floats(0, 1e9, allow_nan=False))
PRICES = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.49]))
DAYS = st.dictionaries(st.integers(0, 70), st.tuples(UNITS, PRICES), max_size=70)


class TestPacking:
    @given(series=st.dictionaries(st.sampled_from(["A", "B", "É"]), DAYS, max_size=3), step=st.sampled_from([1, 7]))
    def test_what_is_packed_is_unpacked_to_the_bit(self, series: dict[str, Any], step: int) -> None:
        sales = pa.Table.from_pylist(
            [
                {
                    "store_id": "S",
                    "item_id": item,
                    "date": FIRST + timedelta(step * day),
                    "units": units,
                    "price": price,
                }
                for item, days in series.items()
                for day, (units, price) in days.items()
            ],
            schema=ARROW_SCHEMAS["sales_history"],
        )
        run, _ = synthetic_run(stores=("S",), items=1)
        packed = pack(sales, step)
        with create_engine("sqlite://").begin() as connection:
            staged_sales_history.create(connection)
            if packed.num_rows:
                connection.exec_driver_sql(
                    insert_sql(connection, staged_sales_history), rows(packed, run.run_id, iso_dates=True)
                )
            found = connection.execute(unpacked(replace(run, step_days=step), "S")).all()
        assert sorted(map(tuple, found), key=str) == sorted((tuple(row.values()) for row in sales.to_pylist()), key=str)

    def test_a_row_holds_four_weeks_at_one_price(self) -> None:
        packed = pack(store_server.sales_of(2), 1)
        assert packed.num_rows == 2 * 17, "112 days, of which the first and the last weeks are parts"
        steady = store_server.sales_of(2).set_column(4, "price", pa.array([1.0] * 224))
        assert pack(steady, 1)["steps"].to_pylist() == [STEPS] * 8
        assert pack(steady, 7).num_rows == 224, "days are no weeks"


class TestStaging:
    def test_what_is_staged_is_shown_as_what_is_sent_at_once(
        self, sqlite_url: str, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored = []
        for stages in (False, True):
            monkeypatch.setattr(publish_module, "stages_sales", lambda _engine, stages=stages: stages)
            run, frames = made(1, history_days=40)
            later, more = made(2, history_days=40, origin=run.origin + timedelta(days=3))
            engine = make_engine(sqlite_url.replace("store.sqlite", f"{stages}.sqlite"))
            upgrade(engine)
            publish(engine, run, frames, batch_rows=10)
            publish(engine, later, more)
            with engine.connect() as connection:
                stored.append(connection.execute(select(sales_history)).all())
                assert connection.execute(select(staged_sales_history)).all() == []
            engine.dispose()
        assert stored[0] == stored[1]

    @pytest.mark.parametrize(
        ("column", "value", "said"),
        [
            ("item_id", "NO_SUCH", "staged_sales_history has a row twice, or a row of a series"),
            ("date", date(2016, 5, 22), "row twice: store_id CA_1, item_id FOODS_1_00000, date 2016-05-22"),
            ("store_id", None, "sales_history.store_id is null"),
            ("store_id", "WI_9", "store_id WI_9 is not in the run's scope"),
            ("units", None, "sales_history.units is null"),
            ("date", None, "sales_history.date is null"),
        ],
    )
    @pytest.mark.parametrize("stages", [True, False])
    def test_bad_rows_are_refused(
        self,
        sqlite_url: str,
        made: Callable[..., Any],
        with_value: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
        column: str,
        value: object,
        said: str,
        stages: bool,
    ) -> None:
        monkeypatch.setattr(publish_module, "stages_sales", lambda _engine: stages)
        if not stages and value is not None:
            said = {"item_id": "not in run_series: NO_SUCH in CA_1", "date": "sales_history has a row twice"}.get(
                column, said
            )
        run, frames = made()
        engine = make_engine(sqlite_url)
        with pytest.raises(PublishError, match=re.escape(said)):
            publish(engine, run, with_value(frames, "sales_history", column, 0, value))
        with engine.connect() as connection:
            assert connection.execute(select(sales_history)).all() == []
        engine.dispose()

    def test_steps_that_the_server_lost_are_counted(
        self, sqlite_url: str, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publish_module, "stages_sales", lambda _engine: True)
        run, frames = made()
        engine = make_engine(sqlite_url)
        honest = publish_module.verify

        def after_tampering(*arguments: Any) -> str:
            with engine.begin() as connection:
                connection.execute(update(staged_sales_history).values(steps=staged_sales_history.c.steps - 1))
            return honest(*arguments)

        monkeypatch.setattr(publish_module, "verify", after_tampering)
        with pytest.raises(PublishError, match="sales_history: 42 rows sent, 39 stored in CA_1"):
            publish(engine, run, frames)
        engine.dispose()


def test_23_11_the_first_publish_of_m5_takes_under_ten_minutes(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a real publish, counted as they go to the driver, are those of the benchmark's arithmetic."""
    monkeypatch.setattr(publish_module, "stages_sales", lambda _engine: True)
    stores, items = ("CA_1",), 60
    run, frames = synthetic_run(stores=stores, items=items, history_days=1)
    frames = replace(
        frames,
        sales_history=store_server.sales_of(items).set_column(
            1, "item_id", pa.array(np.repeat(frames.run_series["item_id"].to_pylist(), store_server.HISTORY_DAYS))
        ),
    )
    engine, sent = make_engine(sqlite_url), Counter[str]()

    def count(_connection: Any, _cursor: Any, statement: str, given: Any, _context: Any, many: bool) -> None:
        if statement.startswith("INSERT INTO"):
            sent[statement.split()[2]] += len(given) if many else 1

    event.listen(engine, "before_cursor_execute", count)
    publish(engine, run, frames)
    with engine.connect() as connection:
        shown = connection.execute(select(func.count()).select_from(sales_history)).scalar_one()
    engine.dispose()
    assert shown == items * store_server.HISTORY_DAYS

    stated = store_server.rows_of_m5(first=True)
    for table in ("run_series", "forecasts", "inventory_policy", "scenario_series", "staged_sales_history"):
        assert sent[table] == stated[table] * items / store_server.SERIES, table
    assert sent["backtest_series"] * 2 == stated["backtest_series"] * items / store_server.SERIES, "one model here"
    by_run = {table for table in sent if table not in stated and sent[table] > items}
    assert by_run <= {"node_history", "node_forecasts", "sales_history_days", "scenario_flags"}, "tables left out"
    assert sum(stated.values()) / ROWS_PER_SECOND + 3_414_880 / store_server.SERVER_ROWS_PER_SECOND <= MOST_SECONDS
    assert store_server.seconds_of_first_publish(ROWS_PER_SECOND) <= MOST_SECONDS
