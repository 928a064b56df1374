"""A picture of the sales for the terminal: what a person must see to know whether a file was read rightly."""

# ruff: noqa: S608 - names come from this package
from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from models_ml.sources.long.raw_schema import SCHEMA
from models_ml.sources.long.session import Session

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 78
LARGEST = 10
ODD_SHARE = 0.4


def picture(connection: Session) -> Iterator[str]:
    """Units by week with suspicious weeks marked, and the ten largest series, a line each."""
    rows = connection.execute(f"select date, sum(units) from {SCHEMA}.sales group by date order by date").fetchall()
    daily = pd.Series([float(units) for _, units in rows], pd.to_datetime([str(date) for date, _ in rows]))
    weeks = daily.resample("7D").sum()
    shown = weeks.tail(WIDTH)
    top = float(shown.max()) or 1.0
    usual = shown.rolling(9, center=True, min_periods=3).median()
    yield f"units by week, {shown.index[0].date()} to {shown.index[-1].date()} (highest {top:,.0f}):"
    yield "  " + "".join(BARS[max(0, min(8, round(8 * float(units) / top)))] for units in shown)
    odd = (shown - usual).abs() > ODD_SHARE * usual
    odd.iloc[[0, -1]] = False  # these weeks may be parts
    if odd.any():
        yield "  " + "".join("^" if is_odd else " " for is_odd in odd)
        worst = (shown - usual).abs()[odd].idxmax()
        yield f"  ^ far from the weeks around, such as {pd.Timestamp(str(worst)).date()}: {shown[worst]:,.0f} units"
    largest = connection.execute(
        f"select store_id, item_id, sum(units) as units, sum(sum(units)) over () as every from {SCHEMA}.sales"
        f" group by store_id, item_id order by units desc, store_id, item_id limit {LARGEST}"
    ).fetchall()
    yield "largest series: " + ", ".join(
        f"{item} in {store} {float(units) / float(every or 1):.0%}" for store, item, units, every in largest
    )
