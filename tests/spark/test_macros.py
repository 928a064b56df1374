"""Macros that render other SQL on other engines, run on Spark."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.spark.project import Warehouse

pytestmark = pytest.mark.spark


def rows(raw: Warehouse, sql: str) -> list[tuple[object, ...]]:
    """Rows of a query with macros in it, as the target `databricks` renders it."""
    done = raw.dbt("compile", "--inline", sql)
    return sorted(tuple(row) for row in raw.spark.sql(done.results[0].node.compiled_code).collect())


def test_types(raw: Warehouse) -> None:
    sql = """
    select
        cast(0.1 as {{ type_double() }}) as d, cast('ü' as {{ type_text() }}) as t,
        cast('2016-05-22 01:02:03' as {{ type_timestamp_utc() }}) as at
    """
    assert rows(raw, sql) == [(0.1, "ü", dt.datetime(2016, 5, 22, 1, 2, 3))]


def test_days_and_nodes(raw: Warehouse) -> None:
    sql = """
    select
        {{ days_between('a', 'b') }} as between_days, {{ days_between('b', 'a') }} as back,
        {{ add_days('a', 3) }} as later,
        {{ node_id(aggregation_levels()[0]) }} as total, {{ node_id(aggregation_levels()[8]) }} as store_department
    from (select date '2016-02-27' as a, date '2016-03-01' as b, 'S' as store_id, 'D' as department_id)
    """
    assert rows(raw, sql) == [(3, -3, dt.date(2016, 3, 1), "total", "store_department:S|D")]


def test_columns_become_rows(raw: Warehouse) -> None:
    wide = "(select 'x' as id, 5 as d_1, cast(null as int) as d_2, 7 as d_10)"
    sql = "{{ unpivot_columns(%s, ['d_1', 'd_2', 'd_10'], 'd_', ['id'], 'day', 'units', is_numeric=%s) }}"
    relation = f'"{wide}"'
    assert sorted(rows(raw, f"select id, day, coalesce(units, -1) from ({sql % (relation, 'true')})")) == [
        ("x", 1, 5),
        ("x", 2, -1),
        ("x", 10, 7),
    ]
    assert rows(raw, f"select id, day from ({sql % (relation, 'false')})") == [("x", "1"), ("x", "10"), ("x", "2")]


def test_columns_are_found_by_their_prefix(raw: Warehouse) -> None:
    relation = "source('m5', 'calendar')"
    sql = f"select '{{{{ columns_with_prefix({relation}, 'snap_') | sort | join(' ') }}}}' as names"
    ((names,),) = rows(raw, sql)
    assert "snap_CA" in str(names).split()


def test_a_digest_tells_rows_apart(raw: Warehouse) -> None:
    sql = """
    select count(distinct {{ row_digest(['a', 'b']) }}) as digests, count(*) as rows_in
    from values (1, 'x'), (1, 'y'), (2, 'x'), (2, 'x') as t(a, b)
    """
    assert rows(raw, sql) == [(3, 4)]


def test_different_days_are_counted(raw: Warehouse) -> None:
    sql = """
    select {{ distinct_days('day') }} as days
    from values (date '2016-02-29'), (date '2016-02-29'), (date '2016-03-01'), (null) as t(day)
    """
    assert rows(raw, sql) == [(2,)]


def test_every_day_between_two_is_listed(raw: Warehouse) -> None:
    sql = """
    with bounds as (select date '2016-02-28' as first_date, date '2016-03-01' as last_date)
    {{ days_of('bounds') }}
    """
    assert rows(raw, sql) == [(dt.date(2016, 2, 28),), (dt.date(2016, 2, 29),), (dt.date(2016, 3, 1),)]
