"""One broken file a case: a message with place, value and remedy, and the raw tables of before."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from models_ml.errors import DemandError, InputError, WarehouseError
from models_ml.sources.m5.ingest import ingest

CALENDAR, SALES, PRICES = "calendar.csv", "sales_train_evaluation.csv", "sell_prices.csv"


class Case(NamedTuple):
    """How to break the files, and what the message must say, in this order."""

    name: str
    spoil: Callable[[Path], None]
    says: tuple[str, ...]


def replace(file: str, old: str, new: str, line: int) -> Callable[[Path], None]:
    """Replace text on one line (1 is the header)."""

    def spoil(folder: Path) -> None:
        lines = (folder / file).read_text().splitlines(keepends=True)
        assert old in lines[line - 1], (old, lines[line - 1])
        lines[line - 1] = lines[line - 1].replace(old, new, 1)
        (folder / file).write_text("".join(lines))

    return spoil


def cell(file: str, line: int, column: str, value: str) -> Callable[[Path], None]:
    """Write a value into one cell."""

    def spoil(folder: Path) -> None:
        lines = (folder / file).read_text().split("\n")
        fields = lines[line - 1].split(",")
        fields[lines[0].split(",").index(column)] = value
        lines[line - 1] = ",".join(fields)
        (folder / file).write_text("\n".join(lines))

    return spoil


def lines_of(file: str, change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    """Change the list of lines, each with its line end."""

    def spoil(folder: Path) -> None:
        lines = (folder / file).read_text().splitlines(keepends=True)
        (folder / file).write_text("".join(change(lines)))

    return spoil


def raw_bytes(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Change the file's bytes."""

    def spoil(folder: Path) -> None:
        (folder / file).write_bytes(change((folder / file).read_bytes()))

    return spoil


def without_column(file: str, column: str) -> Callable[[Path], None]:
    """Take a whole column out."""

    def spoil(folder: Path) -> None:
        rows = [line.split(",") for line in (folder / file).read_text().splitlines()]
        position = rows[0].index(column)
        (folder / file).write_text("".join(",".join(row[:position] + row[position + 1 :]) + "\n" for row in rows))

    return spoil


def not_in_store_ca_2(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("CA_2,FOODS_1_001,")]


