"""Overrides: every level adds up whatever overlaps, the model's rows stay, and the ledger forgets nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import IntegrityError

from models_ml.errors import StoreError
from models_ml.hierarchy.aggregation import LEVELS, node_ids
from models_ml.prediction_store import overrides, runs
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.finals import Adjustment, DayEffect, Effect, adjust, below, final_mean
from models_ml.prediction_store.override_effects import SELECT_EFFECTS, effects_by_run
from models_ml.prediction_store.overrides import AlreadyRevokedError, NewOverride, OverrideError, UnknownOverrideError
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import (
    active_runs,
    forecasts,
    model_runs,
    node_forecasts,
    override_effects,
    override_node_units,
    run_nodes,
    run_series,
)
from models_ml.prediction_store.schema import overrides as ledger
from models_ml.prediction_store.transactions import reading

FIRST = date(2016, 5, 23)
DAYS = [FIRST + timedelta(days=n) for n in range(5)]
SERIES = pd.DataFrame(
    [
        (store, f"{department}_{n}", department, department[:-2], store[:2])
        for store in ("CA_1", "CA_2", "TX_1")
        for department in ("FOODS_1", "FOODS_2", "HOBBIES_1")
        for n in (1, 2)
    ],
    columns=["store_id", "item_id", "department_id", "category_id", "region_id"],
)
NODES = sorted({node for level in LEVELS for node in node_ids(SERIES, level)})
ARRAYS = {name: SERIES[name].to_numpy(dtype=object) for name in SERIES}

asked = st.builds(
    lambda node, kind, percent, units, first, length: Adjustment(
        0, node, kind, percent if kind == "percent" else units, DAYS[first], DAYS[min(first + length, len(DAYS) - 1)]
    ),
    st.sampled_from(NODES),
    st.sampled_from(["percent", "absolute"]),
    st.floats(-100, 1000),
    st.one_of(st.just(0.0), st.floats(0.01, 1e5)),
    st.integers(0, len(DAYS) - 1),
    st.integers(0, len(DAYS)),
)
means_of_series = st.lists(
    st.one_of(st.just(0.0), st.just(float("nan")), st.floats(0.001, 50)),
    min_size=len(SERIES) * len(DAYS),
    max_size=len(SERIES) * len(DAYS),
).map(lambda values: np.array(values).reshape(len(SERIES), len(DAYS)))


def oracle(means: np.ndarray, asked_for: Sequence[Adjustment]) -> pd.DataFrame:
    """The rules once more, in pandas: a long frame, one override after the other, a day at a time."""
    frame = SERIES.merge(pd.DataFrame({"day": DAYS}), how="cross").assign(units=means.ravel()).dropna()
    for one in asked_for:
        level = next(level for level in LEVELS if level.name == one.node_id.partition(":")[0])
        for day in DAYS:
            rows = (node_ids(frame, level) == one.node_id) & (frame["day"] == day)
            if not (one.valid_from <= day <= one.valid_to and rows.any()):
                continue
            total = frame.loc[rows, "units"].sum()
            if one.kind == "percent":
                frame.loc[rows, "units"] *= (100 + one.value) / 100
            elif total > 1e-9:
                frame.loc[rows, "units"] *= one.value / total
            else:
                frame.loc[rows, "units"] = one.value / rows.sum()
    return frame


@settings(max_examples=40, deadline=None)
@given(means=means_of_series, listed=st.lists(asked, min_size=1, max_size=6))
def test_overlapping_overrides_at_any_level_are_what_the_rules_say(means: np.ndarray, listed: list[Adjustment]) -> None:
    listed = [Adjustment(n, *list(vars(one).values())[1:]) for n, one in enumerate(listed, 1)]
    finals, done = adjust(ARRAYS, means, DAYS, listed)
    expected = oracle(means, listed)
    frame = SERIES.merge(pd.DataFrame({"day": DAYS}), how="cross").assign(units=finals.ravel()).dropna()
    np.testing.assert_allclose(frame["units"], expected["units"], rtol=1e-9, atol=1e-9)
    # folded a series and a day at a time, as they are served
    effects = [
        Effect(one.override_id, _keys(one.node_id), {str(d): e for d, e in done[one.override_id].items()})
        for one in listed
    ]
    for row, series in enumerate(SERIES.to_dict("records")):
        covering = [effect for effect in effects if effect.covers(series)]
        for column, day in enumerate(DAYS):
            if not np.isnan(means[row, column]):
                served = final_mean(covering, str(day), means[row, column])
                assert served == pytest.approx(finals[row, column], rel=1e-12, abs=1e-12)
    # the last absolute one holds on each of its days: nothing was changed after it
    last = listed[-1]
    if last.kind == "absolute":
        rows = below(ARRAYS, last.node_id)
        for day in done[last.override_id]:
            assert np.nansum(finals[rows, DAYS.index(day)]) == pytest.approx(last.value, rel=1e-9, abs=1e-9)


def _keys(node_id: str) -> dict[str, str]:
    level = next(level for level in LEVELS if level.name == node_id.partition(":")[0])
    return dict(zip(level.keys, node_id.partition(":")[2].split("|"), strict=False)) if level.keys else {}


def test_a_node_forecast_at_zero_is_shared_out_evenly() -> None:
    means = np.zeros((len(SERIES), len(DAYS)))
    means[0, 0] = np.nan
    finals, done = adjust(ARRAYS, means, DAYS, [Adjustment(1, "store:CA_1", "absolute", 10.0, FIRST, FIRST)])
    assert np.isnan(finals[0, 0])
    assert finals[1:6, 0].tolist() == [2.0] * 5
    assert done[1] == {FIRST: DayEffect(None, 2.0)}


# --- in a store -----------------------------------------------------------------------------------------

ORIGIN = date(2016, 5, 22)


@pytest.fixture
def store(engine: Engine, made: Callable[..., Any]) -> tuple[Engine, str]:
    """A store with a run of two stores, all nine levels of nodes; its engine and the run."""
    run, frames = made(1, levels=range(1, 10))
    publish(engine, run, frames)
    return engine, run.run_id


def new(node_id: str, kind: str = "percent", value: float = 10.0, **changes: Any) -> NewOverride:
    given = {"valid_from": ORIGIN + timedelta(days=1), "valid_to": ORIGIN + timedelta(days=3), **changes}
    return NewOverride(node_id, kind, value, **{"reason": "a fair", "author": "ann", **given})


def served_finals(engine: Engine) -> pd.DataFrame:
    """Final of every served series and day, from the stored effects."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(run_series, forecasts.c.target_date, forecasts.c.mean)
            .join(
                forecasts,
                (forecasts.c.run_id == run_series.c.run_id)
                & (forecasts.c.store_id == run_series.c.store_id)
                & (forecasts.c.item_id == run_series.c.item_id),
            )
            .join(
                active_runs,
                (active_runs.c.run_id == run_series.c.run_id) & (active_runs.c.store_id == run_series.c.store_id),
            )
        )
        frame = pd.DataFrame(rows.all(), columns=list(rows.keys()))
        effects = effects_by_run(connection.execute(SELECT_EFFECTS).all())
    frame["final"] = [
        final_mean([e for e in effects.get(row["run_id"], ()) if e.covers(row)], str(row["target_date"]), row["mean"])
        for row in frame.to_dict("records")
    ]
    return frame


