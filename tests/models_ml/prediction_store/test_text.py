"""Text is compared alike on SQLite and SQL Server: patterns, case, blanks at an end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, insert, literal, select

from models_ml.errors import InputError
from models_ml.prediction_store import pointers, runs
from models_ml.prediction_store.history import stored_days
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import RunRecord
from models_ml.prediction_store.schema import forecasts, run_nodes, run_series, sales_history_days
from models_ml.prediction_store.text import contains, escape_like, one_of
from models_ml.prediction_store.transactions import reading, writing

from .recording_server import RecordingServer

NAMES = ["100%_cotton", "100 cotton", "a[0-9]b", "a5b", "a/b", "CAFÉ_1", "café_2", "cafe_3", "ÅNGSTRÖM", "straße"]


@pytest.fixture
def named(engine: Engine, made: Callable[..., Any]) -> Engine:
    """A store with a node of each name."""
    run, frames = made()
    publish(engine, run, frames)
    with writing(engine) as connection:
        rows = [{"run_id": run.run_id, "node_id": n, "level": 5, "level_name": "department"} for n in NAMES]
        connection.execute(insert(run_nodes), rows)
    return engine


@pytest.mark.parametrize(
    ("searched", "expected"),
    [
        ("%", {"100%_cotton"}),
        ("_", {"100%_cotton", "CAFÉ_1", "café_2", "cafe_3"}),
        ("[0-9]", {"a[0-9]b"}),
        ("/", {"a/b"}),
        ("café", {"CAFÉ_1", "café_2"}),
        ("CAFÉ", {"CAFÉ_1", "café_2"}),
        ("CAFE", {"cafe_3"}),
        ("ångström", {"ÅNGSTRÖM"}),
        ("STRASSE", {"straße"}),
        ("A5", {"a5b"}),
        ("nowhere", set()),
    ],
)
def test_23_06_and_18_17_search_finds_what_is_written_in_any_case(
    named: Engine, searched: str, expected: set[str]
) -> None:
    with reading(named) as connection:
        query = select(run_nodes.c.node_id).where(
            run_nodes.c.node_id.in_(NAMES), contains(run_nodes.c.node_id, searched)
        )
        assert set(connection.execute(query).scalars()) == expected


def like(text: str, pattern: str) -> bool:
    """T-SQL's LIKE with ESCAPE '/', after its documentation: %, _, [set] and the escape character."""
    expression, rest = "", pattern
    while rest:
        if rest[0] == "/":
            expression, rest = expression + re.escape(rest[1]), rest[2:]
        elif rest[0] == "[":
            expression, rest = expression + rest[: rest.index("]") + 1], rest[rest.index("]") + 1 :]
        else:
            expression, rest = expression + {"%": ".*", "_": "."}.get(rest[0], re.escape(rest[0])), rest[1:]
    return re.fullmatch(expression, text, flags=re.DOTALL) is not None


@pytest.mark.parametrize("text", ["[0-9]", "100%", "a_b", "a/b", "/", "[", "]", "^-"])
def test_23_06_escaped_text_is_no_pattern_of_sql_server(text: str) -> None:
    assert like(text, escape_like(text))
    assert not any(like(other, escape_like(text)) for other in ("5", "1000", "axb", "ab", "", "x"))


def test_23_06_search_is_sent_to_sql_server_without_its_case() -> None:
    server = RecordingServer()
    engine = server.engine()
    with reading(engine) as connection:
        connection.execute(select(run_series.c.item_id).where(contains(run_series.c.item_id, "CAFÉ[1]"))).all()
    engine.dispose()
    [(sql, parameters)] = [one for one in server.sent if "run_series" in one[0]]
    assert sql.endswith("item_id COLLATE Latin1_General_100_CI_AS_KS_WS LIKE ? ESCAPE '/'")
    assert parameters == (("%café/[1]%",),)


def test_23_06_beginning_of_a_run_id_is_no_pattern(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made()
    publish(engine, run, frames)
    assert runs.show(engine, run.run_id[:-1]).run_id == run.run_id
    assert runs.show(engine, run.run_id).run_id == run.run_id
    for pattern in ("run%", "run_%", "[r]un", "RUN_", run.run_id + " ", "run_ "):
        with pytest.raises(InputError, match="No run begins"):
            runs.show(engine, pattern)


def test_23_09_key_with_a_blank_at_its_end_equals_no_key(engine: Engine, made: Callable[..., Any]) -> None:
    run, frames = made()
    publish(engine, run, frames)
    item = frames.run_series.column("item_id")[0].as_py()
    with reading(engine) as connection:
        found = {
            asked: connection.execute(select(run_series.c.item_id).where(run_series.c.item_id == asked)).first()
            for asked in (item, f"{item} ", f"{item}  ", item.lower())
        }
    assert [asked for asked, row in found.items() if row is not None] == [item]


def test_23_09_padding_of_sql_server_cannot_make_it_equal() -> None:
    """SQL Server compares as if blanks at an end were not there."""
    server = RecordingServer()
    engine = server.engine()
    with reading(engine) as connection:
        for asked in ("FOODS_1_001", "FOODS_1_001 "):
            connection.execute(select(literal(1)).where(run_series.c.item_id == asked)).all()
            connection.execute(select(literal(1)).where(run_series.c.item_id.in_([asked]))).all()
    engine.dispose()
    sent = [parameters[0][-1] for sql, parameters in server.sent if "item_id" in sql]
    assert [value.rstrip(" ") == "FOODS_1_001" for value in sent] == [True, True, False, False]


THOUSANDS = [f"S{number:04}" for number in range(3_000)]


def test_18_12_three_thousand_stores_are_one_parameter(engine: Engine) -> None:
    """SQL Server takes 2,100 parameters a statement; this one has as many as it has columns with a condition."""
    run = RunRecord(
        run_id="run_many", model="ets", version="1", origin=date(2016, 5, 22), horizon_days=7, scope=tuple(THOUSANDS),
        git_commit="x", data_fingerprint="x", role="champion", parameters={}, metrics={},
    )  # fmt: skip
    day = {"date": date(2016, 5, 1), "checksum": 7}
    with writing(engine) as connection:
        rows = [{"store_id": store, **day} for store in [*THOUSANDS[::500], "other", "s0000"]]
        connection.execute(insert(sales_history_days), rows)
        found = stored_days(connection, run)
    assert found == {(store, date(2016, 5, 1)): 7 for store in THOUSANDS[::500]}


def test_18_12_sql_server_is_sent_one_list() -> None:
    server = RecordingServer()
    engine = server.engine()
    with reading(engine) as connection:
        connection.execute(select(forecasts).where(one_of(forecasts.c.store_id, THOUSANDS))).all()
        served: dict[str, str | None] = {store: f"run_{store}" for store in THOUSANDS}
        pointers.refuse_older(connection, "run_many", date(2016, 5, 22), served)
    engine.dispose()
    sent = [one for one in server.sent if "OPENJSON(?)" in one[0]]
    assert len(sent) == 2
    for sql, parameters in sent:
        assert re.search(r"IN \(SELECT anon_\d\.value COLLATE Latin1_General_100_BIN2 ", sql)
        assert sql.count("?") <= 3
        assert len(json.loads(next(one for one in parameters[0] if str(one).startswith("[")))) == 3_000
