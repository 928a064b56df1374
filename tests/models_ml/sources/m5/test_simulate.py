"""Simulated files have M5's format, depend on the seed alone, and hold the effects that a model should find."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models_ml.errors import InputError
from models_ml.sources.m5.ingest import ingest
from models_ml.sources.m5.layout import day_columns
from models_ml.sources.m5.simulate import MARKER_FILE, simulate

FILES = ("calendar.csv", "sales_train_evaluation.csv", "sell_prices.csv")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate(tmp_path / name, stores=2, items=20, days=100, seed=7)
    simulate(tmp_path / "c", stores=2, items=20, days=100, seed=8)
    a, b, c = (content(tmp_path / name) for name in "abc")
    assert a == b
    assert a["calendar.csv"] == c["calendar.csv"], "the calendar is no matter of chance"
    assert a["sales_train_evaluation.csv"] != c["sales_train_evaluation.csv"]
    assert a["sell_prices.csv"] != c["sell_prices.csv"]


def test_more_stores_change_no_earlier_store(tmp_path: Path) -> None:
    simulate(tmp_path / "two", stores=2, items=20, days=100, seed=7)
    simulate(tmp_path / "five", stores=5, items=20, days=100, seed=7)
    for name in FILES[1:]:
        assert (tmp_path / "five" / name).read_bytes().startswith((tmp_path / "two" / name).read_bytes())


def test_one_more_day_continues_the_same_history(tmp_path: Path) -> None:
    simulate(tmp_path / "today", items=40, days=500, seed=7)
    simulate(tmp_path / "tomorrow", items=40, days=501, seed=7)
    today = pd.read_csv(tmp_path / "today" / FILES[1])
    tomorrow = pd.read_csv(tmp_path / "tomorrow" / FILES[1])
    pd.testing.assert_frame_equal(tomorrow[today.columns], today)
    assert list(tomorrow.columns) == [*today.columns, "d_501"]


def test_a_longer_horizon_adds_days_ahead_and_changes_no_sale(tmp_path: Path) -> None:
    simulate(tmp_path / "short", items=20, days=400, seed=7)
    simulate(tmp_path / "long", items=20, days=400, seed=7, horizon_days=84)
    assert (tmp_path / "short" / FILES[1]).read_bytes() == (tmp_path / "long" / FILES[1]).read_bytes()
    calendars, prices = ([set((tmp_path / name / file).read_text().splitlines()) for name in ("short", "long")]
        for file in (FILES[0], FILES[2]))  # fmt: skip
    assert len(calendars[1] - calendars[0]) == 56
    assert calendars[0] < calendars[1]
    assert prices[0] < prices[1]


def test_names_of_stores_and_states(tmp_path: Path) -> None:
    simulate(tmp_path / "x", stores=14, items=7, days=14, seed=1)
    sales = pd.read_csv(tmp_path / "x" / FILES[1])
    stores = list(dict.fromkeys(sales["store_id"]))
    m5 = ["CA_1", "CA_2", "CA_3", "CA_4", "TX_1", "TX_2", "TX_3", "WI_1", "WI_2", "WI_3"]
    assert stores == [*m5, "NY_1", "NY_2", "NY_3", "FL_1"]
    assert (sales["store_id"].str.split("_").str[0] == sales["state_id"]).all()
    calendar = pd.read_csv(tmp_path / "x" / FILES[0])
    assert list(calendar.columns[-5:]) == ["snap_CA", "snap_TX", "snap_WI", "snap_NY", "snap_FL"]
    many = simulate(tmp_path / "many", stores=160, items=1, days=1, seed=1)
    assert many.series == pd.read_csv(tmp_path / "many" / FILES[1])["store_id"].nunique() == 160
    assert ingest(tmp_path / "many", tmp_path / "warehouse.duckdb").stores == 160


@pytest.mark.parametrize(("items", "days"), [(1, 1), (1, 28), (3, 8), (50, 363), (50, 364), (6, 3597)])
def test_any_size_can_be_ingested(items: int, days: int, tmp_path: Path) -> None:
    simulate(tmp_path / "x", items=items, days=days, seed=2)
    report = ingest(tmp_path / "x", tmp_path / "warehouse.duckdb")
    assert (report.items, report.warnings) == (items, ())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"stores": 0}, "stores is 0; give a number from 1"),
        ({"items": -1}, "items is -1; give a number from 1"),
        ({"days": 0}, "days is 0; give a number from 1 to 3,5"),
        ({"days": 9999}, "days is 9999; give a number from 1 to 3,5"),
        ({"seed": -4}, "seed is -4"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, int], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        simulate(tmp_path / "x", **arguments)
    assert not (tmp_path / "x").exists()


def test_files_of_others_are_never_replaced(tmp_path: Path) -> None:
    theirs = tmp_path / "m5"
    theirs.mkdir()
    (theirs / FILES[1]).write_text("real data")
    with pytest.raises(InputError, match=r"holds sales_train_evaluation.csv.*new folder"):
        simulate(theirs, items=2, days=7)
    assert (theirs / FILES[1]).read_text() == "real data"
    simulate(tmp_path / "ours", items=2, days=7)
    (tmp_path / "ours" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes.txt"):
        simulate(tmp_path / "ours", items=3, days=7)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"is a file; name a folder"):
        simulate(tmp_path / "file")


def test_a_simulation_replaces_an_earlier_one(tmp_path: Path) -> None:
    simulate(tmp_path / "x", items=2, days=7)
    simulate(tmp_path / "x", items=3, days=7)
    assert len((tmp_path / "x" / FILES[1]).read_text().splitlines()) == 4
    assert json.loads((tmp_path / "x" / MARKER_FILE).read_text())["items"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


KILLED = """
import os, signal, sys
from pathlib import Path
import models_ml.sources.m5.simulate as module

