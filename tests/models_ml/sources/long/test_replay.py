"""Tables as of a past day are those that were there on that day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from models_ml.sources.long.ingest import SCHEMA, ingest
from models_ml.sources.long.simulate import LAST_MONDAY, SALES_FILE, WEEKS_AHEAD, shop, simulate

WEEKS, LATER = 30, 9
LAST_KNOWN = LAST_MONDAY - timedelta(weeks=LATER)


def tables(warehouse: Path) -> dict[str, pd.DataFrame]:
    """Every raw table but the log, in the order of its rows, without the time of loading."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.sql(f"select table_name from duckdb_tables() where schema_name = '{SCHEMA}'").fetchall()
        found = {}
        for (name,) in names:
            columns = [row[0] for row in connection.sql(f"describe {SCHEMA}.{name}").fetchall()]
            kept = ", ".join(f'"{column}"' for column in columns if column != "loaded_at")
            found[name] = connection.sql(f"select {kept} from {SCHEMA}.{name} order by all").df()
    found.pop("ingest_log")
    return found


@pytest.mark.parametrize("days_into_the_next_week", [0, 3, 6])
def test_weeks_as_of_any_day_are_the_weeks_that_were_over(tmp_path: Path, days_into_the_next_week: int) -> None:
    """The file of then: sales of the weeks that were over, and the promotions that were planned."""
    sales = shop(2, 6, WEEKS, np.random.default_rng(3))
    sales["promotion"] = np.where(sales["promotion"] == 1, "leaflet", "none")
    sales.loc[sales["week"] == sales["week"].max(), "promotion"] = "poster"  # a word of later
    for name in ("now", "then"):
        simulate(tmp_path / name, stores=2, items=6, days=7 * WEEKS, seed=3)
    sales.to_csv(tmp_path / "now" / SALES_FILE, index=False)
    sales.loc[sales["week"] > str(LAST_KNOWN), ["quantity", "price"]] = None
    planned = sales["week"] <= str(LAST_KNOWN + timedelta(weeks=WEEKS_AHEAD))
    sales[planned].to_csv(tmp_path / "then" / SALES_FILE, index=False)
    then = ingest(tmp_path / "then", tmp_path / "then.duckdb")
    as_of = LAST_KNOWN + timedelta(days=6 + days_into_the_next_week)
    now = ingest(tmp_path / "now", tmp_path / "now.duckdb", as_of=as_of)
    assert (then.first_day, then.last_day, then.series) == (now.first_day, now.last_day, now.series)
    assert now.last_day == LAST_KNOWN + timedelta(days=6)
    one, other = tables(tmp_path / "then.duckdb"), tables(tmp_path / "now.duckdb")
    assert one.keys() == other.keys()
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[name], obj=name)