def node_changes(engine: Engine) -> pd.Series:
    with reading(engine) as connection:
        rows = connection.execute(select(override_node_units)).all()
    return pd.Series({(row.run_id, row.node_id, row.target_date): row.added_units for row in rows}, dtype=float)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_every_level_adds_up_after_overlapping_overrides(store: tuple[Engine, str], level: Any) -> None:
    engine, _ = store
    node = sorted(node_ids(served_finals(engine), level))[0]
    overrides.make(engine, new("total", value=20.0))
    overrides.make(engine, new(node, "absolute", 33.0))
    overrides.make(engine, new("item_store:FOODS_1_00000|CA_1", value=-50.0, valid_to=ORIGIN + timedelta(days=2)))
    frame = served_finals(engine)
    assert (frame["final"] != frame["mean"]).any()
    frame["added"] = frame["final"] - frame["mean"]
    stored = node_changes(engine)
    for one in LEVELS[:9]:
        sums = frame.assign(node=node_ids(frame, one)).groupby(["run_id", "node", "target_date"])["added"].sum()
        for key, units in sums.items():
            assert stored.get(key, 0.0) == pytest.approx(units, abs=1e-9)
    # the third day has no later override than the absolute one
    third = frame[frame["target_date"] == ORIGIN + timedelta(days=3)]
    assert third.loc[node_ids(third, level) == node, "final"].sum() == pytest.approx(33.0)
    untouched = frame["target_date"] > ORIGIN + timedelta(days=3)
    assert (frame.loc[untouched, "final"] == frame.loc[untouched, "mean"]).all()


