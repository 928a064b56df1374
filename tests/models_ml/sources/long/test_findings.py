"""What is wrong in strangers' files although every row is well formed: settled by a rule and said, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from models_ml.errors import InputError
from models_ml.sources.long.config import read_config
from models_ml.sources.long.ingest import ingest
from models_ml.sources.long.initialise import describe_source
from models_ml.sources.long.wishes import Wishes
from tests.models_ml.sources.long.cases import ITEMS, LAST, shop, weekly, written

Change = Callable[[pd.DataFrame], pd.DataFrame]


def refuse_to_answer(field: str, columns: Sequence[str]) -> str:
    raise InputError(f"asked for {field} of {columns}")


def init(sales: Path, accept: dict[str, str] | None = None, **rules: str) -> tuple[Path, str]:
    """Path of the configuration that `demand init` writes, and what it says."""
    path = sales.parent / "source.yml"
    nobody = {"columns": {}, "where": None, "hierarchy": {}, "regressors": [], "databases": []}
    wishes = Wishes(tables={"sales": str(sales)}, rules=rules, accept=accept or {}, **nobody)  # type: ignore[arg-type]
    notes = describe_source(path, wishes, sales.parent / "none.duckdb", refuse_to_answer)
    return path, "\n".join(notes)


def loaded(config: Path) -> pd.DataFrame:
    """Units above zero that are loaded, by date and item."""
    warehouse = config.parent / "warehouse.duckdb"
    ingest(config, warehouse)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            "select date, store_id, item_id, units from raw_long.sales where units > 0 order by all"
        ).df()


def total_rows(frame: pd.DataFrame, by: list[str], **ids: str) -> pd.DataFrame:
    totals = frame.groupby(by, as_index=False)["units"].sum().assign(**ids)
    return pd.concat([frame, totals[frame.columns]], ignore_index=True)


def footer(frame: pd.DataFrame) -> pd.DataFrame:
    last = {"date": LAST, "store": "North", "item": "Grand Total", "units": frame["units"].sum()}
    return pd.concat([frame, pd.DataFrame([last])], ignore_index=True)


def monthly_totals(frame: pd.DataFrame) -> pd.DataFrame:
    month_end = (pd.to_datetime(frame["date"]) + pd.offsets.MonthEnd(0)).clip(upper=pd.Timestamp(LAST))
    ended = frame.assign(date=month_end.dt.strftime("%Y-%m-%d"))
    return pd.concat([frame, total_rows(ended, ["date", "store"], item="subtotal").iloc[len(frame) :]])


def department_totals(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(department=frame["item"].isin(["tea", "milk", "jam"]).map({True: "Breakfast", False: "Rest"}))
    rows = frame.groupby(["date", "store", "department"], as_index=False)["units"].sum()
    return pd.concat([frame, rows.assign(item="All " + rows["department"])[frame.columns]], ignore_index=True)


TOTALS: dict[str, Change] = {
    "an item per store and day": lambda f: total_rows(f, ["date", "store"], item="Total"),
    "an item with an innocent name": lambda f: total_rows(f, ["date", "store"], item="Shop"),
    "a store that is the chain": lambda f: total_rows(f, ["date", "item"], store="HQ"),
    "one row a day": lambda f: total_rows(f, ["date"], store="South", item="Summe"),
    "a footer": footer,
    "one row a month": monthly_totals,
    "departments": department_totals,
}


@pytest.mark.parametrize("name", TOTALS)
def test_totals_among_the_parts_are_left_out_and_said(tmp_path: Path, name: str) -> None:
    frame = shop()
    config, said = init(written(tmp_path, TOTALS[name](frame)))
    assert "totals" in said
    assert "where" in said
    assert loaded(config)["units"].sum() == frame["units"].sum()
    # A total that appears after the configuration was written stops the run, and names its line.
    plain, _ = init(written(tmp_path / "later", frame))
    written(tmp_path / "later", TOTALS[name](frame))
    with pytest.raises(InputError, match=r"line [\d,]+, column (item|store): units of .*where.*accept"):
        ingest(plain, tmp_path / "later" / "w.duckdb")


def test_an_accepted_total_stays(tmp_path: Path) -> None:
    frame = TOTALS["an item per store and day"](shop())
    config, _ = init(written(tmp_path, frame), accept={"totals": "it is a brand of bags"})
    assert "Total" in set(loaded(config)["item_id"])


@pytest.mark.parametrize(
    ("date", "words"), [("2042-03-01", "after"), ("1924-03-01", "before"), ("1900-01-01", "before")]
)
def test_a_lonely_date_is_refused_by_its_line(tmp_path: Path, date: str, words: str) -> None:
    frame = shop()
    frame.loc[100, "date"] = date
    with pytest.raises(InputError, match=rf"line 102, column date: .*days {words} all others.*{date}"):
        init(written(tmp_path, frame))


@pytest.mark.parametrize(("days", "words"), [(23, "after"), (-20, "before"), (9, "after")])
def test_20_one_row_some_weeks_away_is_refused_by_its_line(tmp_path: Path, days: int, words: str) -> None:
    frame = shop()
    end = frame["date"].max() if days > 0 else frame["date"].min()
    date = f"{pd.Timestamp(end) + pd.Timedelta(days=days):%Y-%m-%d}"
    frame.loc[100, "date"] = date
    with pytest.raises(InputError, match=rf"line 102, column date: .*days {words} all others.*{date}"):
        init(written(tmp_path, frame))


def test_20_days_that_sell_as_others_do_after_a_closed_week_are_history(tmp_path: Path) -> None:
    frame = shop()
    dates = pd.to_datetime(frame["date"])
    closed = dates.between(pd.Timestamp(LAST) - pd.Timedelta(days=9), pd.Timestamp(LAST) - pd.Timedelta(days=2))
    config, _ = init(written(tmp_path, frame[~closed]), last_day="keep")
    assert loaded(config)["units"].sum() == frame.loc[~closed, "units"].sum()


@pytest.mark.parametrize(
    "names",
    [
        {"store": "Sklep", "item": "Towar", "date": "Data", "units": "Ilość"},
        {"store": "Magasin", "item": "Référence", "date": "Jour", "units": "Quantité"},
        {"store": "X1", "item": "X2", "date": "Datum", "units": "Menge"},
        {"store": "магазин", "item": "товар", "date": "date", "units": "qty"},
    ],
    ids=["pl", "fr", "none", "ru"],
)
def test_20_items_are_found_by_content_whatever_their_column_is_called(tmp_path: Path, names: dict[str, str]) -> None:
    frame = shop()
    config, said = init(written(tmp_path, frame.rename(columns=names).assign(note="x")))
    assert "tells a date's rows apart" in said
    found = loaded(config)
    assert (found["item_id"].nunique(), found["store_id"].nunique()) == (len(ITEMS), 2)
    assert found["units"].sum() == frame["units"].sum()


def test_20_lines_of_receipts_have_no_item_in_their_number(tmp_path: Path) -> None:
    frame = shop().drop(columns="item")
    frame["receipt"] = range(len(frame))
    config, said = init(written(tmp_path, frame))
    assert "duplicates: sum" in said
    assert loaded(config)["item_id"].nunique() == 1


MONTHS = pd.date_range("2018-01-01", "2024-06-01", freq="MS")


@pytest.mark.parametrize(
    ("dates", "grain"),
    [
        (MONTHS, "month"),
        (MONTHS + pd.offsets.MonthEnd(0), "month"),
        (MONTHS[::3], "quarter"),
        (MONTHS[::12], "year"),
        (pd.date_range("2021-01-03", LAST, freq="14D"), "two weeks"),
        (pd.date_range("2021-01-03", LAST, freq="28D"), "four weeks"),
        (pd.date_range("2018-01-01", LAST, freq="10D"), "another"),
    ],
)
def test_other_grains_are_refused_and_never_read_as_days(tmp_path: Path, dates: pd.DatetimeIndex, grain: str) -> None:
    frame = pd.MultiIndex.from_product([["pump", "filter"], dates.strftime("%Y-%m-%d")], names=["item", "date"])
    sales = written(tmp_path, frame.to_frame(index=False).assign(units=range(len(frame))))
    with pytest.raises(InputError, match=rf"column date: .*says {grain}.*by the day or by the week"):
        init(sales)


@pytest.mark.parametrize(("days", "anchor"), [(0, "Sunday"), (1, "Monday"), (5, "Friday")])
def test_weeks_with_an_odd_date_are_weeks(tmp_path: Path, days: int, anchor: str) -> None:
    frame = weekly()
    dates = pd.to_datetime(frame["date"]) + pd.Timedelta(days=days)
    right = dates.copy()
    dates[50] -= pd.Timedelta(days=2)
    config, said = init(written(tmp_path, frame.assign(date=dates.dt.strftime("%Y-%m-%d"))))
    assert f"nearest {anchor}" in said
    assert str(dates[50].date()) in said
    assert read_config(config).grain == "week"
    daily = loaded(config)
    assert daily["units"].sum() == pytest.approx(frame["units"].sum())
    assert daily["date"].max() == right.max() + pd.Timedelta(days=6)


def test_an_unfinished_last_day_is_left_out_by_rule(tmp_path: Path) -> None:
    frame = shop()
    last = frame["date"] == LAST
    frame.loc[last, "units"] //= 8
    config, said = init(written(tmp_path, frame))
    assert "last_day" in said
    assert loaded(config)["date"].max() == pd.Timestamp("2024-06-15")
    kept, _ = init(written(tmp_path / "kept", frame), last_day="keep")
    assert loaded(kept)["date"].max() == pd.Timestamp(LAST)
    plain, _ = init(written(tmp_path / "plain", shop()))
    assert loaded(plain)["date"].max() == pd.Timestamp(LAST)  # a whole day stays
    written(tmp_path / "plain", frame)
    with pytest.raises(InputError, match=r"column date: the last day looks unfinished: 2024-06-16"):
        ingest(plain, tmp_path / "plain" / "w.duckdb")


def test_a_last_week_of_two_days_is_unfinished(tmp_path: Path) -> None:
    frame = weekly()
    frame.loc[frame["date"] == LAST, "units"] //= 4
    config, said = init(written(tmp_path, frame))
    assert "unfinished week" in said
    assert loaded(config)["date"].max() == pd.Timestamp("2024-06-15")


@pytest.mark.parametrize("stores", [["North", "South"], ["South"]])
@pytest.mark.parametrize("zeros", [False, True])
def test_a_closure_is_not_zero_demand(tmp_path: Path, stores: list[str], zeros: bool) -> None:
    frame = shop()
    closed = frame["date"].between("2024-02-24", "2024-05-03") & frame["store"].isin(stores)
    changed = frame.assign(units=frame["units"].mask(closed, 0)) if zeros else frame[~closed]
    config, _ = init(written(tmp_path, changed), missing_dates="zero")
    report = ingest(config, tmp_path / "w.duckdb")
    assert any(f"2024-02-24 to 2024-05-03 in {len(stores)} store" in warning for warning in report.warnings)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        rows = connection.execute(
            "select store_id, count(*), count(distinct item_id), sum(units) from raw_long.sales where is_stockout = 1"
            " group by all order by all"
        ).fetchall()
    assert rows == [(store, 70 * len(ITEMS), len(ITEMS), 0.0) for store in stores]
    as_zero, _ = init(written(tmp_path / "zero", changed), missing_dates="zero", closures="zero")
    assert not any("closure" in w for w in ingest(as_zero, tmp_path / "zero" / "w.duckdb").warnings)


def test_coming_days_of_zeros_are_not_history(tmp_path: Path) -> None:
    frame = shop()
    coming = (
        frame[["store", "item"]]
        .drop_duplicates()
        .merge(pd.DataFrame({"date": pd.date_range("2024-06-17", periods=28).strftime("%Y-%m-%d")}), how="cross")
    )
    config, _ = init(written(tmp_path, pd.concat([frame, coming.assign(units=0)])))
    report = ingest(config, tmp_path / "w.duckdb")
    assert str(report.last_day) == LAST
    assert any(f"days after {LAST} are left out" in warning for warning in report.warnings)
    assert read_config(config).missing_dates == "zero"  # zeros of coming days say nothing of the past


def grouped(units: pd.Series, mark: str) -> pd.Series:
    return units.map(lambda value: f"{value:,}".replace(",", mark))


@pytest.mark.parametrize("mark", [".", ",", " "])
def test_thousands_are_told_from_decimals(tmp_path: Path, mark: str) -> None:
    frame = shop()
    frame["units"] *= 40
    config, said = init(written(tmp_path, frame.assign(units=grouped(frame["units"], mark)), sep=";"))
    assert "numbers" in said
    assert loaded(config)["units"].sum() == frame["units"].sum()


def test_weights_with_three_decimals_stay_decimals(tmp_path: Path) -> None:
    frame = shop()
    weights = (frame["units"] * 0.137).round(3)
    config, said = init(written(tmp_path, frame.assign(units=weights)))
    assert "numbers" not in said
    assert loaded(config)["units"].sum() == pytest.approx(weights.sum())


def test_a_decimal_comma_is_read(tmp_path: Path) -> None:
    frame = shop()
    weights = (frame["units"] * 0.25).round(2)
    config, said = init(written(tmp_path, frame.assign(units=weights), sep=";", decimal=","))
    assert "numbers" in said
    assert loaded(config)["units"].sum() == pytest.approx(weights.sum())


def test_a_table_exported_twice_is_read_once(tmp_path: Path) -> None:
    frame = shop()
    config, said = init(written(tmp_path, pd.concat([frame, frame])))
    assert "lines 6,386 to 12,769 repeat the lines from 2 on" in said
    assert loaded(config)["units"].sum() == frame["units"].sum()
    overlap = pd.concat([frame[frame["date"] < "2024-01-01"], frame[frame["date"] >= "2023-12-01"]])
    config, said = init(written(tmp_path / "overlap", overlap))
    assert loaded(config)["units"].sum() == frame["units"].sum()


def test_a_stray_repeat_of_a_date_is_never_summed(tmp_path: Path) -> None:
    frame = shop()
    again = frame.iloc[[40]].assign(units=frame["units"].iloc[40] + 3)
    with pytest.raises(InputError, match=r"2 of 6,385 rows share date, store and item.*store North, item tea"):
        init(written(tmp_path, pd.concat([frame, again])))


@pytest.mark.parametrize("factor", [10, 1000])
def test_units_that_jump_by_a_power_of_ten_are_refused(tmp_path: Path, factor: int) -> None:
    frame = shop()
    frame.loc[frame["date"] >= "2024-05-20", "units"] *= factor
    with pytest.raises(InputError, match=r"column units: .*times more than the four weeks before"):
        init(written(tmp_path, frame))


def test_one_huge_number_is_refused_by_its_line(tmp_path: Path) -> None:
    frame = shop()
    frame.loc[400, "units"] = 40000
    with pytest.raises(InputError, match=r"line 402, column units: store North, item tea sold 40,000 units"):
        init(written(tmp_path, frame))


def serial(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(date=(pd.to_datetime(frame["date"]) - pd.Timestamp("1899-12-30")).dt.days)


def test_dates_of_spreadsheets(tmp_path: Path) -> None:
    config, said = init(written(tmp_path, serial(shop())))
    assert "serial" in said
    assert loaded(config)["date"].max() == pd.Timestamp(LAST)


def test_lines_above_the_header_and_a_sep_line(tmp_path: Path) -> None:
    frame = shop()
    text = frame.to_csv(index=False)
    for name, above, body in (
        ("titles", "Sales report,,,\nPrinted 17.06.2024,,,\n\n", text),
        ("sep", "sep=;\n", text.replace(",", ";")),
    ):
        (tmp_path / name).mkdir()
        sales = tmp_path / name / "sales.csv"
        sales.write_text(above + body)
        config, said = init(sales)
        assert f"the header is line {above.count(chr(10)) + 1}" in said
        assert loaded(config)["units"].sum() == frame["units"].sum()
        sales.write_text(above + body.replace("2023-01-04", "2023-01-xx", 1))
        with pytest.raises(InputError, match=rf"line {above.count(chr(10)) + 4}, column date"):
            ingest(config, tmp_path / name / "w.duckdb")


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "zip", "folder", "jsonl", "parquet"])
def test_ways_to_store_a_table(tmp_path: Path, suffix: str) -> None:
    frame = shop()
    path = tmp_path / f"sales.{suffix}"
    if suffix == "csv":
        wide = frame.pivot(index=["store", "item"], columns="date", values="units").reset_index()
        wide.to_csv(path, index=False)
    elif suffix == "xlsx":
        frame = frame.assign(date=pd.to_datetime(frame["date"]))
        with pd.ExcelWriter(path) as book:
            pd.DataFrame({"a": ["read me"]}).to_excel(book, sheet_name="notes", index=False)
            frame.to_excel(book, sheet_name="sales", index=False, startrow=3)
    elif suffix == "zip":
        frame.to_csv(path, index=False, compression={"method": "zip", "archive_name": "export/sales.csv"})
    elif suffix == "folder":
        path.mkdir()
        frame[frame["date"] < "2024-01-01"].to_csv(path / "2023.csv", index=False)
        frame[frame["date"] >= "2024-01-01"].to_csv(path / "2024.csv", index=False)
    elif suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    config, _ = init(path)
    daily = loaded(config)
    assert daily["units"].sum() == frame["units"].sum()
    assert daily["date"].max() == pd.Timestamp(LAST)
