"""The lint of T-SQL: each of its rules catches what it is for, and good SQL passes."""

from __future__ import annotations

import pytest

from tests.dbt_project import tsql_lint

PLANTED = {
    "function": ["select stddev(x) from t", "select bool_or(x) from t", "select median(x) from t"],
    "boolean literal": ["select 1 as a from t where x = true", "select case when a > 1 then FALSE end as b from t"],
    "boolean type": ["select cast(x as boolean) as y from t"],
    "sum of a comparison": ["select sum(x = 0) from t", "select avg(x is null) from t"],
    "comparison as a value": ["select a, b > c as is_more from t"],
    "limit": ["select a from t limit 5"],
    "double colon": ["select a::date from t"],
    "concatenation": ["select a || b from t"],
    "qualify": ["select a from t qualify row_number() over (partition by a order by b) = 1"],
    "group by all": ["select a, count(*) as n from t group by all"],
    "group by position": ["select a, count(*) as n from t group by 1"],
    "ilike": ["select a from t where a ilike 'x%'"],
    "typed literal": ["select a from t where day > date '2016-05-22'"],
    "interval": ["select day + interval '1' day as next_day from t"],
    "current_date": ["select a from t where day < current_date"],
    "filter": ["select count(*) filter (where a > 1) as n from t"],
    "using": ["select a from t inner join u using (a)"],
    "except columns": ["select * except (a) from t", "select * exclude (a) from t"],
    "nulls first": ["select row_number() over (order by a nulls last) as n from t"],
    "nested with": ["select a from (with u as (select a from t) select a from u) as v"],
    "recursive": ["with recursive t as (select 1 as a) select a from t"],
    "lateral": ["select a from t, lateral (select 1 as b) as u"],
    "double": ["select cast(a as double) as b from t"],
    "string": ["select cast(a as string) as b from t"],
    "unsized text": ["select cast(a as nvarchar) as b from t"],
    "timestamp": ["select cast(a as timestamp) as b from t"],
    "integer division": ["select 1 / 3 as a from t", "select count(*) / nullif(a, 0) as b from t"],
    "division by zero": ["select a / b as c from t"],
    "average of integers": [
        "select avg(case when a > 1 then 1 else 0 end) as share from t",
        "select avg(cast(a as integer)) as b from t",
    ],
}

GOOD = """
-- a comment with true, limit 5 and a || b
with runs as (

    select
        concat(a, ' || true limit 5 ', b) as label,
        cast(nullif(a, 0) as float) / nullif(b, 0) as ratio,
        total / 7 as daily,
        sum(case when a = 0 then 1 else 0 end) as zeros,
        stdev(a) as spread,
        avg(cast(a as float)) as mean,
        row_number() over (partition by a order by b desc) as recency,
        string_agg(a, ',') within group (order by a) as listed,
        cast(day as datetime2(6)) as moment,
        cast('2016-05-22' as date) as origin,
        N'Köln' as town
    from t
    where a is not null
    group by a, b

)

select * from runs
"""


@pytest.mark.parametrize(("rule", "sql"), [(rule, sql) for rule, planted in PLANTED.items() for sql in planted])
def test_planted_violation_is_found(rule: str, sql: str) -> None:
    assert [found for found in tsql_lint.findings(sql) if found.startswith(f"{rule}:")], tsql_lint.findings(sql)


def test_every_rule_has_a_planted_violation() -> None:
    assert set(PLANTED) == set(tsql_lint.RULES)


def test_columns_known_to_be_integers_are_not_averaged_or_divided() -> None:
    integers = {"is_active", "series"}
    assert tsql_lint.findings("select avg(runs.is_active) as share from runs", integers)
    assert tsql_lint.findings("select series / nullif(is_active, 0) as a from runs", integers)
    assert not tsql_lint.findings("select avg(units) as a, cast(series as float) / 2 as b from runs", integers)


@pytest.mark.parametrize("sql", ["select a from t order by a", "select a from (select a from t order by a) as u"])
def test_order_of_rows_is_found(sql: str) -> None:
    assert [found for found in tsql_lint.findings(sql) if found.startswith("order by:")]


def test_letters_outside_the_code_page_need_a_national_literal() -> None:
    assert tsql_lint.findings("select a from t where town = 'Köln'")


def test_good_sql_passes() -> None:
    assert tsql_lint.findings(GOOD) == []


def test_what_is_wrapped_is_unwrapped() -> None:
    batch = "use x; exec('create view v as select ''a'' as b;') EXEC(N'exec(''select 1'')')"
    assert list(tsql_lint.statements(batch))[1:] == [
        "create view v as select 'a' as b;",
        "exec('select 1')",
        "select 1",
    ]