def test_the_models_rows_never_change(store: tuple[Engine, str]) -> None:
    engine, _ = store

    def rows() -> list[Any]:
        with reading(engine) as connection:
            return [connection.execute(select(table)).all() for table in (model_runs, forecasts, node_forecasts)]

    before = rows()
    made = overrides.make(engine, new("total", "absolute", 5.0))
    overrides.revoke(engine, made, author="bob", reason="a mistake")
    overrides.make(engine, new("store:CA_1"))
    assert rows() == before


def test_a_revoked_override_changes_nothing_and_stays_in_the_ledger(store: tuple[Engine, str]) -> None:
    engine, _ = store
    first = overrides.make(engine, new("total", value=50.0))
    second = overrides.make(engine, new("store:CA_1", value=10.0))
    overrides.revoke(engine, first, author="bob", reason="the fair is off")
    frame = served_finals(engine)
    with reading(engine) as connection:
        kept = {row.override_id: row for row in connection.execute(select(ledger))}
    assert kept[first].revoked_by == "bob"
    assert kept[second].revoked_at is None
    inside = (frame["store_id"] == "CA_1") & (frame["target_date"] <= ORIGIN + timedelta(days=3))
    np.testing.assert_allclose(frame["final"], frame["mean"] * np.where(inside, 1.1, 1.0))
    with pytest.raises(AlreadyRevokedError, match="by bob"):
        overrides.revoke(engine, first, author="eve", reason="again")
    with pytest.raises(UnknownOverrideError):
        overrides.revoke(engine, 99, author="eve", reason="again")


def test_overrides_follow_the_pointers(store: tuple[Engine, str], made: Callable[..., Any]) -> None:
    """A run that is published, promoted or gone back to has them at once; the one before keeps what it had."""
    engine, old = store
    overrides.make(engine, new("total", "absolute", 40.0, valid_to=ORIGIN + timedelta(days=20)))

    def totals() -> pd.DataFrame:
        frame = served_finals(engine)
        return frame.groupby(["run_id", "target_date"], as_index=False)["final"].sum()

    assert totals()["final"].tolist() == pytest.approx([40.0] * 7)
    run, frames = made(2, levels=range(1, 10), origin=ORIGIN + timedelta(days=1))
    publish(engine, run, frames)
    assert set(totals()["run_id"]) == {run.run_id}
    assert totals()["final"].tolist() == pytest.approx([40.0] * 7)
    with reading(engine) as connection:
        kept = connection.execute(select(func.count()).where(override_effects.c.run_id == old)).scalar_one()
    assert kept == 7
    runs.rollback(engine, ["CA_1"], reason="x")
    frame = served_finals(engine)
    assert set(frame["run_id"]) == {old, run.run_id}
    both = frame[frame["target_date"] > ORIGIN + timedelta(days=1)].groupby("target_date")["final"].sum()
    assert both.iloc[:6].tolist() == pytest.approx([40.0] * 6)
    runs.promote(engine, run.run_id)
    assert set(served_finals(engine)["run_id"]) == {run.run_id}


