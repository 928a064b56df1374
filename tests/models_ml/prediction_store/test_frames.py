"""Frames on their way in: which are refused, with what message, and that the others come back the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from models_ml.errors import PublishError
from models_ml.prediction_store import read, runs
from models_ml.prediction_store.digest import Digest
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS, FRAME_TABLES, RunFrames, as_decimals, batches, empty
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import RunRecord, derive_run_id
from models_ml.prediction_store.schema import forecasts, model_runs
from models_ml.prediction_store.transactions import reading
from models_ml.settings import QUANTILE_COLUMNS
from tests.synthetic import synthetic_run

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "column", "value", "said"),
    [
        ("forecasts", "mean", NAN, "mean is nan"),
        ("forecasts", "mean", INF, "mean is inf"),
        ("forecasts", "mean", -0.1, "mean is -0.1"),
        ("forecasts", "mean", None, "forecasts.mean is null"),
        ("forecasts", "q_0_5", NAN, "q_0_5 is nan"),
        ("forecasts", "q_0_5", None, "some quantiles are null"),
        ("forecasts", "q_0_5", 1e8, "q_0_5 is above q_0_75"),
        ("forecasts", "target_date", date(2016, 5, 22), "target_date is not from 2016-05-23 to 2016-05-29"),
        ("forecasts", "target_date", date(2016, 5, 30), "target_date is not from 2016-05-23 to 2016-05-29"),
        ("forecasts", "store_id", "WI_3", "store_id WI_3 is not in the run's scope"),
        ("forecasts", "store_id", "CA_1 ", "blanks at an end"),
        ("forecasts", "item_id", "", "empty or has blanks"),
        ("forecasts", "item_id", "x" * 129, "longer than 128"),
        ("node_forecasts", "mean", -1.0, "node_forecasts: mean is -1.0"),
        ("run_series", "units_last_28", -1.0, "units_last_28 is -1.0"),
        ("run_series", "price", -1.0, "price is -1.0"),
        ("run_series", "store_id", "WI_3", "not in the run's scope"),
        ("sales_history", "date", date(2016, 5, 23), "up to 2016-05-22, the origin"),
        ("sales_history", "units", NAN, "units is nan"),
        ("node_history", "date", date(2016, 5, 23), "up to 2016-05-22, the origin"),
        ("inventory_policy", "order_up_to", 0, "order_up_to is 0, below the reorder_point"),
        ("inventory_policy", "reorder_point", -1, "reorder_point is -1, below 0"),
        ("inventory_policy", "safety_stock", 1e6, "not order_up_to - expected_demand"),
        ("inventory_policy", "expected_short", -1.0, "expected_short is -1.0"),
        ("run_metrics", "value", NAN, "value is nan"),
        ("backtest_series", "rmsse", INF, "rmsse is inf"),
        ("backtest_series", "store_id", "WI_3", "not in the run's scope"),
        ("backtest_nodes", "absolute_error_units", 0.0, "less than the error of their sum"),
        ("backtest_leads", "actual_units", -1.0, "actual_units is -1.0"),
        ("node_period_forecasts", "last_date", date(2016, 5, 30), "last_date is not from 2016-05-23 to 2016-05-29"),
        ("node_period_forecasts", "q_0_5", 1e8, "q_0_5 is above q_0_75"),
    ],
)
def test_bad_value_is_refused_by_name(
    engine: Engine,
    made: Callable[..., Any],
    with_value: Callable[..., RunFrames],
    name: str,
    column: str,
    value: object,
    said: str,
) -> None:
    run, frames = made()
    with pytest.raises(PublishError) as caught:
        publish(engine, run, with_value(frames, name, column, 5, value))
    assert said in str(caught.value)
    failed = runs.show(engine, run.run_id)
    assert failed.status == "failed"
    assert said in str(failed.reason)
    with reading(engine) as connection:
        assert read.pointers(connection) == {}
        for table in FRAME_TABLES.values():
            assert connection.execute(select(table).limit(1)).first() is None


def test_bias_may_be_negative(engine: Engine, made: Callable[..., Any], with_value: Callable[..., RunFrames]) -> None:
    run, frames = made()
    publish(engine, run, with_value(frames, "run_metrics", "value", 0, -0.25))
    with reading(engine) as connection:
        assert -0.25 in read.metrics(connection, run.run_id).column("value").to_pylist()


def test_columns_must_be_those_of_the_store() -> None:
    frame = empty("node_history")
    with pytest.raises(PublishError, match="missing: units; not known: sold"):
        list(batches("node_history", frame.rename_columns(["node_id", "date", "sold"]), 10))
    with_run = frame.append_column("run_id", pa.array([], pa.string()))
    with pytest.raises(PublishError, match="not known: run_id"):
        list(batches("node_history", with_run, 10))


def test_lossy_cast_is_refused() -> None:
    frame = pa.table({"node_id": ["total"], "date": ["2016-13-40"], "units": [1.0]})
    with pytest.raises(PublishError, match=r"node_history\.date"):
        list(batches("node_history", frame, 10))


def test_other_arrow_types_of_the_same_values_are_taken() -> None:
    frame = pa.table(
        {
            "units": pa.array([1, 2, 3], pa.int16()),
            "date": pa.array([date(2016, 1, 1)] * 3, pa.date32()).cast(pa.timestamp("us")),
            "node_id": pa.array(["a", "b", "b"], pa.large_string()).dictionary_encode(),
        }
    )
    parts = list(batches("node_history", frame, 2))
    assert [part.num_rows for part in parts] == [2, 1]
    assert all(part.schema == ARROW_SCHEMAS["node_history"] for part in parts)
    assert pa.concat_tables(parts).column("units").to_pylist() == [1.0, 2.0, 3.0]


def test_stream_of_batches_publishes_as_its_table_does(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made()
    table = frames.forecasts
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=5))
    done = publish(engine, run, replace(frames, forecasts=reader), batch_rows=4)
    digest = Digest()
    digest.add("forecasts", table)
    digest.add("node_forecasts", frames.node_forecasts)
    digest.add("node_period_forecasts", frames.node_period_forecasts)
    digest.add("inventory_policy", frames.inventory_policy)
    assert done.checksum == digest.checksum()


def test_rows_in_any_order_publish_the_same(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made()
    backwards = frames.forecasts.take(list(range(frames.forecasts.num_rows - 1, -1, -1)))
    first = publish(engine, run, replace(frames, forecasts=backwards)).checksum
    again = replace(run, run_id="run_other")
    assert publish(engine, again, frames).checksum == first


def test_run_id_follows_from_the_work_alone() -> None:
    work: dict[str, Any] = {
        "data_fingerprint": "f",
        "configuration": {"b": 1, "a": [1, 2]},
        "code_version": "1",
        "origin": date(2016, 5, 22),
        "scope": ("CA_1", "TX_1"),
    }
    run_id = derive_run_id(**work)
    assert run_id == derive_run_id(**{**work, "configuration": {"a": [1, 2], "b": 1}, "scope": ("TX_1", "CA_1")})
    others = [
        {"data_fingerprint": "g"},
        {"configuration": {"b": 1, "a": [2, 1]}},
        {"code_version": "2"},
        {"origin": date(2016, 5, 23)},
        {"scope": ("CA_1",)},
    ]
    assert len({run_id, *(derive_run_id(**{**work, **other}) for other in others)}) == 6
    assert len(run_id) <= 40
    with pytest.raises(PublishError, match="configuration"):
        derive_run_id(**{**work, "configuration": {"x": NAN}})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scope": ()}, "at least one store"),
        ({"scope": ("CA_1", "CA_1")}, "each once"),
        ({"horizon_days": 0}, "at least 1"),
        ({"step_days": 2}, "must be 1 or 7"),
        ({"horizon_days": 10, "step_days": 7}, "whole steps"),
        ({"run_id": ""}, "1 to 40"),
        ({"run_id": "x" * 41}, "1 to 40"),
        ({"metrics": {"wrmsse": NAN}}, "metrics"),
        ({"parameters": {"model": object()}}, "parameters"),
        ({"role": "king"}, "champion or challenger"),
    ],
)
def test_record_that_no_run_can_have_is_refused(
    engine: Engine, made: Callable[..., Any], changes: dict[str, Any], said: str
) -> None:
    run, frames = made()
    with pytest.raises(PublishError, match=said):
        publish(engine, replace(run, **changes), frames)
    assert runs.list_runs(engine) == []


IDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=20
).filter(lambda text: text == text.strip())
# Fractions that float32 holds come back with its seven digits: test_18_11 below.
UNITS = st.floats(0, 1e9, allow_subnormal=False).filter(
    lambda units: units.is_integer() or float(np.float32(units)) != units
)


@st.composite
def any_run(draw: st.DrawFn) -> tuple[RunRecord, RunFrames]:
    """A run of any ids and values that the store allows."""
    stores = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
    items = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
    horizon = draw(st.integers(1, 3))
    origin = draw(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
    with_quantiles = draw(st.booleans())
    keys = [(store, item) for store in stores for item in items]
    days = [(*key, origin + timedelta(days=day)) for key in keys for day in range(1, horizon + 1)]
    ladders = [sorted(draw(st.lists(UNITS, min_size=9, max_size=9))) for _ in days]
    series = {
        "store_id": [key[0] for key in keys],
        "item_id": [key[1] for key in keys],
        "department_id": draw(st.lists(IDS, min_size=len(keys), max_size=len(keys))),
        "category_id": ["c"] * len(keys),
        "region_id": ["r"] * len(keys),
        "price": draw(st.lists(st.none() | UNITS, min_size=len(keys), max_size=len(keys))),
        "units_last_28": draw(st.lists(UNITS, min_size=len(keys), max_size=len(keys))),
        "demand_class": ["new"] * len(keys),
        "launch_date": draw(st.lists(st.none() | st.dates(date(1990, 1, 1)), min_size=len(keys), max_size=len(keys))),
    }
    rows = {
        "store_id": [day[0] for day in days],
        "item_id": [day[1] for day in days],
        "target_date": [day[2] for day in days],
        "mean": draw(st.lists(UNITS, min_size=len(days), max_size=len(days))),
        **{
            name: [ladder[place] if with_quantiles else None for ladder in ladders]
            for place, name in enumerate(QUANTILE_COLUMNS)
        },
    }
    run = RunRecord(
        run_id="run_any",
        model="m",
        version="1",
        origin=origin,
        horizon_days=horizon,
        scope=tuple(stores),
        role="champion",
        git_commit="c",
        data_fingerprint="f",
        parameters={"text": draw(st.text(max_size=20))},
        metrics={},
    )
    frames = {name: empty(name) for name in ARROW_SCHEMAS}
    frames["run_series"] = pa.table(series, schema=ARROW_SCHEMAS["run_series"])
    frames["forecasts"] = pa.table(rows, schema=ARROW_SCHEMAS["forecasts"])
    return run, RunFrames(**frames)


@given(made_run=any_run(), batch_rows=st.integers(1, 7))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_what_goes_in_comes_out_to_the_bit(
    template: Path, tmp_path: Path, made_run: tuple[RunRecord, RunFrames], batch_rows: int
) -> None:
    run, frames = made_run
    path = tmp_path / "store.sqlite"
    shutil.copy(template, path)
    for leftover in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        leftover.unlink(missing_ok=True)
    engine = make_engine(f"sqlite:///{path}")
    publish(engine, run, frames, batch_rows=batch_rows)
    key = [("store_id", "ascending"), ("item_id", "ascending")]
    with reading(engine) as connection:
        series = read.series(connection, run.run_id)
        stored = read.table(connection, select(forecasts).where(forecasts.c.run_id == run.run_id))
        parameters = connection.execute(select(model_runs.c.parameters)).scalar_one()
    engine.dispose()
    assert series.sort_by(key).equals(frames.run_series.sort_by(key).cast(series.schema))
    key.append(("target_date", "ascending"))
    names = frames.forecasts.column_names
    assert stored.select(names).sort_by(key).to_pydict() == frames.forecasts.sort_by(key).to_pydict()
    assert parameters == run.parameters


def test_18_11_figures_of_float32_are_stored_as_they_are_read() -> None:
    written = [1.6, 6.98, 190.05, 0.0123, 1057.047, 3.0, 123456792.0, 0.0, 1e-9]
    single = pa.chunked_array([pa.array(np.array(written, np.float32).astype(np.float64))])
    assert single.to_pylist() != written
    assert as_decimals(single).to_pylist() == written
    double = pa.chunked_array([pa.array([1.6, 1 / 3, 1057.0474853, None, float("inf")])])
    assert as_decimals(double).to_pylist() == double.to_pylist()
    subnormal = pa.chunked_array([pa.array([1.401298464324817e-45, 1.1754943508222875e-38])])
    assert as_decimals(subnormal).to_pylist() == subnormal.to_pylist()
    both = pa.chunked_array([pa.array([float(np.float32(1.6)), None])])
    assert as_decimals(both).to_pylist() == [1.6, None]


def test_18_11_frames_of_a_run_are_rounded_on_their_way_in() -> None:
    _, frames = synthetic_run(stores=("CA_1",), items=2, seed=1)
    price = pa.array(np.array([6.98, 2.5], np.float32))
    table = frames.run_series
    single = table.set_column(table.schema.get_field_index("price"), "price", price)
    assert next(batches("run_series", single, 10)).column("price").to_pylist() == [6.98, 2.5]
