"""What goes in comes out, once, whole, and within its memory."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.errors import InputError
from models_ml.job.raw_data import refuse_unknown_days
from models_ml.sources.m5.ingest import ingest
from models_ml.sources.m5.layout import (
    CALENDAR_COLUMNS,
    FIRST_DAY,
    ID_COLUMNS,
    PRICE_COLUMNS,
    WEEKDAYS,
    day_columns,
    wday,
    week_numbers,
)
from models_ml.sources.m5.simulate import simulate

CALENDAR, SALES, PRICES = "calendar.csv", "sales_train_evaluation.csv", "sell_prices.csv"
TABLES = {CALENDAR: "calendar", SALES: "sales_train_evaluation", PRICES: "sell_prices"}


def raw_table(warehouse: Path, table: str) -> pd.DataFrame:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(f"select * exclude (loaded_at) from raw_m5.{table}").df()


def assert_holds(warehouse: Path, folder: Path) -> None:
    """The raw tables hold the files' values in the files' order; pandas is the oracle."""
    for file, table in TABLES.items():
        text = dict.fromkeys(ID_COLUMNS, str)
        expected = pd.read_csv(folder / file, dtype=text, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
        found = raw_table(warehouse, table)
        assert list(found.columns) == list(expected.columns)
        if file == CALENDAR:
            found["date"] = found["date"].dt.strftime("%Y-%m-%d")
        for column in expected.columns:
            wanted, got = expected[column], found[column]
            if wanted.dtype == object:
                assert got.where(got.notna(), None).tolist() == wanted.where(wanted.notna(), None).tolist()
            elif wanted.isna().all():  # a calendar without a second event
                assert got.isna().all()
            else:
                np.testing.assert_array_equal(got.to_numpy(), wanted.to_numpy())


def column_types(warehouse: Path, table: str) -> dict[str, str]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {row[0]: row[1] for row in connection.execute(f"describe raw_m5.{table}").fetchall()}


def test_raw_tables_hold_the_files(files: Path, warehouse: Path) -> None:
    report = ingest(files, warehouse)
    assert_holds(warehouse, files)
    assert (report.series, report.stores, report.items) == (18, 2, 9)
    assert (report.first_day, report.last_day) == (dt.date(2011, 1, 29), dt.date(2011, 4, 8))
    assert report.price_rows == len((files / PRICES).read_text().splitlines()) - 1
    assert not report.unchanged
    assert report.warnings == ()


def test_raw_tables_have_the_types_of_the_contract(files: Path, warehouse: Path) -> None:
    ingest(files, warehouse)
    calendar = column_types(warehouse, "calendar")
    assert calendar.pop("date") == "DATE"
    assert calendar.pop("loaded_at") == "TIMESTAMP"
    text = {"weekday", "d", "event_name_1", "event_type_1", "event_name_2", "event_type_2"}
    assert {name: "VARCHAR" if name in text else "INTEGER" for name in calendar} == calendar
    sales = column_types(warehouse, "sales_train_evaluation")
    assert [sales.pop(name) for name in ID_COLUMNS] == ["VARCHAR"] * 6
    assert sales.pop("loaded_at") == "TIMESTAMP"
    assert set(sales.values()) == {"INTEGER"}
    assert list(sales) == day_columns(70)
    assert column_types(warehouse, "sell_prices") == {
        "store_id": "VARCHAR",
        "item_id": "VARCHAR",
        "wm_yr_wk": "INTEGER",
        "sell_price": "DOUBLE",
        "loaded_at": "TIMESTAMP",
    }
    log = raw_table(warehouse, "ingest_log")
    assert log.loc[0, ["source_path", "series"]].tolist() == [str(files), 18]
    assert len(log.loc[0, "fingerprint"]) == 64


@pytest.mark.parametrize("prefix", ["", "m5-forecasting-accuracy/", "a/b/"])
def test_zip_gives_what_the_folder_gives(files: Path, tmp_path: Path, prefix: str) -> None:
    archive = tmp_path / "kaggle.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files.iterdir():
            packed.write(path, prefix + path.name)
        packed.writestr("__MACOSX/._calendar.csv", b"\x00\x05")
        packed.writestr("__MACOSX/calendar.csv", b"\x00\x05")
        packed.writestr("sample_submission.csv", "id,F1\n")
    report = ingest(archive, tmp_path / "zip" / "warehouse.duckdb")
    assert_holds(tmp_path / "zip" / "warehouse.duckdb", files)
    assert report.fingerprint == ingest(files, tmp_path / "folder" / "warehouse.duckdb").fingerprint
    assert [path.name for path in (tmp_path / "zip").iterdir()] == ["warehouse.duckdb"]


def test_stores_restrict_sales_and_prices(files: Path, warehouse: Path) -> None:
    report = ingest(files, warehouse, stores=["CA_2"])
    assert (report.series, report.stores) == (9, 1)
    assert set(raw_table(warehouse, "sales_train_evaluation")["store_id"]) == {"CA_2"}
    assert set(raw_table(warehouse, "sell_prices")["store_id"]) == {"CA_2"}


def test_same_content_is_loaded_once(
    files: Path, warehouse: Path, raw_digest: Callable[[Path], str], tmp_path: Path
) -> None:
    first = ingest(files, warehouse)
    before = raw_digest(warehouse)
    moved = shutil.copytree(files, tmp_path / "moved")
    second = ingest(moved, warehouse)
    assert second.unchanged
    assert raw_digest(warehouse) == before, "not even loaded_at may change"
    assert (second.fingerprint, second.series, second.price_rows) == (
        first.fingerprint,
        first.series,
        first.price_rows,
    )
    other_stores = ingest(files, warehouse, stores=["CA_1"])
    assert not other_stores.unchanged
    assert other_stores.fingerprint == first.fingerprint


def test_any_change_is_loaded(files: Path, warehouse: Path) -> None:
    first = ingest(files, warehouse)
    lines = (files / PRICES).read_text().splitlines(keepends=True)
    lines[1] = lines[1].rsplit(",", 1)[0] + ",77.5\n"
    (files / PRICES).write_text("".join(lines))
    second = ingest(files, warehouse)
    assert not second.unchanged
    assert second.fingerprint != first.fingerprint
    assert raw_table(warehouse, "sell_prices")["sell_price"][0] == 77.5


def test_missing_raw_table_is_loaded_again(files: Path, warehouse: Path) -> None:
    ingest(files, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop table raw_m5.sell_prices")
    assert not ingest(files, warehouse).unchanged
    assert_holds(warehouse, files)


def test_validation_file_serves_when_alone(files: Path, warehouse: Path) -> None:
    text = (files / SALES).read_text().replace("_evaluation", "_validation")
    (files / SALES).unlink()
    (files / "sales_train_validation.csv").write_text(text)
    report = ingest(files, warehouse)
    assert "sales_train_validation.csv" in report.warnings[0]
    assert raw_table(warehouse, "sales_train_evaluation")["id"][0].endswith("_validation")


def test_short_calendar_and_prices_are_warnings(files: Path, warehouse: Path) -> None:
    lines = (files / CALENDAR).read_text().splitlines(keepends=True)
    (files / CALENDAR).write_text("".join(lines[: 1 + 70 + 14]))
    report = ingest(files, warehouse_without_later_weeks(files, warehouse, last_week=11111))
    assert len(report.warnings) == 2
    assert "the calendar ends on 2011-04-22" in report.warnings[0]
    assert "until 2011-05-06" in report.warnings[0]
    assert "the prices end on 2011-04-15" in report.warnings[1]
    assert ingest(files, warehouse, horizon_days=7).warnings == ()


def test_a_forecast_of_days_that_the_calendar_lacks_is_refused(files: Path, warehouse: Path) -> None:
    report = ingest(files, warehouse, horizon_days=56)
    refuse_unknown_days(report, 28)
    with pytest.raises(InputError, match=r"ends on 2011-05-06, and a forecast of 56 days .* needs it until 2011-06-03"):
        refuse_unknown_days(report, 56)
    replayed = ingest(files, warehouse, horizon_days=56, as_of=dt.date(2011, 3, 11))
    refuse_unknown_days(replayed, 56)


@pytest.mark.parametrize("horizon", [28, 56])
def test_files_as_of_a_day_are_those_of_that_day(tmp_path: Path, horizon: int) -> None:
    """A month later, and cut at the day: the tables that the files of the day make, the calendar's end included."""
    simulate(tmp_path / "then", stores=2, items=20, days=400, seed=7, horizon_days=horizon)
    simulate(tmp_path / "now", stores=2, items=20, days=430, seed=7)
    day = FIRST_DAY + dt.timedelta(days=399)
    then = ingest(tmp_path / "then", tmp_path / "then.duckdb", horizon_days=horizon)
    now = ingest(tmp_path / "now", tmp_path / "now.duckdb", horizon_days=horizon, as_of=day)
    assert (then.last_day, then.known_until, then.series) == (now.last_day, now.known_until, now.series)
    for table in TABLES.values():
        one, other = (raw_table(tmp_path / f"{name}.duckdb", table) for name in ("then", "now"))
        pd.testing.assert_frame_equal(one, other)