CASES = [
    # files
    Case("no sales file", lambda f: (f / SALES).unlink(), (SALES, "is missing", CALENDAR, "Kaggle")),
    Case("no prices file", lambda f: (f / PRICES).unlink(), (PRICES, "is missing", "Kaggle")),
    Case("no calendar file", lambda f: (f / CALENDAR).unlink(), (CALENDAR, "is missing", "Kaggle")),
    Case("empty file", raw_bytes(PRICES, lambda _: b""), (PRICES, "is empty", "again")),
    Case("utf-16", raw_bytes(CALENDAR, lambda b: b.decode().encode("utf-16")),
         (CALENDAR, "line 1", "not UTF-8", "Save the file")),
    Case("latin-1", raw_bytes(SALES, lambda b: b.replace(b"\nHOUSEHOLD_1", b"\nHOUSEH\xcfLD_1", 1)),
         (SALES, "line 3", "not UTF-8", "xcf", "Save the file")),
    Case("cut inside a character", raw_bytes(PRICES, lambda b: b + b"CA_\xc3"),
         (PRICES, "inside a UTF-8 character", "again")),
    Case("zero bytes", raw_bytes(PRICES, lambda b: b[:90] + b"\0" * 20 + b[110:]),
         (PRICES, "line 3", "zero bytes", "again")),
    # headers
    Case("calendar column missing", without_column(CALENDAR, "event_type_1"),
         (CALENDAR, "line 1", "column event_type_1", "missing", "header must be")),
    Case("calendar column unknown", replace(CALENDAR, "snap_TX", "promo", 1),
         (CALENDAR, "line 1", "'promo'", "not known", "header must be")),
    Case("calendar columns in another order", replace(CALENDAR, "month,year", "year,month", 1),
         (CALENDAR, "line 1", "column month", "not in order", "'year'", "header must be")),
    Case("calendar column twice", replace(CALENDAR, "snap_TX", "snap_CA", 1),
         (CALENDAR, "line 1", "column snap_CA", "twice", "header must be")),
    Case("sales column missing", without_column(SALES, "dept_id"),
         (SALES, "line 1", "column dept_id", "missing", "header must be")),
    Case("sales columns in another order", replace(SALES, "store_id,state_id", "state_id,store_id", 1),
         (SALES, "line 1", "column store_id", "not in order", "'state_id'", "header must be")),
    Case("sales column unknown", replace(SALES, "d_70", "total", 1),
         (SALES, "line 1", "column d_70", "not known", "'total'", "header must be")),
    Case("day column missing", without_column(SALES, "d_7"),
         (SALES, "line 1", "column d_7", "d_7 should stand here", "'d_8'", "without a gap")),
    Case("no day column", lines_of(SALES, lambda lines: [",".join(x.split(",")[:6]) + "\n" for x in lines]),
         (SALES, "line 1", "no day column", "header must be")),
    Case("price column missing", without_column(PRICES, "wm_yr_wk"),
         (PRICES, "line 1", "column wm_yr_wk", "missing", "header must be")),
    Case("price column unknown", replace(PRICES, "sell_price", "sell_price,note", 1),
         (PRICES, "line 1", "'note'", "not known", "header must be")),
    Case("price columns in another order", replace(PRICES, "store_id,item_id", "item_id,store_id", 1),
         (PRICES, "line 1", "column store_id", "not in order", "'item_id'", "header must be")),
    Case("open quote in the calendar", replace(CALENDAR, "2011-01-30", '"2011-01-30', 3),
         (CALENDAR, "no CSV", "quotation mark")),
    Case("no CSV at all", raw_bytes(SALES, lambda _: b"x" * 500_000),
         (SALES, "line 1", "column id", "missing", "header must be")),
    Case("no CSV at all in the calendar", raw_bytes(CALENDAR, lambda _: b"x" * 500_000),
         (CALENDAR, "line 1", "no CSV", "save the file")),
    Case("open quote in the prices", replace(PRICES, "CA_1", '"CA_1', 8),
         (PRICES, "no CSV", "quotation mark")),
    # calendar
    Case("no day in the calendar", lines_of(CALENDAR, lambda lines: lines[:1]),
         (CALENDAR, "line 1", "no day", "calendar that came")),
    Case("a day missing", lines_of(CALENDAR, lambda lines: lines[:10] + lines[11:]),
         (CALENDAR, "line 11", "column date", "missing between 2011-02-06", "'2011-02-08'", "without gaps")),
    Case("a day twice", lines_of(CALENDAR, lambda lines: lines[:10] + lines[9:]),
         (CALENDAR, "line 11", "column date", "twice", "'2011-02-06'", "one line a day")),
    Case("days in disorder", lines_of(CALENDAR, lambda x: [*x[:1], x[2], x[1], *x[3:]]),
         (CALENDAR, "line 2", "column d", "'d_2'", "Correct it")),
    Case("a day before the one above", lines_of(CALENDAR, lambda x: [*x[:5], x[2], *x[5:]]),
         (CALENDAR, "line 6", "column date", "before", "'2011-01-30'", "in order")),
    Case("a date of a spreadsheet", cell(CALENDAR, 4, "date", "1/31/2011"),
         (CALENDAR, "line 4", "column date", "'1/31/2011'", "2011-01-29")),
    Case("day number", cell(CALENDAR, 9, "d", "d_9"), (CALENDAR, "line 9", "column d", "'d_9'", "Correct it")),
    Case("weekday number", cell(CALENDAR, 5, "wday", "1"),
         (CALENDAR, "line 5", "column wday", "2011-02-01 must have 4", "'1'", "Saturday")),
    Case("weekday name", cell(CALENDAR, 5, "weekday", "Friday"),
         (CALENDAR, "line 5", "column weekday", "Tuesday", "'Friday'", "Correct it")),
    Case("month", cell(CALENDAR, 5, "month", "1"), (CALENDAR, "line 5", "column month", "'1'", "Correct it")),
    Case("year", cell(CALENDAR, 5, "year", "2012"), (CALENDAR, "line 5", "column year", "'2012'", "Correct it")),
    Case("week changes on a Tuesday", cell(CALENDAR, 5, "wm_yr_wk", "11102"),
         (CALENDAR, "line 5", "column wm_yr_wk", "Tuesday", "'11102'", "calendar that came")),
    Case("week does not change", cell(CALENDAR, 9, "wm_yr_wk", "11101"),
         (CALENDAR, "line 9", "column wm_yr_wk", "above 11101", "'11101'", "calendar that came")),
    Case("week is no number", cell(CALENDAR, 9, "wm_yr_wk", "11102.0"),
         (CALENDAR, "line 9", "column wm_yr_wk", "whole number", "'11102.0'", "calendar that came")),
    Case("event without a type", cell(CALENDAR, 4, "event_name_1", "Sale"),
         (CALENDAR, "line 4", "column event_type_1", "blank", "'Sale'", "Fill in both")),
    Case("second event alone", lambda f: [cell(CALENDAR, 4, f"event_{x}_2", "Sale")(f) for x in ("name", "type")]
         and None, (CALENDAR, "line 4", "column event_name_1", "no first", "'Sale'", "Move the event")),
    Case("SNAP flag", cell(CALENDAR, 4, "snap_CA", "yes"),
         (CALENDAR, "line 4", "column snap_CA", "neither 0 nor 1", "'yes'", "Write 1")),
    Case("calendar line too short", replace(CALENDAR, ",0,0,0", ",0,0", 3),
         (CALENDAR, "line 3", "13 values", "14 columns", "2011-01-30", "cut short")),
    Case("calendar ends before the sales", lines_of(CALENDAR, lambda lines: lines[:61]),
         (SALES, "line 1", "column d_61", "ends with d_60", "calendar that came")),
    Case("no SNAP column for a state", without_column(CALENDAR, "snap_CA"),
         (SALES, "line 2", "column state_id", "no column snap_CA", "'CA'", "Add snap_CA")),
    # sales
    Case("no series", lines_of(SALES, lambda lines: lines[:1]), (SALES, "line 1", "no series", "whole file")),
    Case("a series twice", lines_of(SALES, lambda lines: [*lines, lines[3]]),
         (SALES, "line 20", "column id", "already, on line 4", "_evaluation'", "Keep one line")),
    Case("negative units", cell(SALES, 4, "d_17", "-3"),
         (SALES, "line 4", "column d_17", "negative", "'-3'", "returns")),
    Case("fraction of a unit", cell(SALES, 4, "d_17", "2.5"),
         (SALES, "line 4", "column d_17", "not a whole number", "'2.5'", "digits only")),
    Case("whole units written as a decimal", cell(SALES, 4, "d_17", "2.0"),
         (SALES, "line 4", "column d_17", "not a whole number", "'2.0'", "digits only")),
    Case("blank units", cell(SALES, 19, "d_70", ""), (SALES, "line 19", "column d_70", "blank", "''", "Write 0")),
    Case("blank first units", cell(SALES, 2, "d_1", ""), (SALES, "line 2", "column d_1", "blank", "''", "Write 0")),
    Case("blank units in between", cell(SALES, 2, "d_5", ""), (SALES, "line 2", "column d_5", "blank", "Write 0")),
    Case("text for units", cell(SALES, 4, "d_17", "many"),
         (SALES, "line 4", "column d_17", "not a number", "'many'", "whole number")),
    Case("units that DuckDB would read as hexadecimal", cell(SALES, 4, "d_17", "0x10"),
         (SALES, "line 4", "column d_17", "not a number", "'0x10'", "whole number")),
    Case("units beyond an integer", cell(SALES, 4, "d_17", "99999999999"),
         (SALES, "line 4", "column d_17", "beyond", "'99999999999'", "2,147,483,647")),
    Case("sales line too short", lines_of(SALES, lambda x: [*x[:-1], x[-1][:-9] + "\n"]),
         (SALES, "line 19", "values and the header 76 columns", "cut short")),
    Case("sales line too long", lines_of(SALES, lambda x: [*x[:4], x[4][:-1] + ",1\n", *x[5:]]),
         (SALES, "line 5", "77 values and the header 76 columns", "cut short")),
    Case("a sales line of ids only", lines_of(SALES, lambda x: [*x[:4], "a,b,c\n", *x[5:]]),
         (SALES, "line 5", "3 values", "'a,b,c'", "cut short")),
    Case("blank sales line", lines_of(SALES, lambda x: [*x[:4], "\n", *x[4:]]),
         (SALES, "line 5", "blank", "Remove it")),
    Case("open quote", replace(SALES, "HOUSEHOLD", '"HOUSEHOLD', 3),
         (SALES, "line 3", "does not end", "without quotes")),
    Case("comma in quotes", cell(SALES, 3, "item_id", '"A,B"'),
         (SALES, "line 3", "quoted value holds a comma", "without quotes")),
    Case("id of another item", cell(SALES, 3, "id", "HOBBIES_1_009_CA_1_evaluation"),
         (SALES, "line 3", "column id", "'HOBBIES_1_009_CA_1_evaluation'", "Correct the id")),
    Case("id of the other file", replace(SALES, "_evaluation", "_validation", 2),
         (SALES, "line 2", "column id", "_validation'", "Correct the id")),
    Case("blank id", cell(SALES, 3, "item_id", " "), (SALES, "line 3", "column item_id", "blank", "Fill it in")),
    Case("item in two departments", cell(SALES, 11, "dept_id", "FOODS_9"),
         (SALES, "line 11", "column dept_id", "belongs to dept_id HOBBIES_1 on line 2", "'FOODS_9'", "one dept_id")),
    Case("department in two categories", cell(SALES, 11, "cat_id", "TOYS"),
         (SALES, "line 11", "column cat_id", "belongs to cat_id HOBBIES on line 2", "'TOYS'", "one cat_id")),
    Case("store in two states", cell(SALES, 5, "state_id", "TX"),
         (SALES, "line 5", "column state_id", "belongs to state_id CA on line 2", "'TX'", "one state_id")),
    # prices
    Case("price is no number", cell(PRICES, 5, "sell_price", "cheap"),
         (PRICES, "line 5", "column sell_price", "not a number", "'cheap'", "above 0")),
    Case("blank price", cell(PRICES, 5, "sell_price", ""),
         (PRICES, "line 5", "column sell_price", "blank", "''", "above 0")),
    Case("price of nothing", cell(PRICES, 5, "sell_price", "0"),
         (PRICES, "line 5", "column sell_price", "not above 0", "'0'", "above 0")),
    Case("negative price", cell(PRICES, 5, "sell_price", "-2.5"),
         (PRICES, "line 5", "column sell_price", "not above 0", "'-2.5'", "above 0")),
    Case("infinite price", cell(PRICES, 5, "sell_price", "inf"),
         (PRICES, "line 5", "column sell_price", "not a finite", "'inf'", "above 0")),
    Case("price not a number", cell(PRICES, 5, "sell_price", "nan"),
         (PRICES, "line 5", "column sell_price", "not a finite", "'nan'", "above 0")),
    Case("price of an unknown week", cell(PRICES, 5, "wm_yr_wk", "11553"),
         (PRICES, "line 5", "column wm_yr_wk", f"not in {CALENDAR}", "'11553'", "calendar that came")),
    Case("week that DuckDB would round", cell(PRICES, 5, "wm_yr_wk", "11101.5"),
         (PRICES, "line 5", "column wm_yr_wk", f"not in {CALENDAR}", "'11101.5'", "calendar that came")),
    Case("price without a store", cell(PRICES, 5, "store_id", ""),
         (PRICES, "line 5", "column store_id", "blank", "Fill it in")),
    Case("price of an unknown item", cell(PRICES, 5, "item_id", "TOYS_1_001"),
         (PRICES, "line 5", "column item_id", "TOYS_1_001 in store CA_1", SALES, "Remove the price")),
    Case("price of an unknown store", cell(PRICES, 5, "store_id", "NY_1"),
         (PRICES, "line 5", "store NY_1", SALES, "Remove the price")),
    Case("two prices in a week", lines_of(PRICES, lambda lines: [*lines[:9], lines[4], *lines[9:]]),
         (PRICES, "line 10", "column wm_yr_wk", "two prices in week 11105", "line 5", "Keep one price")),
    Case("series without a price", lines_of(PRICES, not_in_store_ca_2),
         (PRICES, "column item_id", "no price for item FOODS_1_001 in store CA_2", "Add its prices")),
    Case("price file cut at a line", lines_of(PRICES, lambda lines: lines[: len(lines) // 2]),
         (PRICES, "no price for item", "more series", "may be cut")),
    Case("price file cut in a line", raw_bytes(PRICES, lambda b: b[:-9]),
         (PRICES, "values and the header 4 columns", "cut short")),
    Case("price line too long", replace(PRICES, "CA_1", "CA_1,CA_1", 6),
         (PRICES, "line 6", "5 values and the header 4 columns", "cut short")),
    Case("mixed line ends", raw_bytes(PRICES, lambda b: b.replace(b"\n", b"\r\n", 4)),
         (PRICES, "cannot be read as CSV", "same line ends")),
    Case("mixed line ends in sales", raw_bytes(SALES, lambda b: b.replace(b"\n", b"\r\n", 4)),
         (SALES, "cannot be read as CSV", "same line ends")),
]  # fmt: skip


@pytest.mark.corruption
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_files_are_refused_whole(
    case: Case, files: Path, warehouse: Path, raw_digest: Callable[[Path], str]
) -> None:
    before = raw_digest(warehouse)
    case.spoil(files)
    with pytest.raises(InputError) as refused:
        ingest(files, warehouse)
    message = str(refused.value)
    assert re.search(".*".join(map(re.escape, case.says)), message, re.DOTALL), message
    assert "\n" not in message, "one message is one line"
    assert message.endswith("Nothing was loaded.")
    assert refused.value.exit_code == 2
    assert raw_digest(warehouse) == before
    assert [path.name for path in warehouse.parent.iterdir()] == [warehouse.name]


def _zip(files: Path, target: Path, prefix: str = "") -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files.iterdir():
            archive.write(path, prefix + path.name)


def _cut(target: Path) -> None:
    target.write_bytes(target.read_bytes()[:-200])


def _flip_bytes(target: Path) -> None:
    content = bytearray(target.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 50] = b"\x55" * 50
    target.write_bytes(content)


def _not_a_zip(target: Path) -> None:
    target.write_text("sorry, please log in")


def _without_prices(target: Path) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(CALENDAR, "date\n")
        archive.writestr("deep/" + SALES, "id\n")


def _twice(target: Path) -> None:
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("old/" + CALENDAR, "date\n")


@pytest.mark.corruption
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_cut, ("m5.zip", "damaged or cut short", "again")),
        (_flip_bytes, ("m5.zip", "damaged or cut short", "again")),
        (_not_a_zip, ("m5.zip", "damaged or cut short", "again")),
        (_without_prices, ("m5.zip", PRICES, "is missing", "Kaggle")),
        (_twice, ("m5.zip", f"holds {CALENDAR} twice", f"old/{CALENDAR}", "Keep one")),
    ],
)
def test_bad_zips_are_refused_whole(
    spoil: Callable[[Path], None],
    says: tuple[str, ...],
    files: Path,
    warehouse: Path,
    raw_digest: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    before = raw_digest(warehouse)
    archive = tmp_path / "m5.zip"
    _zip(files, archive)
    spoil(archive)
    with pytest.raises(InputError) as refused:
        ingest(archive, warehouse)
    assert re.search(".*".join(map(re.escape, says)), str(refused.value)), str(refused.value)
    assert raw_digest(warehouse) == before
    assert [path.name for path in warehouse.parent.iterdir()] == [warehouse.name]


def test_encrypted_zip_says_what_to_do(files: Path, warehouse: Path, tmp_path: Path) -> None:
    archive = tmp_path / "m5.zip"
    _zip(files, archive)
    content = archive.read_bytes()
    # Bit 0 of the general purpose flag, in each local header and in the directory.
    content = re.sub(rb"(PK\x03\x04..)(.)", lambda m: m[1] + bytes([m[2][0] | 1]), content, flags=re.DOTALL)
    content = re.sub(rb"(PK\x01\x02....)(.)", lambda m: m[1] + bytes([m[2][0] | 1]), content, flags=re.DOTALL)
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"encrypted.*Unpack it yourself"):
        ingest(archive, warehouse)


