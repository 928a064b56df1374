"""What is added to a published run changes nothing that was there, and goes when the run goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Engine, func, select

from models_ml.errors import PublishError
from models_ml.prediction_store import additions, read, runs
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import FRAME_TABLES
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import node_contributions
from models_ml.prediction_store.transactions import reading
from tests.synthetic import synthetic_run

ORIGIN = date(2016, 5, 22)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    upgrade(engine)
    yield engine
    engine.dispose()


def published(engine: Engine, seed: int, *, origin: date = ORIGIN) -> str:
    record, frames = synthetic_run(stores=("CA_1",), seed=seed, items=2, horizon_days=7, history_days=14, origin=origin)
    publish(engine, record, frames)
    return record.run_id


def of_total(units: list[float]) -> pa.Table:
    days = [ORIGIN + timedelta(days=lead + 1) for lead in range(len(units))]
    return pa.table(
        {"node_id": ["total"] * len(units), "target_date": days, "family": ["weekday"] * len(units), "units": units}
    )


def test_contributions_are_read_as_they_were_written_and_written_again_in_their_place(engine: Engine) -> None:
    run_id = published(engine, 1)
    assert not additions.has_contributions(engine, run_id)
    additions.write_contributions(engine, run_id, of_total([1.0, -2.5]))
    additions.write_contributions(engine, run_id, of_total([1.0, -2.5]))
    assert additions.has_contributions(engine, run_id)
    with reading(engine) as connection:
        table = read.contributions(connection, run_id, "total")
    assert table["units"].to_pylist() == [1.0, -2.5]
    assert table["target_date"].to_pylist() == [ORIGIN + timedelta(days=1), ORIGIN + timedelta(days=2)]


def test_nothing_is_added_to_a_run_that_is_not_published(engine: Engine) -> None:
    with pytest.raises(PublishError, match="not published"):
        additions.write_contributions(engine, "run_0", of_total([1.0]))


def test_contributions_that_are_no_numbers_are_refused(engine: Engine) -> None:
    run_id = published(engine, 1)
    with pytest.raises(PublishError, match="finite"):
        additions.write_contributions(engine, run_id, of_total([1.0, float("nan")]))
    assert not additions.has_contributions(engine, run_id)


def test_a_later_backtest_adds_its_folds_and_changes_none_that_were_there(engine: Engine) -> None:
    record, frames = synthetic_run(stores=("CA_1",), seed=1, items=2, horizon_days=7, history_days=14, origin=ORIGIN)
    publish(engine, record, frames)
    earlier = ORIGIN - timedelta(days=56)
    later = {}
    for name in additions.BACKTEST_TABLES:
        known = getattr(frames, name)
        fold = pa.array([earlier] * known.num_rows, pa.date32())
        moved = known.set_column(known.schema.get_field_index("fold"), known.schema.field("fold"), fold)
        later[name] = pa.concat_tables([moved, known])
    assert additions.add_backtest(engine, record.run_id, later) == frames.run_metrics.num_rows
    assert additions.add_backtest(engine, record.run_id, later) == 0
    with reading(engine) as connection:
        for name in additions.BACKTEST_TABLES:
            table = FRAME_TABLES[name]
            folds = connection.execute(select(table.c.fold, func.count()).group_by(table.c.fold)).all()
            count = getattr(frames, name).num_rows
            assert dict(map(tuple, folds)) == {earlier: count, ORIGIN - timedelta(days=28): count}, name


def test_a_pruned_run_takes_its_contributions_along(engine: Engine) -> None:
    ids = [published(engine, seed, origin=ORIGIN + timedelta(days=seed)) for seed in (1, 2, 3)]
    for run_id in ids:
        additions.write_contributions(engine, run_id, of_total([1.0]))
    gone = runs.prune(engine, keep=1, idle=timedelta(0))
    assert gone == ids[:1]
    with reading(engine) as connection:
        left = connection.execute(
            select(node_contributions.c.run_id, func.count()).group_by(node_contributions.c.run_id)
        ).all()
    assert {row[0] for row in left} == set(ids[1:])