def test_a_series_of_later_is_not_there_yet(tmp_path: Path) -> None:
    simulate(tmp_path / "files", stores=2, items=20, days=400, seed=7)
    whole = pd.read_csv(tmp_path / "files" / PRICES).groupby(["store_id", "item_id"])["wm_yr_wk"].min()
    ingest(tmp_path / "files", tmp_path / "x.duckdb", as_of=FIRST_DAY + dt.timedelta(days=69))
    calendar = raw_table(tmp_path / "x.duckdb", "calendar")
    prices, sales = (raw_table(tmp_path / "x.duckdb", TABLES[name]) for name in (PRICES, SALES))
    begun = whole[whole <= calendar["wm_yr_wk"].max()]
    assert 0 < len(begun) < len(whole)
    assert len(calendar) == 70 + 28
    assert set(zip(sales["store_id"], sales["item_id"], strict=True)) == set(begun.index)
    assert prices["wm_yr_wk"].max() == calendar["wm_yr_wk"].max()
    again = ingest(tmp_path / "files", tmp_path / "x.duckdb", as_of=FIRST_DAY + dt.timedelta(days=69))
    assert again.unchanged
    longer = ingest(tmp_path / "files", tmp_path / "x.duckdb", as_of=again.last_day, horizon_days=84)
    assert (longer.unchanged, longer.known_until) == (False, again.last_day + dt.timedelta(days=84))


