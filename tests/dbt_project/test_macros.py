"""Macros that render other SQL on other engines, each run where it can be and read where it cannot."""

from __future__ import annotations

import re

import duckdb
import pytest

from tests.dbt_project.project import Home

pytestmark = pytest.mark.dbt

TEMPLATE = """
type_double={{ type_double() }};
type_text={{ type_text() }};
type_timestamp_utc={{ type_timestamp_utc() }};
days_between={{ days_between('a', 'b') }};
add_days={{ add_days('a', 3) }};
trailing={{ trailing_rows(4) }};
row_digest={{ row_digest(['a', 'b']) }};
first_as_of_day={{ first_as_of_day() }};
days_of={{ days_of('bounds') }};
distinct_days={{ distinct_days('day') }};
node_total={{ node_id(aggregation_levels()[0]) }};
node_store_department={{ node_id(aggregation_levels()[8]) }};
unpivot_numbers={{ unpivot_columns('wide', ['d_1', 'd_2', 'd_10'], 'd_', ['id'], 'day', 'units', is_numeric=true) }};
unpivot_texts={{ unpivot_columns('wide', ['flag_A', 'flag_B'], 'flag_', ['id'], 'region', 'flag') }};
"""


def render(home: Home, target: str) -> dict[str, str]:
    """Each macro of the template as the target's adapter renders it; nothing is asked of the target."""
    done = home.dbt("--quiet", "compile", "--no-populate-cache", "--inline", TEMPLATE, target=target)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {
        name: re.sub(r"\s+", " ", value).strip()
        for name, value in re.findall(r"^(\w+)=(.*?);$", done.stdout, flags=re.DOTALL | re.MULTILINE)
    }


@pytest.fixture(scope="module")
def local(home: Home) -> dict[str, str]:
    return render(home, "local")


def test_columns_become_rows(local: dict[str, str]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table wide (id text, d_1 int, d_2 int, d_10 int, flag_A int, flag_B int)")
        connection.execute("insert into wide values ('x', 5, null, 7, 0, 1), ('y', 0, 1, 2, 1, 1)")
        numbers = connection.sql(local["unpivot_numbers"]).order("all").fetchall()
        texts = connection.sql(local["unpivot_texts"]).order("all").fetchall()
    assert numbers == [("x", 1, 5), ("x", 2, None), ("x", 10, 7), ("y", 1, 0), ("y", 2, 1), ("y", 10, 2)]
    assert texts == [("x", "A", 0), ("x", "B", 1), ("y", "A", 1), ("y", "B", 1)]


def test_days(local: dict[str, str]) -> None:
    with duckdb.connect() as connection:
        days = "(select date '2016-02-27' as a, date '2016-03-01' as b)"
        sql = f"select {local['days_between']}, {local['add_days']} from {days}"
        ((between, later),) = connection.sql(sql).fetchall()
    assert between == 3
    assert str(later) == "2016-03-01"


def test_different_days_are_counted(local: dict[str, str]) -> None:
    days = "(values (date '1970-01-01'), ('2016-02-29'), ('2016-02-29'), ('2069-12-31'), (null)) as t(day)"
    with duckdb.connect() as connection:
        assert connection.sql(f"select {local['distinct_days']} from {days}").fetchall() == [(3,)]
        with pytest.raises(duckdb.OutOfRangeException):
            connection.sql(f"select {local['distinct_days']} from (select date '1969-12-31' as day)").fetchall()


def test_types_and_nodes(local: dict[str, str]) -> None:
    with duckdb.connect() as connection:
        (row,) = connection.sql(
            f"select cast(0.1 as {local['type_double']}), cast('ü' as {local['type_text']}), "
            f"{local['node_total']}, {local['node_store_department']}, "
            f"cast('2016-05-22' as {local['type_timestamp_utc']}) "
            "from (select 'S' store_id, 'D' department_id)"
        ).fetchall()
    assert row[:4] == (0.1, "ü", "total", "store_department:S|D")


def test_a_digest_tells_rows_apart(local: dict[str, str]) -> None:
    values = "(values (1, 'x'), (1, 'y'), (2, 'x'), (2, 'x')) as t(a, b)"
    with duckdb.connect() as connection:
        digests = [row[0] for row in connection.sql(f"select {local['row_digest']} from {values}").fetchall()]
    assert len(set(digests)) == 3
    assert all(0 <= digest < 2**63 for digest in digests)


def test_a_digest_of_rows_sees_a_value_that_changes_in_two_of_them(local: dict[str, str]) -> None:
    """A price of two weeks that is corrected in both."""
    with duckdb.connect() as connection:
        ((before,), (after,)) = (
            connection.sql(f"select bit_xor({local['row_digest']}) from (values (1, {b}), (2, {b})) as t(a, b)").fetchall()[0]
            for b in (2.0, 3.25)
        )
    assert before != after


def test_every_day_between_two_is_listed(local: dict[str, str]) -> None:
    bounds = "with bounds as (select date '2016-02-28' as first_date, date '2016-03-01' as last_date)"
    with duckdb.connect() as connection:
        days = connection.sql(f"{bounds} {local['days_of']}").fetchall()
    assert [str(day) for (day,) in days] == ["2016-02-28", "2016-02-29", "2016-03-01"]


def test_the_grid_of_as_of_days_starts_on_a_sunday(local: dict[str, str]) -> None:
    with duckdb.connect() as connection:
        assert connection.sql(f"select dayname({local['first_as_of_day']})").fetchall() == [("Sunday",)]


def test_a_frame_ends_at_the_row(local: dict[str, str]) -> None:
    assert local["trailing"] == "rows between 3 preceding and current row"


DATABRICKS = {
    "type_double": "double",
    "type_text": "string",
    "days_between": "datediff(b, a)",
    "row_digest": "xxhash64(a, b)",
    "distinct_days": "count(distinct day)",
    "unpivot_numbers": "select id, stack( 3, 1, d_1, 2, d_2, 10, d_10 ) as (day, units) from wide",
    "unpivot_texts": "select id, stack( 2, 'A', flag_A, 'B', flag_B ) as (region, flag) from wide",
}


def test_databricks_renders_its_own(home: Home) -> None:
    rendered = render(home, "databricks")
    assert {name: rendered[name] for name in DATABRICKS} == DATABRICKS


def test_a_developers_schemas_have_a_prefix(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_SCHEMA", "ada")
    rendered = home.dbt(
        "--quiet", "compile", "--no-populate-cache", "--inline", "{{ ref('dim_items') }} {{ source('m5', 'calendar') }}",
        target="databricks",
    )  # fmt: skip
    assert "`ada_core`.`dim_items`" in rendered.stdout, rendered.stdout + rendered.stderr
    assert "`raw_m5`.`calendar`" in rendered.stdout
