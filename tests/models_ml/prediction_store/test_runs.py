"""Runs after their publish: promotion, rollback, retention, comparison, export."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from sqlalchemy import Engine, func, select, update

from models_ml.errors import InputError, PublishError
from models_ml.prediction_store import export as export_module
from models_ml.prediction_store import leftovers, pointers, read, runs
from models_ml.prediction_store.export import export
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import activations, forecasts, model_runs
from models_ml.prediction_store.transactions import reading

NO_WAIT = timedelta(0)


@pytest.fixture
def three(engine: Engine, made: Callable[..., Any]) -> list[str]:
    """Three champions published one after the other for both stores; oldest first."""
    ids = []
    for seed in (1, 2, 3):
        run, frames = made(seed)
        publish(engine, run, frames)
        ids.append(run.run_id)
    return ids


def served(engine: Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return read.pointers(connection)


def test_list_is_newest_first_and_says_what_is_served(engine: Engine, three: list[str]) -> None:
    listed = runs.list_runs(engine)
    assert [run.run_id for run in listed] == three[::-1]
    assert [run.active_stores for run in listed] == [("CA_1", "TX_1"), (), ()]
    assert [run.run_id for run in runs.list_runs(engine, limit=1)] == three[2:]
    assert runs.list_runs(engine, status="failed") == []


def test_run_is_found_by_any_beginning_of_its_own(engine: Engine, three: list[str]) -> None:
    assert runs.show(engine, three[0][:12]).run_id == three[0]
    with pytest.raises(InputError, match="More than one run"):
        runs.show(engine, "run_")
    for unknown in ("none", "%", "run%", ""):
        with pytest.raises(InputError, match="begins with"):
            runs.show(engine, unknown)


class TestPromote:
    def test_challenger_becomes_the_champion_that_is_served(
        self, engine: Engine, three: list[str], made: Callable[..., Any]
    ) -> None:
        challenger, frames = made(4, role="challenger")
        publish(engine, challenger, frames, activate=False)
        assert runs.promote(engine, challenger.run_id, reason="better on five folds") == ("CA_1", "TX_1")
        assert set(served(engine).values()) == {challenger.run_id}
        assert runs.show(engine, challenger.run_id).role == "champion"
        with reading(engine) as connection:
            last = connection.execute(select(activations).order_by(activations.c.id.desc()).limit(1)).one()
        assert (last.action, last.reason, last.previous_run_id) == ("promote", "better on five folds", three[2])

    def test_again_changes_nothing(self, engine: Engine, three: list[str]) -> None:
        assert runs.promote(engine, three[2]) == ()

    def test_failed_or_unknown_run_is_refused(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        with pytest.raises(PublishError):
            publish(engine, run, replace(frames, forecasts=frames.forecasts.slice(1)))
        with pytest.raises(PublishError, match="is failed, not published"):
            runs.promote(engine, run.run_id)
        with pytest.raises(InputError, match="No run"):
            runs.promote(engine, "nothing")

    def test_older_origin_needs_force(self, engine: Engine, made: Callable[..., Any]) -> None:
        older, frames = made(1, origin=date(2016, 5, 15))
        newer, other = made(2)
        publish(engine, older, frames)
        publish(engine, newer, other)
        with pytest.raises(PublishError, match="demand rollback"):
            runs.promote(engine, older.run_id)
        runs.promote(engine, older.run_id, force=True)
        assert set(served(engine).values()) == {older.run_id}


class TestRollback:
    def test_each_step_goes_one_run_back(self, engine: Engine, three: list[str]) -> None:
        assert runs.rollback(engine, ["CA_1", "TX_1"]) == dict.fromkeys(("CA_1", "TX_1"), three[1])
        assert runs.rollback(engine, ["CA_1"]) == {"CA_1": three[0]}
        assert served(engine) == {"CA_1": three[0], "TX_1": three[1]}
        with pytest.raises(PublishError, match="served no run before"):
            runs.rollback(engine, ["CA_1", "TX_1"])
        assert served(engine) == {"CA_1": three[0], "TX_1": three[1]}

    def test_publish_after_a_rollback_goes_on(self, engine: Engine, three: list[str], made: Callable[..., Any]) -> None:
        runs.rollback(engine, ["CA_1", "TX_1"])
        run, frames = made(4)
        publish(engine, run, frames)
        assert runs.rollback(engine, ["CA_1"]) == {"CA_1": three[1]}

    def test_18_08_rollback_stands_until_somebody_promotes_the_run_by_name(
        self, engine: Engine, three: list[str], made: Callable[..., Any]
    ) -> None:
        runs.rollback(engine, ["TX_1"], reason="too low", author="ann")
        left = three[2]
        assert runs.show(engine, left).role == "champion"  # CA_1 serves it
        runs.rollback(engine, ["CA_1"], reason="doubles Mondays", author="bob")
        demoted = runs.show(engine, left)
        assert demoted.role == "challenger"
        assert re.fullmatch(r"Rolled back on .* UTC by bob: doubles Mondays", demoted.reason or "")
        with reading(engine) as connection:
            decisions = pointers.rolled_back(connection, left)
            authors = connection.execute(select(activations.c.author).where(activations.c.action == "rollback"))
            assert authors.scalars().all() == ["ann", "bob"]
        assert {store: (one.author, one.reason) for store, one in decisions.items()} == {
            "TX_1": ("ann", "too low"),
            "CA_1": ("bob", "doubles Mondays"),
        }
        # Neither the same work again nor a job's own promotion serves it.
        assert publish(engine, *made(3)).outcome == "unchanged"
        assert runs.promote(engine, left, by_name=False) == ()
        assert set(served(engine).values()) == {three[1]}
        # Somebody does, by name; from then on it is served as any other.
        assert runs.promote(engine, left, author="cat") == ("CA_1", "TX_1")
        assert set(served(engine).values()) == {left}
        with reading(engine) as connection:
            assert pointers.rolled_back(connection, left) == {}
        assert runs.show(engine, left).role == "champion"

    def test_18_08_only_the_stores_that_were_rolled_back_are_left_alone(self, engine: Engine, three: list[str]) -> None:
        runs.rollback(engine, ["TX_1"], reason="too low", author="ann")
        runs.promote(engine, three[1])
        assert runs.promote(engine, three[2], by_name=False) == ("CA_1",)
        assert served(engine) == {"CA_1": three[2], "TX_1": three[1]}

    def test_store_that_serves_nothing(self, engine: Engine) -> None:
        with pytest.raises(PublishError, match="serves no run"):
            runs.rollback(engine, ["CA_1"])


class TestPrune:
    def test_keeps_what_is_needed_and_deletes_the_rest(
        self, engine: Engine, three: list[str], made: Callable[..., Any]
    ) -> None:
        run, frames = made(4)
        publish(engine, run, frames)
        assert runs.prune(engine, keep=1, idle=NO_WAIT) == [three[1], three[0]]
        assert {left.run_id for left in runs.list_runs(engine)} == {three[2], run.run_id}
        with reading(engine) as connection:
            rows = connection.execute(select(forecasts.c.run_id, func.count()).group_by(forecasts.c.run_id)).all()
        assert {row[0]: row[1] for row in rows} == {three[2]: 42, run.run_id: 42}
        assert runs.rollback(engine, ["CA_1", "TX_1"]) == dict.fromkeys(("CA_1", "TX_1"), three[2])

    def test_never_deletes_an_active_run(self, engine: Engine, three: list[str]) -> None:
        runs.rollback(engine, ["CA_1"])
        runs.rollback(engine, ["CA_1"])
        runs.prune(engine, keep=1, idle=NO_WAIT)
        assert served(engine) == {"CA_1": three[0], "TX_1": three[2]}
        for run_id in (three[0], three[2]):
            assert runs.show(engine, run_id).status == "published"
            with reading(engine) as connection:
                assert read.checksum(connection, run_id) == runs.show(engine, run_id).checksum

    @pytest.mark.usefixtures("three")
    def test_run_that_was_served_a_moment_ago_may_still_be_read(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made(4)
        publish(engine, run, frames)
        assert runs.prune(engine, keep=1) == []

    def test_pruned_run_cannot_be_promoted(self, engine: Engine, three: list[str]) -> None:
        runs.prune(engine, keep=1, idle=NO_WAIT)
        with pytest.raises(InputError, match="No run"):
            runs.promote(engine, three[0])

    def test_prune_that_was_stopped_is_finished_by_the_next(
        self, engine: Engine, three: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(leftovers, "delete_rows", lambda *_arguments: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                runs.prune(engine, keep=1, idle=NO_WAIT)
        with pytest.raises(PublishError, match="not published"):
            runs.promote(engine, three[0])
        assert runs.prune(engine, keep=1, idle=NO_WAIT) == [three[0]]
        with reading(engine) as connection:
            assert set(connection.execute(select(forecasts.c.run_id).distinct()).scalars()) == set(three[1:])

    def test_keeps_at_least_one(self, engine: Engine) -> None:
        with pytest.raises(InputError, match="at least 1"):
            runs.prune(engine, keep=0)

    def test_rollback_to_a_pruned_run_is_refused(self, engine: Engine, three: list[str]) -> None:
        with engine.begin() as connection:
            connection.execute(
                update(model_runs).where(model_runs.c.run_id == three[1]).values(status="failed", reason="pruned")
            )
        with pytest.raises(PublishError, match="has been pruned"):
            runs.rollback(engine, ["CA_1"])


class TestCompare:
    def test_metrics_side_by_side(self, engine: Engine, three: list[str], made: Callable[..., Any]) -> None:
        first, second = (made(seed)[1].run_metrics.to_pylist() for seed in (1, 2))
        found = runs.compare(engine, three[0], three[1])
        assert len(found) == len(first) == 26
        for row, other in zip(
            *(sorted(rows, key=lambda r: (r["model"], r["level"])) for rows in (first, second)), strict=True
        ):
            match = next(f for f in found if (f.model, f.level) == (row["model"], row["level"]))
            assert (match.first, match.second, match.folds) == (row["value"], other["value"], 1)
            assert match.difference == pytest.approx(other["value"] - row["value"])

    def test_runs_without_a_common_fold(self, engine: Engine, three: list[str], made: Callable[..., Any]) -> None:
        run, frames = made(4, origin=date(2016, 6, 5))
        publish(engine, run, frames)
        with pytest.raises(InputError, match="share no metric"):
            runs.compare(engine, three[0], run.run_id)


class TestExport:
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_file_has_every_forecast(
        self, engine: Engine, made: Callable[..., Any], tmp_path: Path, suffix: str
    ) -> None:
        run, frames = made()
        publish(engine, run, frames)
        path = tmp_path / f"forecasts{suffix}"
        assert export(engine, run.run_id, path) == 42
        stored = pa.csv.read_csv(path) if suffix == ".csv" else pa.parquet.read_table(path)
        names = frames.forecasts.column_names
        assert (
            stored.select(names).to_pylist()
            == frames.forecasts.sort_by(
                [("store_id", "ascending"), ("item_id", "ascending"), ("target_date", "ascending")]
            ).to_pylist()
        )
        assert set(stored.column("department_id").to_pylist()) == {"FOODS_1", "FOODS_2", "HOBBIES_1"}
        assert [entry.name for entry in tmp_path.iterdir() if "partial" in entry.name] == []

    def test_some_stores(self, engine: Engine, made: Callable[..., Any], tmp_path: Path) -> None:
        run, frames = made()
        publish(engine, run, frames)
        path = tmp_path / "one.parquet"
        assert export(engine, run.run_id, path, stores=("TX_1",)) == 21
        assert set(pa.parquet.read_table(path).column("store_id").to_pylist()) == {"TX_1"}
        with pytest.raises(InputError, match="no forecasts for WI_1"):
            export(engine, run.run_id, path, stores=("WI_1",))

    def test_failure_leaves_the_earlier_file(
        self, engine: Engine, made: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run, frames = made()
        publish(engine, run, frames)
        path = tmp_path / "forecasts.csv"
        path.write_text("earlier")
        honest = export_module.read_block

        def broken(*arguments: Any) -> Any:
            if arguments[2] == "TX_1":
                raise KeyboardInterrupt
            return honest(*arguments)

        monkeypatch.setattr(export_module, "read_block", broken)
        with pytest.raises(KeyboardInterrupt):
            export(engine, run.run_id, path)
        assert path.read_text() == "earlier"
        assert [entry.name for entry in tmp_path.iterdir() if "partial" in entry.name] == []

    def test_bad_requests_are_explained(self, engine: Engine, made: Callable[..., Any], tmp_path: Path) -> None:
        run, frames = made()
        with pytest.raises(PublishError):
            publish(engine, run, replace(frames, forecasts=frames.forecasts.slice(1)))
        with pytest.raises(InputError, match="only a published run"):
            export(engine, run.run_id, tmp_path / "x.csv")
        with pytest.raises(InputError, match="must end in"):
            export(engine, run.run_id, tmp_path / "x.xlsx")
        with pytest.raises(InputError, match="is no folder"):
            export(engine, run.run_id, tmp_path / "none" / "x.csv")


class TestRead:
    def test_arrow_answers_are_those_frames(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        publish(engine, run, frames)
        with reading(engine) as connection:
            one = read.series_forecast(connection, run.run_id, "TX_1", "FOODS_2_00001")
            none = read.series_forecast(connection, run.run_id, "TX_1", "' or 1=1 --")
            total = read.node_forecast(connection, run.run_id, "total")
            nodes = read.nodes(connection, run.run_id, level=9)
            node_days = read.history_of_node(connection, run.run_id, "total")
        wanted = [
            row
            for row in frames.forecasts.to_pylist()
            if row["store_id"] == "TX_1" and row["item_id"] == "FOODS_2_00001"
        ]
        assert [{**row, "store_id": "TX_1", "item_id": "FOODS_2_00001"} for row in one.to_pylist()] == wanted
        assert none.num_rows == 0
        assert none.schema == one.schema
        assert total.to_pylist() == [
            {k: v for k, v in row.items() if k != "node_id"}
            for row in frames.node_forecasts.to_pylist()
            if row["node_id"] == "total"
        ]
        assert nodes.num_rows == 6
        assert node_days.num_rows == 14


class TestServedByTheirChecks:
    """What the pipeline needs to store a run, check it, and only then serve it."""

    def test_promotion_is_refused_if_another_run_was_served_meanwhile(
        self, engine: Engine, made: Callable[..., Any], three: list[str]
    ) -> None:
        seen = served(engine)
        stored, frames = made(4)
        publish(engine, stored, frames, activate=False)
        quick, other = made(5, stores=("TX_1",))
        publish(engine, quick, other)
        with pytest.raises(PublishError, match="another run was published for store TX_1"):
            runs.promote(engine, stored.run_id, instead_of=seen)
        assert served(engine) == {"CA_1": three[2], "TX_1": quick.run_id}
        assert runs.promote(engine, stored.run_id, instead_of=served(engine)) == ("CA_1", "TX_1")

    def test_a_rejected_run_is_gone_and_may_be_published_again(self, engine: Engine, made: Callable[..., Any]) -> None:
        stored, frames = made(4)
        publish(engine, stored, frames, activate=False)
        assert runs.reject(engine, stored.run_id, "twice as much as ever")
        run = runs.show(engine, stored.run_id)
        assert (run.status, run.reason) == ("failed", "twice as much as ever")
        with reading(engine) as connection:
            left = select(func.count()).select_from(forecasts).where(forecasts.c.run_id == stored.run_id)
            assert connection.execute(left).scalar_one() == 0
        with pytest.raises(PublishError, match="failed, not published"):
            runs.promote(engine, stored.run_id)
        assert publish(engine, stored, frames, activate=False).outcome == "published"

    def test_a_served_run_is_not_rejected(self, engine: Engine, three: list[str]) -> None:
        assert not runs.reject(engine, three[2], "whatever")
        assert runs.show(engine, three[2]).status == "published"