def warehouse_without_later_weeks(files: Path, warehouse: Path, last_week: int) -> Path:
    lines = (files / PRICES).read_text().splitlines(keepends=True)
    kept = [line for line in lines[1:] if int(line.split(",")[2]) <= last_week]
    (files / PRICES).write_text("".join([lines[0], *kept]))
    return warehouse


@st.composite
def raw_files(draw: st.DrawFn) -> dict[str, list[list[str]]]:
    """Valid files that no simulator would write: odd names, large numbers, sparse products of items and stores."""
    days = draw(st.integers(1, 17))
    ahead = draw(st.integers(0, 9))
    word = st.text("ABCdef_ 0123456789é'-", min_size=1, max_size=6).filter(lambda text: text.strip())
    state_of = draw(st.dictionaries(word, st.sampled_from(["CA", "New York"]), min_size=1, max_size=3))
    department_of = draw(st.dictionaries(word, st.sampled_from(["D 1", "Ü2"]), min_size=1, max_size=4))
    pairs = [(store, item) for store in state_of for item in department_of]
    series = draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    dates = [FIRST_DAY + dt.timedelta(days=day) for day in range(days + ahead)]
    weeks = week_numbers(dates)
    event = st.sampled_from([("", "")] * 3 + [("Father's day", "Cultural"), ("a, b", "Local")])
    calendar = [[*CALENDAR_COLUMNS, "snap_CA", "snap_New York"]]
    for day, (date, week) in enumerate(zip(dates, weeks, strict=True), start=1):
        number = wday(date)
        first = draw(event)
        second = draw(event) if first[0] else ("", "")
        flags = [str(draw(st.integers(0, 1))) for _ in range(2)]
        calendar.append([date.isoformat(), str(week), WEEKDAYS[number - 1], str(number), str(date.month),
                         str(date.year), f"d_{day}", *first, *second, *flags])  # fmt: skip
    units = st.one_of(st.integers(0, 3), st.integers(0, 2**31 - 1))
    sales = [[*ID_COLUMNS, *day_columns(days)]]
    prices = [list(PRICE_COLUMNS)]
    price = st.decimals("0.01", "99999", places=draw(st.integers(0, 4))).filter(lambda value: value > 0)
    for store, item in series:
        ids = [f"{item}_{store}_evaluation", item, department_of[item], "C", store, state_of[store]]
        sales.append([*ids, *(str(draw(units)) for _ in range(days))])
        on_sale = draw(st.sets(st.sampled_from(weeks), min_size=1))
        prices += [[store, item, str(week), str(draw(price))] for week in sorted(on_sale)]
    return {CALENDAR: calendar, SALES: sales, PRICES: prices}