def test_a_pruned_run_takes_its_effects_along(store: tuple[Engine, str], made: Callable[..., Any]) -> None:
    engine, old = store
    overrides.make(engine, new("total"))
    for seed in (2, 3):
        run, frames = made(seed, levels=range(1, 10), origin=ORIGIN)
        publish(engine, run, frames)
    assert runs.prune(engine, keep=1, idle=timedelta(0)) == [old]
    with reading(engine) as connection:
        assert old not in connection.execute(select(override_effects.c.run_id)).scalars().all()
        assert connection.execute(select(func.count()).select_from(ledger)).scalar_one() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"node_id": "shop:CA_1"}, "node_id"),
        ({"node_id": "store:"}, "node_id"),
        ({"node_id": "total:"}, "node_id"),
        ({"node_id": "store:NY_1"}, "node_id"),
        ({"node_id": "item_store:FOODS_1_00000|NY_1"}, "node_id"),
        ({"kind": "times"}, "kind"),
        ({"value": -101.0}, "value"),
        ({"value": float("nan")}, "value"),
        ({"value": float("inf")}, "value"),
        ({"kind": "absolute", "value": -1.0}, "value"),
        ({"kind": "absolute", "value": 1e10}, "value"),
        ({"valid_to": ORIGIN}, "valid_to"),
        ({"valid_to": ORIGIN + timedelta(days=500)}, "valid_to"),
        ({"valid_from": date(2018, 1, 1), "valid_to": date(2018, 1, 2)}, "valid_from"),
        ({"valid_from": date(2015, 1, 1), "valid_to": date(2015, 1, 2)}, "valid_from"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"author": "a\x00b"}, "author"),
    ],
)
def test_what_no_override_can_be_is_refused_and_named(
    store: tuple[Engine, str], change: dict[str, Any], field: str
) -> None:
    engine, _ = store
    asked_for = NewOverride(**{**vars(new("total")), **change})
    with pytest.raises(OverrideError) as refused:
        overrides.make(engine, asked_for)
    assert refused.value.field == field
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(ledger)).scalar_one() == 0


def test_without_a_run_there_is_nothing_to_override(engine: Engine) -> None:
    with pytest.raises(OverrideError, match="no run is served"):
        overrides.make(engine, new("total"))


def test_a_preview_is_what_comes_of_it(store: tuple[Engine, str]) -> None:
    engine, _ = store
    overrides.make(engine, new("store:CA_1", value=30.0))
    wanted = new("region:CA", "absolute", 12.0)
    with reading(engine) as connection:
        shown = overrides.preview(connection, wanted)
    before = served_finals(engine)
    overrides.make(engine, wanted)
    after = served_finals(engine)

    def of_node(frame: pd.DataFrame, column: str) -> list[float]:
        return list(frame[frame["region_id"] == "CA"].groupby("target_date")[column].sum().iloc[: len(shown.days)])

    assert shown.series == 3
    assert list(shown.model) == pytest.approx(of_node(before, "mean"))
    assert list(shown.final) == pytest.approx(of_node(before, "final"))
    assert list(shown.changed) == pytest.approx(of_node(after, "final"))
    assert list(shown.changed) == pytest.approx([12.0] * 3)


def test_the_database_refuses_half_revoked_and_unbounded_overrides(store: tuple[Engine, str]) -> None:
    engine, _ = store
    made = overrides.make(engine, new("total"))
    for values in ({"revoked_by": "eve"}, {"value": 5000.0}, {"kind": "x"}, {"valid_to": date(2000, 1, 1)}):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(update(ledger).where(ledger.c.override_id == made).values(**values))


def test_two_writers_do_not_lose_each_others_override(store: tuple[Engine, str]) -> None:
    """The second waits; where it may not wait it is told that the store is locked, and nothing is half done."""
    engine, _ = store
    if engine.dialect.name != "sqlite":
        pytest.skip("a lock time-out of SQLite")
    impatient = make_engine(engine.url, busy_timeout_seconds=0.05)
    with engine.connect() as connection:
        connection.exec_driver_sql("commit")
        connection.exec_driver_sql("begin immediate")
        with pytest.raises(StoreError, match="locked by another writer"):
            overrides.make(impatient, new("store:CA_1"))
        connection.execute(text("rollback"))
    impatient.dispose()
    overrides.make(engine, new("store:CA_1", value=100.0))
    overrides.make(engine, new("item:FOODS_1_00000", value=100.0))
    frame = served_finals(engine)
    both = frame[(frame["store_id"] == "CA_1") & (frame["item_id"] == "FOODS_1_00000")].iloc[:3]
    assert both["final"].tolist() == pytest.approx((both["mean"] * 4).tolist())


def test_nodes_that_a_run_has_not_are_left_out(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made(1, levels=(1, 9))
    publish(engine, run, frames)
    overrides.make(engine, new("total"))
    with reading(engine) as connection:
        levels = connection.execute(
            select(run_nodes.c.level)
            .distinct()
            .join(override_node_units, override_node_units.c.node_id == run_nodes.c.node_id)
        ).scalars()
        assert set(levels) == {1, 9}
