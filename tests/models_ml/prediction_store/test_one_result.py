"""Results are read whole before the next statement starts, as SQL Server wants it (without MARS)."""

from __future__ import annotations

import pytest

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.transactions import reading
from tests.one_result import UnreadResultError


def test_23_03_guard_raises_when_a_statement_starts_while_rows_are_unread(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    two_rows = "select 1 union all select 2"
    with reading(engine) as connection:
        unread = connection.exec_driver_sql(two_rows)
        unread.fetchone()
        with pytest.raises(UnreadResultError, match="are unread"):
            connection.exec_driver_sql("select 3")
        assert unread.all() == [(2,)]
        assert connection.exec_driver_sql(two_rows).first() == (1,)
        assert connection.exec_driver_sql("select 3").scalar_one() == 3
    engine.dispose()