step, target = sys.argv[1:]
rename = Path.rename

def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

def rename_once(path, other):
    rename(path, other)
    die()

if step == "rename":
    Path.rename = rename_once
else:
    setattr(module, step, die)
module.simulate(Path(target), items=3, days=7)
"""


@pytest.mark.fault
@pytest.mark.parametrize("step", ["_write_calendar", "draw_store", "_swap_in", "rename"])
def test_a_kill_leaves_the_earlier_files(step: str, tmp_path: Path) -> None:
    target = tmp_path / "x"
    simulate(target, items=2, days=7)
    before = content(target)
    killed = subprocess.run([sys.executable, "-c", KILLED, step, str(target)], check=False, timeout=120)
    assert killed.returncode == -9
    if step == "rename":  # between the two renames, which the next simulation mends
        assert content(tmp_path / ".x.old") == before
    else:
        assert content(target) == before
    simulate(target, items=3, days=7)
    assert len((target / FILES[1]).read_text().splitlines()) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


class Panel:
    """One simulated store as arrays; units by day and item."""

    def __init__(self, folder: Path) -> None:
        sales = pd.read_csv(folder / FILES[1])
        self.calendar = pd.read_csv(folder / FILES[0])
        self.days = sum(column.startswith("d_") for column in sales.columns)
        self.known = self.calendar.iloc[: self.days]
        self.units = sales[day_columns(self.days)].to_numpy(float).T
        self.department = sales["dept_id"].to_numpy()
        prices = pd.read_csv(folder / FILES[2])
        weekly = prices.pivot_table(index="wm_yr_wk", columns="item_id", values="sell_price")
        self.price = weekly[sales["item_id"]].loc[self.known["wm_yr_wk"]].to_numpy()
        self.ahead_price = weekly[sales["item_id"]].to_numpy()

    def total(self, prefix: str) -> np.ndarray:
        return self.units[:, [name.startswith(prefix) for name in self.department]].sum(axis=1)

    def log_ratio(self, prefix: str) -> np.ndarray:
        """Log of the daily total against its mean of 29 days around; nan on closed days."""
        total = pd.Series(self.total(prefix))
        with np.errstate(divide="ignore"):
            ratio = np.log(total / total.rolling(29, center=True, min_periods=15).mean())
        return ratio.replace(-np.inf, np.nan).to_numpy()


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    folder = tmp_path_factory.mktemp("panel") / "files"
    simulate(folder, seed=20160522)  # the default: 500 items and 1,941 days of one store
    return Panel(folder)


def coefficients(panel: Panel, prefix: str) -> dict[str, float]:
    """Least squares of the log ratio on weekday, SNAP, days of the month and some events."""
    known = panel.known
    events = known[["event_name_1", "event_name_2"]]
    columns = {f"wday_{day}": (known["wday"] == day).astype(float) for day in range(1, 8)}
    columns["snap"] = known["snap_CA"].astype(float)
    columns["month_end"] = (known["date"].str[-2:].astype(int) >= 25).astype(float)
    for name in ("Thanksgiving", "LaborDay", "Easter"):
        columns[name] = (events == name).any(axis=1).astype(float)
    columns["before Thanksgiving"] = columns["Thanksgiving"].shift(-1, fill_value=0.0)
    target = panel.log_ratio(prefix)
    kept = np.isfinite(target)
    fitted = np.linalg.lstsq(np.column_stack(list(columns.values()))[kept], target[kept], rcond=None)[0]
    return dict(zip(columns, fitted, strict=True))


def test_sparsity_and_spread_are_like_those_of_m5(panel: Panel) -> None:
    on_sale = np.isfinite(panel.price)
    assert 0.55 < (panel.units == 0).mean() < 0.72
    assert 0.8 < panel.units.mean() < 2.0
    assert panel.units[~on_sale].sum() == 0, "nothing is sold before the first price"
    means = np.array([panel.units[on_sale[:, item], item].mean() for item in range(panel.units.shape[1])])
    variances = np.array([panel.units[on_sale[:, item], item].var() for item in range(panel.units.shape[1])])
    assert np.median(variances / means) > 1.4, "over-dispersed"
    assert np.quantile(means, 0.95) / np.median(means) > 5, "heavy tail of item sizes"


def test_prices_begin_at_the_launch_and_reach_the_days_ahead(panel: Panel) -> None:
    on_sale = np.isfinite(panel.ahead_price)
    first = on_sale.argmax(axis=0)
    weeks = np.arange(len(on_sale))[:, None]
    np.testing.assert_array_equal(on_sale, weeks >= first)
    assert on_sale[-1].all()
    assert len(on_sale) == panel.calendar["wm_yr_wk"].nunique()
    assert 0.3 < (first == 0).mean() < 0.5, "two in five items are there from the start"


def test_closed_on_christmas(panel: Panel) -> None:
    christmas = (panel.known["event_name_1"] == "Christmas").to_numpy()
    assert christmas.sum() == 5
    assert panel.units[christmas].sum() == 0
    assert (panel.units[~christmas].sum(axis=1) > 0).all()


def test_weekday_snap_and_event_effects_are_there(panel: Panel) -> None:
    foods, household = coefficients(panel, "FOODS"), coefficients(panel, "HOUSEHOLD")
    for effects in (foods, household):
        assert min(effects["wday_1"], effects["wday_2"]) > max(effects[f"wday_{day}"] for day in range(3, 8))
        assert effects["Thanksgiving"] < -0.2
        assert effects["LaborDay"] > 0.08
        assert effects["Easter"] < -0.08
    assert household["wday_2"] - household["wday_1"] > foods["wday_2"] - foods["wday_1"] - 0.05
    assert foods["before Thanksgiving"] > 0.15
    assert 0.06 < foods["snap"] < 0.30
    assert abs(household["snap"]) < 0.09 < foods["snap"]


def test_promotions_sell_more(panel: Panel) -> None:
    """Within item: the price against its own median of 13 weeks, the units against their mean of 8 weeks."""
    weekly_units = pd.DataFrame(panel.units).groupby(np.arange(panel.days) // 7).sum()
    weekly_price = pd.DataFrame(panel.price[::7])
    usual_price = weekly_price.rolling(13, center=True, min_periods=6).median()
    usual_units = weekly_units.rolling(9, center=True, min_periods=6).mean()
    drop = np.log(weekly_price / usual_price)
    promoted = (drop < -0.08) & (usual_units > 3)
    ratio = weekly_units / usual_units
    elasticity = np.log(ratio[promoted].stack().mean()) / drop[promoted].stack().mean()
    assert promoted.to_numpy().sum() > 200
    assert -3.0 < elasticity < -0.8


def test_aggregates_have_shocks_of_their_own(panel: Panel) -> None:
    """Without weekdays and events, totals of different items move together and remember the day before.

    Independent items would give a little less than 0 for both; the standard error is 0.025.
    """
    ordinary = panel.known["event_name_1"].isna().to_numpy()
    left = {}
    for category in ("FOODS", "HOUSEHOLD"):
        ratio = pd.Series(panel.log_ratio(category))
        ratio -= ratio.groupby(panel.known["wday"].to_numpy()).transform("mean")
        left[category] = ratio.where(ordinary)
    assert left["FOODS"].corr(left["HOUSEHOLD"]) > 0.1
    assert left["FOODS"].autocorr(1) > 0.1


def test_launched_items_ramp_up(panel: Panel) -> None:
    on_sale = np.isfinite(panel.price)
    launch = on_sale.argmax(axis=0)
    later = np.flatnonzero((launch > 0) & (launch < panel.days - 400))
    first = np.mean([panel.units[launch[i] : launch[i] + 14, i].mean() for i in later])
    settled = np.mean([panel.units[launch[i] + 90 : launch[i] + 370, i].mean() for i in later])
    assert first < 0.75 * settled


@pytest.mark.real_m5
def test_format_is_that_of_the_real_files(m5_zip: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "x", stores=10, items=3049, days=1, seed=1)
    simulate(tmp_path / "y", items=10, days=1941, seed=1)
    with zipfile.ZipFile(m5_zip) as archive:
        for name in FILES:
            with archive.open(name) as real, (tmp_path / "y" / name).open("rb") as ours:
                assert ours.readline() == real.readline(), name
        with archive.open(FILES[0]) as file:
            real_calendar = pd.read_csv(file)
        with archive.open(FILES[1]) as file:
            real_ids = pd.read_csv(file, usecols=range(6))
        with archive.open(FILES[2]) as file:
            real_prices = pd.read_csv(file, nrows=200_000)
    calendar = pd.read_csv(tmp_path / "y" / FILES[0])
    events = ["event_name_1", "event_type_1", "event_name_2", "event_type_2"]
    pd.testing.assert_frame_equal(calendar.drop(columns=events), real_calendar.drop(columns=events))
    named = [frame[events].fillna("").apply(lambda row: frozenset(row), axis=1) for frame in (calendar, real_calendar)]
    assert (named[0] == named[1]).all(), "the same events on the same days"
    ids = pd.read_csv(tmp_path / "x" / FILES[1], usecols=range(6))
    assert ids["store_id"].tolist() == real_ids["store_id"].tolist()
    assert ids["dept_id"].tolist() == real_ids["dept_id"].tolist()
    assert (ids.dtypes == real_ids.dtypes).all()
    prices = pd.read_csv(tmp_path / "y" / FILES[2])
    assert (prices.dtypes == real_prices.dtypes).all()
    assert prices["sell_price"].between(0.1, 120).all()