def test_missing_source_names_the_remedy(tmp_path: Path, warehouse: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: there is no such folder or zip.*demand simulate"):
        ingest(tmp_path / "nowhere", warehouse)


def test_unknown_store_lists_those_that_exist(files: Path, warehouse: Path, raw_digest: Callable[[Path], str]) -> None:
    before = raw_digest(warehouse)
    with pytest.raises(InputError, match=r"store 'XX_1' is not in sales_train_evaluation.csv.*CA_1, CA_2"):
        ingest(files, warehouse, stores=["CA_1", "XX_1"])
    assert raw_digest(warehouse) == before


def test_sales_of_other_stores_are_checked_too(files: Path, warehouse: Path) -> None:
    cell(SALES, 19, "d_3", "x")(files)
    with pytest.raises(InputError, match=r"line 19, column d_3"):
        ingest(files, warehouse, stores=["CA_1"])


def test_no_room_for_the_zip(files: Path, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "m5.zip"
    _zip(files, archive)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]
    with pytest.raises(WarehouseError, match=r"m5.zip needs .* GB unpacked.*Make room"):
        ingest(archive, warehouse)
    assert [path.name for path in warehouse.parent.iterdir()] == [warehouse.name]


def test_a_warehouse_that_is_no_database(files: Path, tmp_path: Path) -> None:
    broken = tmp_path / "warehouse.duckdb"
    broken.write_text("not a database at all, only words" * 400)
    with pytest.raises(DemandError, match=r"warehouse.duckdb cannot be opened.*move it away"):
        ingest(files, broken)


def test_a_home_that_cannot_be_made(files: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WarehouseError, match=r"file.* cannot be created: .*another DEMAND_HOME"):
        ingest(files, tmp_path / "file" / "home" / "warehouse.duckdb")
