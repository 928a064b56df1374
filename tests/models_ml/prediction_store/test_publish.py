"""Publishing: what is served when, what is refused, and that each refusal leaves things as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import Engine, delete, event, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from models_ml.errors import PublishError
from models_ml.prediction_store import claims, leftovers, read, runs, transactions, verify
from models_ml.prediction_store import publish as publish_module
from models_ml.prediction_store import sales as sales_module
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import FRAME_TABLES
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import (
    activations,
    active_runs,
    calendar_days,
    forecasts,
    model_runs,
    node_forecasts,
    publish_claims,
    run_series,
    sales_history,
    sales_history_days,
    staged_sales_history,
)
from models_ml.prediction_store.transactions import reading

ORIGIN = date(2016, 5, 22)


def everything(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    with reading(engine) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in model_runs.metadata.sorted_tables
        }


def served(engine: Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return read.pointers(connection)


collided: list[str] = []
MOST_COLLISIONS = 2


def collide(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    """As SQL Server answers when another publisher has committed the same day of sales."""
    if statement.startswith("INSERT INTO sales_history_days ") and len(collided) < MOST_COLLISIONS:
        collided.append(statement)
        said = "[SQL Server]Violation of PRIMARY KEY constraint 'pk_sales_history_days'. (2627)"
        raise IntegrityError(statement, {}, Exception("23000", said))


def test_published_run_is_stored_whole_and_served(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made()
    done = publish(engine, run, frames, batch_rows=10)
    assert (done.outcome, done.stores, done.forecast_rows) == ("published", ("CA_1", "TX_1"), 42)
    assert served(engine) == {"CA_1": run.run_id, "TX_1": run.run_id}
    stored = everything(engine)
    for name, table in FRAME_TABLES.items():
        frame = getattr(frames, name)
        kept = [column.name for column in table.columns]
        wanted = sorted(
            tuple(run.run_id if column == "run_id" else row[column] for column in kept)
            for row in frame.select([c for c in kept if c != "run_id"]).to_pylist()
        )
        assert stored[table.name] == wanted
    assert stored["staged_sales_history"] == []
    assert stored["publish_claims"] == []
    record = runs.show(engine, run.run_id)
    assert (record.status, record.series_count, record.forecast_rows, record.node_rows) == ("published", 6, 42, 49)
    assert record.scope == record.active_stores == ("CA_1", "TX_1")
    assert record.parameters == {"seed": 1}
    assert record.published_at is not None
    assert utc_now() - record.published_at < timedelta(minutes=5)
    with reading(engine) as connection:
        assert read.checksum(connection, run.run_id) == record.checksum == done.checksum


def test_same_work_twice_changes_nothing(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made()
    publish(engine, run, frames)
    before = everything(engine)
    done = publish(engine, run, frames)
    assert (done.outcome, done.stores) == ("unchanged", ())
    assert everything(engine) == before


def test_published_before_but_not_served_is_served_again(engine: Engine, made: Callable[..., Any]) -> None:
    first, frames = made(1)
    second, other = made(2)
    publish(engine, first, frames)
    publish(engine, second, other)
    done = publish(engine, first, frames)
    assert (done.outcome, done.stores) == ("activated", ("CA_1", "TX_1"))
    assert set(served(engine).values()) == {first.run_id}


def test_publish_moves_only_the_stores_of_its_scope(engine: Engine, made: Callable[..., Any]) -> None:
    both, frames = made(1, stores=("CA_1", "TX_1"))
    one, other = made(2, stores=("TX_1",))
    publish(engine, both, frames)
    before = everything(engine)
    publish(engine, one, other)
    assert served(engine) == {"CA_1": both.run_id, "TX_1": one.run_id}
    after = everything(engine)
    for table in ("forecasts", "run_series", "run_nodes", "node_forecasts", "run_metrics", "node_history"):
        assert [row for row in after[table] if row[0] == both.run_id] == before[table]
    assert [row for row in after["sales_history"] if row[0] == "CA_1"] == [
        row for row in before["sales_history"] if row[0] == "CA_1"
    ]


def test_every_move_is_logged(engine: Engine, made: Callable[..., Any]) -> None:
    ids = []
    for seed in (1, 2):
        run, frames = made(seed, stores=("CA_1",))
        publish(engine, run, frames)
        ids.append(run.run_id)
    with reading(engine) as connection:
        log = connection.execute(select(activations).order_by(activations.c.id)).all()
    assert [(row.store_id, row.run_id, row.previous_run_id, row.action) for row in log] == [
        ("CA_1", ids[0], None, "publish"),
        ("CA_1", ids[1], ids[0], "publish"),
    ]


def test_challenger_is_stored_and_not_served(engine: Engine, made: Callable[..., Any]) -> None:
    champion, frames = made(1)
    challenger, other = made(2, role="challenger")
    publish(engine, champion, frames)
    with pytest.raises(PublishError, match="activate=False"):
        publish(engine, challenger, other)
    done = publish(engine, challenger, other, activate=False)
    assert (done.outcome, done.stores) == ("published", ())
    assert set(served(engine).values()) == {champion.run_id}


def test_older_origin_is_refused_unless_forced(engine: Engine, made: Callable[..., Any]) -> None:
    new, frames = made(1)
    old, other = made(2, origin=ORIGIN - timedelta(days=7))
    publish(engine, new, frames)
    before = everything(engine)
    with pytest.raises(PublishError, match="knows the sales up to 2016-05-15"):
        publish(engine, old, other)
    assert everything(engine) == before
    publish(engine, old, other, force=True)
    assert set(served(engine).values()) == {old.run_id}


class TestVerification:
    """Rows that pass one by one and yet are no run."""

    def refused(self, engine: Engine, run: Any, frames: Any) -> str:
        with pytest.raises(PublishError) as caught:
            publish(engine, run, frames)
        assert served(engine) == {}
        assert runs.show(engine, run.run_id).status == "failed"
        assert everything(engine)["forecasts"] == []
        return str(caught.value)

    def test_missing_day(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        short = replace(frames, forecasts=frames.forecasts.slice(1))
        assert "CA_1 FOODS_1_00000 has 6 of 7 days" in self.refused(engine, run, short)

    def test_series_without_forecast(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        short = replace(frames, forecasts=frames.forecasts.slice(7))
        assert "has 0 of 7 days" in self.refused(engine, run, short)

    def test_store_without_series(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made(stores=("CA_1",))
        assert "TX_1 of the scope" in self.refused(engine, replace(run, scope=("CA_1", "TX_1")), frames)

    def test_node_without_a_day(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        short = replace(frames, node_forecasts=frames.node_forecasts.slice(1))
        assert "node_forecasts: " in self.refused(engine, run, short)

    def test_forecast_of_a_series_that_is_not_listed(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        few = frames.run_series.slice(1)
        history = frames.sales_history.filter(pc.not_equal(frames.sales_history["item_id"], "FOODS_1_00000"))
        with pytest.raises(PublishError, match="forecasts has a row twice, or a row of a series"):
            publish(engine, run, replace(frames, run_series=few, sales_history=history))
        assert served(engine) == {}
        assert runs.show(engine, run.run_id).status == "failed"

    def test_doubled_row(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        twice = pa.concat_tables([frames.forecasts, frames.forecasts.slice(0, 1)])
        with pytest.raises(PublishError, match="forecasts has a row twice"):
            publish(engine, run, replace(frames, forecasts=twice))
        assert served(engine) == {}
        assert runs.show(engine, run.run_id).status == "failed"

    @pytest.mark.parametrize(
        "tamper",
        [
            update(forecasts).where(forecasts.c.store_id == "TX_1").values(mean=forecasts.c.mean + 0.00001),
            update(forecasts).values(q_0_995=forecasts.c.q_0_995 + 1),
            delete(forecasts).where(forecasts.c.target_date == ORIGIN + timedelta(days=3)),
            delete(node_forecasts).where(node_forecasts.c.node_id == "total"),
            delete(staged_sales_history).where(staged_sales_history.c.store_id == "CA_1"),
        ],
        ids=["mean", "quantile", "day", "node", "history"],
    )
    def test_rows_lost_or_changed_on_the_way(
        self, engine: Engine, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tamper: Any
    ) -> None:
        """A driver that drops or changes rows (some do) is found out by the database's own sums."""
        monkeypatch.setattr(publish_module, "stages_sales", lambda _engine: True)  # as on a server
        run, frames = made()
        honest = verify.verify

        def after_tampering(*arguments: Any) -> str:
            with engine.begin() as connection:
                assert connection.execute(tamper).rowcount > 0
            return honest(*arguments)

        # verify runs in a read transaction of its own: tamper before it opens
        monkeypatch.setattr("models_ml.prediction_store.publish.verify", after_tampering)
        assert "failed its check in the store" in self.refused(engine, run, frames)

    def test_sales_lost_on_the_way(
        self, sqlite_url: str, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine = make_engine(sqlite_url)
        run, frames = made()
        honest = sales_module.rows

        def loses_one(part: pa.Table, run_id: str | None, **options: Any) -> list[tuple[Any, ...]]:
            given = honest(part, run_id, **options)
            return given[1:] if "units" in part.column_names and run_id is None else given

        monkeypatch.setattr(sales_module, "rows", loses_one)
        assert "sales_history: 42 rows sent, 41 stored in CA_1" in self.refused(engine, run, frames)
        assert everything(engine)["sales_history"] == []
        engine.dispose()

    @pytest.mark.parametrize(("item", "said"), [("NO_SUCH", "not in run_series: NO_SUCH in CA_1"), (None, "row twice")])
    def test_sales_of_no_series_or_twice(
        self, engine: Engine, made: Callable[..., Any], item: str | None, said: str
    ) -> None:
        run, frames = made()
        extra = frames.sales_history.slice(0, 1).to_pylist()[0]
        extra["item_id"] = item or extra["item_id"]
        added = pa.Table.from_pylist([extra], schema=frames.sales_history.schema)
        wrong = replace(frames, sales_history=pa.concat_tables([frames.sales_history, added]))
        if engine.dialect.name != "sqlite" and item is not None:
            said = "staged_sales_history has a row twice, or a row of a series"
        assert said in self.refused(engine, run, wrong)


class TestTwoPublishers:
    """One of two wins each store; the progress callback lets the other one in at a known moment."""

    def test_of_two_that_begin_a_run_at_once_one_is_told(self, sqlite_url: str, made: Callable[..., Any]) -> None:
        engine = make_engine(sqlite_url)

        def first(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
            if statement.startswith("INSERT INTO model_runs"):
                cursor.execute(statement, parameters)  # the other's row, there a moment before ours

        event.listen(engine, "before_cursor_execute", first)
        with pytest.raises(PublishError, match="is being published by another process"):
            publish(engine, *made())
        event.remove(engine, "before_cursor_execute", first)
        assert publish(engine, *made()).outcome == "published"
        engine.dispose()

    def test_the_first_to_finish_wins(self, engine: Engine, made: Callable[..., Any]) -> None:
        slow, frames = made(1)
        quick, other = made(2, stores=("TX_1",))
        done = []

        def overtake(name: str, _rows: int) -> None:
            if name == "forecasts" and not done:
                done.append(publish(engine, quick, other))

        with pytest.raises(PublishError, match="another run was published for store TX_1"):
            publish(engine, slow, frames, progress=overtake)
        assert served(engine) == {"TX_1": quick.run_id}
        assert runs.show(engine, slow.run_id).status == "failed"
        assert {row[0] for row in everything(engine)["forecasts"]} == {quick.run_id}

    def test_23_08_loser_of_a_race_is_refused_before_shared_rows_collide(
        self, sqlite_url: str, made: Callable[..., Any]
    ) -> None:
        """On a server, both publishers have looked at the sales before either commits: the second insert collides."""
        engine = make_engine(sqlite_url)
        done = []
        collided.clear()

        def overtake(name: str, _rows: int) -> None:
            if name == "forecasts" and not done:
                done.append(publish(engine, *made(2)))
                event.listen(engine, "before_cursor_execute", collide)

        with pytest.raises(PublishError, match="another run was published for store CA_1"):
            publish(engine, *made(1), progress=overtake)
        event.remove(engine, "before_cursor_execute", collide)
        assert set(served(engine).values()) == {made(2)[0].run_id}
        engine.dispose()

    def test_23_08_challengers_of_one_store_both_get_their_sales_in(
        self, sqlite_url: str, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither moves a pointer, so the second to add a day of sales does its last transaction again."""
        engine = make_engine(sqlite_url)
        monkeypatch.setattr(transactions, "FIRST_WAIT_SECONDS", 0.0)
        collided.clear()
        event.listen(engine, "before_cursor_execute", collide)
        run, frames = made(1, role="challenger")
        assert publish(engine, run, frames, activate=False).outcome == "published"
        assert len(collided) == MOST_COLLISIONS
        with reading(engine) as connection:
            assert connection.execute(select(func.count()).select_from(sales_history)).scalar_one() > 0
        engine.dispose()

    def test_overtaken_run_may_be_published_again(self, engine: Engine, made: Callable[..., Any]) -> None:
        self.test_the_first_to_finish_wins(engine, made)
        slow, frames = made(1)
        assert publish(engine, slow, frames).outcome == "published"
        assert set(served(engine).values()) == {slow.run_id}

    def test_same_run_by_two_at_once_is_refused_to_the_second(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        said = []

        def again(name: str, _rows: int) -> None:
            if name == "run_series":
                with pytest.raises(PublishError) as caught:
                    publish(engine, run, frames)
                said.append(str(caught.value))

        assert publish(engine, run, frames, progress=again).outcome == "published"
        assert "is being published by process" in said[0]

    def test_promotion_during_a_publish_wins(self, engine: Engine, made: Callable[..., Any]) -> None:
        for seed in (1, 2):
            run, frames = made(seed)
            publish(engine, run, frames)
        first = made(1)[0].run_id
        third, other = made(3)
        with pytest.raises(PublishError, match="another run was published for store CA_1"):
            publish(
                engine,
                third,
                other,
                progress=lambda name, _rows: runs.promote(engine, first) and None if name == "run_nodes" else None,
            )
        assert set(served(engine).values()) == {first}


class TestLeftovers:
    """Publishers that died: on this machine (their process is gone), on another (no heartbeat)."""

    def dead(self, engine: Engine, run: Any, frames: Any, **claim: Any) -> None:
        """Leave a run as a publisher leaves it that is killed while it loads the forecasts."""

        class Killed(BaseException):
            pass

        def kill(name: str, _rows: int) -> None:
            if name == "forecasts":
                with engine.begin() as connection:
                    connection.execute(update(publish_claims).values(**claim))
                raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("models_ml.prediction_store.publish._fail", lambda *_arguments: None)
            with pytest.raises(Killed):
                publish(engine, run, frames, batch_rows=10, progress=kill)
        assert runs.show(engine, run.run_id).status == "running"
        assert everything(engine)["forecasts"] != []

    def test_publisher_whose_process_is_gone_is_replaced_at_once(
        self, engine: Engine, made: Callable[..., Any]
    ) -> None:
        run, frames = made()
        self.dead(engine, run, frames, process_id=2**22 + 1)
        assert publish(engine, run, frames).outcome == "published"
        assert len(everything(engine)["forecasts"]) == 42

    def test_reused_process_id_is_no_sign_of_life(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        self.dead(engine, run, frames, process_started="long ago")
        assert publish(engine, run, frames).outcome == "published"

    def test_other_machine_is_waited_for_until_its_lease_ends(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        self.dead(engine, run, frames, host="elsewhere")
        with pytest.raises(PublishError, match="is being published by process"):
            publish(engine, run, frames)
        with engine.begin() as connection:
            connection.execute(update(publish_claims).values(heartbeat_at=utc_now() - claims.LEASE))
        assert publish(engine, run, frames).outcome == "published"

    def test_publish_of_another_run_sweeps_them(self, engine: Engine, made: Callable[..., Any]) -> None:
        dead, frames = made(1)
        run, other = made(2)
        self.dead(engine, dead, frames, process_id=2**22 + 1)
        publish(engine, run, other)
        swept = runs.show(engine, dead.run_id)
        assert (swept.status, swept.reason) == ("failed", leftovers.STOPPED)
        for name in ("forecasts", "run_series", "run_nodes", "node_forecasts", "node_history", "run_metrics"):
            assert {row[0] for row in everything(engine)[name]} == {run.run_id}

    def test_living_publisher_is_not_swept(self, engine: Engine, made: Callable[..., Any]) -> None:
        slow, frames = made(1, stores=("CA_1",))
        quick, other = made(2, stores=("TX_1",))

        def meanwhile(name: str, _rows: int) -> None:
            if name == "forecasts":
                publish(engine, quick, other)

        assert publish(engine, slow, frames, progress=meanwhile).outcome == "published"
        assert served(engine) == {"CA_1": slow.run_id, "TX_1": quick.run_id}

    def test_publisher_thought_dead_writes_nothing_more(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()

        def taken_over(name: str, _rows: int) -> None:
            if name == "run_series":
                with engine.begin() as connection:
                    claims.take(connection, claims.new(run.run_id))

        with pytest.raises(PublishError, match="has taken this run over"):
            publish(engine, run, frames, progress=taken_over)
        assert runs.show(engine, run.run_id).status == "running"
        assert everything(engine)["forecasts"] == []

    def test_sweeper_leaves_a_run_that_is_published_again(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        publish(engine, run, frames)
        with pytest.raises(PublishError, match="not failed any more"):
            leftovers.delete_rows(engine, run.run_id, lambda connection: leftovers.hold_failed(connection, run.run_id))
        assert len(everything(engine)["forecasts"]) == 42

    def test_failed_run_may_be_published_again(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made()
        with pytest.raises(PublishError):
            publish(engine, run, replace(frames, forecasts=frames.forecasts.slice(1)))
        assert publish(engine, run, frames).outcome == "published"
        assert runs.show(engine, run.run_id).reason is None


class TestHistory:
    """Actuals and calendar, which runs share."""

    def test_newer_run_moves_the_window_and_corrects_restated_days(
        self, engine: Engine, made: Callable[..., Any]
    ) -> None:
        first, frames = made(1)
        later, other = made(2, origin=ORIGIN + timedelta(days=7))
        publish(engine, first, frames)
        publish(engine, later, other)
        assert everything(engine)["sales_history"] == sorted(
            tuple(row.values()) for row in other.sales_history.to_pylist()
        )
        assert everything(engine)["staged_sales_history"] == []

    def test_older_run_leaves_newer_actuals(self, engine: Engine, made: Callable[..., Any]) -> None:
        first, frames = made(1)
        older, other = made(2, origin=ORIGIN - timedelta(days=7))
        publish(engine, first, frames)
        before = everything(engine)["sales_history"]
        publish(engine, older, other, force=True)
        assert everything(engine)["sales_history"] == before
        assert everything(engine)["staged_sales_history"] == []

    def test_run_without_history_leaves_what_is_there(self, engine: Engine, made: Callable[..., Any]) -> None:
        first, frames = made(1)
        bare, other = made(2)
        publish(engine, first, frames)
        before = everything(engine)["sales_history"]
        publish(engine, bare, replace(other, sales_history=other.sales_history.slice(0, 0)))
        assert everything(engine)["sales_history"] == before

    def test_days_that_are_new_or_changed_are_sent_and_no_others(
        self, engine: Engine, made: Callable[..., Any], with_value: Callable[..., Any]
    ) -> None:
        first, frames = made(1)
        again, _ = made(2)
        publish(engine, first, frames)
        restated = with_value(frames, "sales_history", "units", 3, 99.0)
        changed = restated.sales_history.slice(3, 1).to_pylist()[0]
        kept = pc.field("date") > pc.scalar(ORIGIN - timedelta(days=5))  # a shorter window, too
        sales = restated.sales_history.filter(kept | (pc.field("date") == pc.scalar(changed["date"])))
        backwards = sales.take(pa.array(range(sales.num_rows - 1, -1, -1)))
        sent: dict[str, int] = {}
        publish(engine, again, replace(restated, sales_history=backwards), progress=sent.__setitem__)
        same_day = (pc.field("store_id") == changed["store_id"]) & (pc.field("date") == pc.scalar(changed["date"]))
        assert sent["sales_history"] == frames.sales_history.filter(same_day).num_rows == 3
        assert everything(engine)["sales_history"] == sorted(tuple(row.values()) for row in sales.to_pylist())
        assert (
            len(everything(engine)["sales_history_days"]) == sales.group_by(["store_id", "date"]).aggregate([]).num_rows
        )

    def test_store_that_knows_no_checksums_is_sent_all(self, engine: Engine, made: Callable[..., Any]) -> None:
        first, frames = made(1)
        again, other = made(2)
        publish(engine, first, frames)
        with engine.begin() as connection:
            connection.execute(delete(sales_history_days))
        publish(engine, again, other)
        assert everything(engine)["sales_history"] == sorted(
            tuple(row.values()) for row in other.sales_history.to_pylist()
        )

    def test_day_that_another_publisher_corrected_meanwhile_stays_so(
        self, engine: Engine, made: Callable[..., Any], with_value: Callable[..., Any]
    ) -> None:
        (first, frames), (slow, _), (quick, _) = made(1), made(2), made(3)
        publish(engine, first, frames)
        corrected = with_value(frames, "sales_history", "units", 3, 99.0)

        def overtake(name: str, _rows: int) -> None:
            if name == "run_nodes":
                publish(engine, quick, corrected, activate=False)

        publish(engine, slow, frames, activate=False, progress=overtake)
        assert everything(engine)["sales_history"] == sorted(
            tuple(row.values()) for row in corrected.sales_history.to_pylist()
        )

    def test_unknown_prices_are_kept_unknown(
        self, engine: Engine, made: Callable[..., Any], with_value: Callable[..., Any]
    ) -> None:
        run, frames = made()
        frames = with_value(frames, "sales_history", "price", 0, None)
        publish(engine, run, frames)
        again, _ = made(2)
        publish(engine, again, frames)
        assert sum(row[4] is None for row in everything(engine)["sales_history"]) == 1

    def test_reader_of_an_older_run_sees_no_later_sale(self, engine: Engine, made: Callable[..., Any]) -> None:
        run, frames = made(1)
        publish(engine, run, frames)
        with reading(engine) as connection:
            days = read.history(connection, "CA_1", "FOODS_1_00000", origin=ORIGIN - timedelta(days=3), days=5).column(
                "date"
            )
        assert days.to_pylist() == [ORIGIN - timedelta(days=back) for back in (7, 6, 5, 4, 3)]

    def test_calendar_is_added_to_and_corrected(
        self, engine: Engine, made: Callable[..., Any], with_value: Callable[..., Any]
    ) -> None:
        first, frames = made(1)
        later, other = made(2, origin=ORIGIN + timedelta(days=7))
        publish(engine, first, frames)
        publish(engine, later, with_value(other, "calendar_days", "event_name", 0, "Easter"))
        with reading(engine) as connection:
            count = connection.execute(select(func.count()).select_from(calendar_days)).scalar_one()
            shown = read.calendar(connection, ORIGIN - timedelta(days=6), ORIGIN - timedelta(days=6))
            flags = read.region_flags(connection, "CA", ORIGIN, ORIGIN + timedelta(days=14))
        assert count == 14 + 7 + 7
        assert shown.to_pylist() == [
            {"date": ORIGIN - timedelta(days=6), "weekday_name": "Monday", "event_name": "Easter"}
        ]
        assert flags.num_rows == 15


def test_progress_counts_the_rows_of_each_frame(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made()
    heard: dict[str, int] = {}
    publish(engine, run, frames, batch_rows=16, progress=heard.__setitem__)
    assert heard == {name: getattr(frames, name).num_rows for name in FRAME_TABLES}


def test_active_pointer_needs_a_stored_run(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(insert(active_runs).values(store_id="CA_1", run_id="none", activated_at=utc_now()))


def test_series_of_a_run_know_their_groups(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made()
    publish(engine, run, frames)
    with reading(engine) as connection:
        found = connection.execute(
            select(run_series.c.item_id).where(
                run_series.c.run_id == run.run_id, run_series.c.department_id == "FOODS_2"
            )
        ).scalars()
        assert set(found) == {"FOODS_2_00001"}
