"""What a row of a feature mart says was known at the end of its day."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from tests.dbt_project.conftest import SCRAMBLED_DAYS
from tests.dbt_project.project import Home

pytestmark = pytest.mark.dbt

MARTS = ["features.fct_series_features", "features.fct_node_features", "features.fct_item_features"]


@pytest.mark.parametrize("mart", MARTS)
def test_sales_after_the_origin_change_nothing_up_to_it(home: Home, scrambled_home: Home, mart: str) -> None:
    last = home.query("select max(last_date) as day from core.dim_series")["day"][0]
    origin = (last - timedelta(days=SCRAMBLED_DAYS)).date()
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.warehouse}' as original (read_only)")
        connection.execute(f"attach '{scrambled_home.warehouse}' as scrambled (read_only)")

        def rows(condition: str) -> list[tuple[int, ...]]:
            # EXCEPT compares every column of every row, floats bit by bit; but for when a build wrote it.
            columns = "*" if mart.endswith("node_features") else "* exclude (updated_at)"
            return connection.sql(
                f"""
                select
                    (select count(*) from original.{mart} where {condition}),
                    (select count(*) from (
                        (select {columns} from original.{mart} where {condition} except all
                         select {columns} from scrambled.{mart} where {condition})
                        union all
                        (select {columns} from scrambled.{mart} where {condition} except all
                         select {columns} from original.{mart} where {condition})
                    ))
                """
            ).fetchall()

        ((known, different),) = rows(f"as_of_date <= date '{origin}'")
        assert known > 0
        assert different == 0
        ((_, different_after),) = rows(f"as_of_date > date '{origin}'")
        assert different_after > 0  # the scramble was one


def test_prices_and_calendar_do_not_depend_on_sales(home: Home, scrambled_home: Home) -> None:
    for mart in ("features.fct_price_features", "core.dim_calendar", "core.fct_event_days", "core.fct_prices"):
        columns = "* exclude (updated_at)" if "price" in mart else "*"
        sql = f"select {columns} from {mart} order by all"
        assert home.query(sql).equals(scrambled_home.query(sql)), mart