@settings(max_examples=25, deadline=None)
@given(
    content=raw_files(),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_values_survive(
    tmp_path_factory: pytest.TempPathFactory,
    content: dict[str, list[list[str]]],
    line_end: str,
    encoding: str,
    quoting: int,
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    for name, rows in content.items():
        with (folder / name).open("w", encoding=encoding, newline="") as file:
            csv.writer(file, lineterminator=line_end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    ingest(folder, folder / "warehouse.duckdb", threads=1)
    assert_holds(folder / "warehouse.duckdb", folder)
    shutil.rmtree(folder)


KILLED = """
import os, signal, sys
from pathlib import Path
import models_ml.sources.m5.ingest as module

stage, source, warehouse = sys.argv[1:]
before = getattr(module, stage)

def die(*arguments, **options):
    before(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, stage, die)
module.ingest(Path(source), Path(warehouse))
"""


@pytest.mark.fault
@pytest.mark.parametrize(
    "stage", ["read_calendar", "_load_calendar", "_load_sales", "_load_prices", "_check_prices", "_log"]
)
def test_a_kill_leaves_the_tables_of_before(
    stage: str, files: Path, warehouse: Path, raw_digest: Callable[[Path], str], tmp_path: Path
) -> None:
    before = raw_digest(warehouse)
    archive = tmp_path / "m5.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in files.iterdir():
            packed.write(path, path.name)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, stage, str(archive), str(warehouse)], check=False, timeout=120
    )
    assert killed.returncode == -9
    assert raw_digest(warehouse) == before
    ingest(archive, warehouse)
    assert_holds(warehouse, files)
    assert [path.name for path in warehouse.parent.iterdir()] == [warehouse.name]


FULL = """
import resource, sys
from pathlib import Path
from models_ml.errors import DemandError
from models_ml.sources.m5.ingest import ingest

source, warehouse, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    ingest(source, warehouse)
except DemandError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.fault
@pytest.mark.parametrize("packed", [True, False])
def test_no_room_leaves_the_tables_of_before(
    packed: bool, warehouse: Path, raw_digest: Callable[[Path], str], tmp_path: Path
) -> None:
    """No file may grow past a limit: the members of the zip, or the warehouse, do not fit."""
    before = raw_digest(warehouse)
    source = tmp_path / "files"
    simulate(source, items=400, days=1000, seed=3)
    limit = warehouse.stat().st_size
    if packed:
        archive = tmp_path / "m5.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for path in source.iterdir():
                target.write(path, path.name)
        source, limit = archive, 100_000
    full = subprocess.run(
        [sys.executable, "-c", FULL, str(source), str(warehouse), str(limit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert full.returncode == 1, full.stderr
    assert "Make room" in full.stdout
    assert full.stderr == ""
    assert raw_digest(warehouse) == before
    assert not list(warehouse.parent.glob(".*"))


@pytest.mark.fault
def test_a_warehouse_in_use_is_named(files: Path, warehouse: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb; c = duckdb.connect({str(warehouse)!r}); print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        program = FULL.replace("(limit, limit)", "(resource.RLIM_INFINITY, resource.RLIM_INFINITY)")
        refused = subprocess.run(
            [sys.executable, "-c", program, str(files), str(warehouse), "0"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        holder.communicate(b"\n")
    assert refused.returncode == 1, refused.stderr
    assert "Another process has it open" in refused.stdout


@pytest.mark.real_m5
@pytest.mark.slow
def test_all_of_m5_within_four_gigabytes(m5_zip: Path, tmp_path: Path) -> None:
    """In a process of its own, whose peak is the ingest's."""
    program = (
        "import resource, sys\nfrom pathlib import Path\nfrom models_ml.sources.m5.ingest import ingest\n"
        "report = ingest(Path(sys.argv[1]), Path(sys.argv[2]), memory_limit_gb=8.0)\n"
        "print(report.series, report.stores, report.items, report.price_rows, report.last_day,"
        " len(report.warnings), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(m5_zip), str(tmp_path / "warehouse.duckdb")],
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
    )
    *counts, peak_kilobytes = done.stdout.split()
    assert counts == ["30490", "10", "3049", "6841121", "2016-05-22", "0"]
    assert int(peak_kilobytes) < 4e6
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        units = connection.execute(
            "select sum(units) from (unpivot raw_m5.sales_train_evaluation on columns('^d_') into name d value units)"
        ).fetchone()
    with zipfile.ZipFile(m5_zip) as archive, archive.open(SALES) as file:
        # pandas is the oracle of the sum
        expected = pd.read_csv(file, usecols=day_columns(1941), dtype=np.int32).to_numpy().sum()
    assert units == (expected,)
